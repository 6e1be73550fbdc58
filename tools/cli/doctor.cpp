/// reprise doctor: is this machine fit to measure on?
#include "harness/report/doctor.h"

#include <algorithm>
#include <thread>

#include "engine/core/build_info.h"
#include "engine/core/utc_time.h"
#include "harness/clock/roofline.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

harness::Diagnosis diagnose(int threads) {
  harness::Diagnosis diagnosis{
      engine::utc_now(), engine::build_info(), harness::describe_machine(), harness::read_conditions(), {}};
  const auto before = harness::read_processor_time();
  harness::MonotonicClock clock;
  diagnosis.machine.roofline = harness::measure_roofline(threads, clock);
  diagnosis.conditions.timing_spread_fraction = harness::timing_spread(clock);
  diagnosis.conditions.steal_fraction = harness::steal_fraction(before, harness::read_processor_time());
  diagnosis.findings = harness::findings_of(diagnosis.machine, diagnosis.conditions);
  return diagnosis;
}

}  // namespace

void add_doctor(CLI::App& app, int& /*exit_code*/) {
  auto* command =
      app.add_subcommand("doctor", "Is this machine fit to measure on? Its limits, and what disturbs it");
  set_examples(*command,
               "Measures for two seconds what the machine can do at most: reading memory, in small pages and "
               "in huge ones,\n"
               "and arithmetic by each instruction that it has. Reports of `bench` and `profile` carry these "
               "limits, and\n"
               "profiles compare every kernel with them. Then it says what would spoil a measurement, and "
               "what to do.\n\n"
               "Examples:\n"
               "  reprise doctor\n"
               "  reprise doctor --threads 4 --json\n");
  struct Flags {
    int threads = 0;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  command
      ->add_option("--threads", flags->threads,
                   "Measure with 1 thread and with this many (0, the default: all)")
      ->check(whole_number(0, 1024));
  command->add_flag("--json", flags->json, "Print all of it as JSON");
  command->callback([flags] {
    const int all = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 1024U));
    const harness::Diagnosis diagnosis = diagnose(flags->threads == 0 ? all : flags->threads);
    write_output("-", flags->json ? harness::doctor_json(diagnosis) : harness::doctor_text(diagnosis));
  });
}

}  // namespace reprise::cli
