/// reprise doctor: is this machine fit to measure on?
#include "harness/report/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "engine/core/build_info.h"
#include "engine/core/utc_time.h"
#include "harness/clock/fixed_work.h"
#include "harness/clock/roofline.h"
#include "harness/measure/noise_floor.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

/// An arm whose work is the same each time, in memory of its own.
class FixedWorkRunner final : public harness::Runner {
 public:
  FixedWorkRunner(int threads, harness::Clock& clock) : work_(threads), clock_(clock) {}
  void restore() override {}
  harness::Sample run() override {
    harness::Sample sample;
    const harness::Seconds start = clock_.now();
    work_.run();
    sample.total_seconds = clock_.now() - start;
    sample.verified = true;
    return sample;
  }

 private:
  harness::FixedWork work_;
  harness::Clock& clock_;
};

void measure_noise(int threads, double seconds, harness::Clock& clock, harness::Conditions& conditions,
                   ProgressLine& progress) {
  FixedWorkRunner a(threads, clock);
  FixedWorkRunner b(threads, clock);
  const harness::NoiseFloor noise = harness::measure_noise_floor(
      a, b, seconds, clock,
      [&](std::size_t pairs) { progress.show(fmt::format("equal work against itself, pair {}", pairs)); });
  conditions.noise_floor_fraction = noise.fraction;
  conditions.noise_floor_pairs = noise.pairs;
  conditions.detectable_fraction = noise.detectable_fraction;
}

harness::Diagnosis diagnose(int threads, double noise_seconds) {
  harness::Diagnosis diagnosis{
      engine::utc_now(), engine::build_info(), harness::describe_machine(), harness::read_conditions(), {}};
  harness::Conditions& conditions = diagnosis.conditions;
  const auto time_before = harness::read_processor_time();
  const harness::ThrottleCounts throttled_before = harness::read_throttle_counts();
  harness::MonotonicClock clock;
  ProgressLine progress;
  progress.show("measuring the machine's limits");
  diagnosis.machine.roofline = harness::measure_roofline(threads, clock);
  conditions.timing_spread_fraction = harness::timing_spread(clock);
  conditions.timer = harness::timer_quality(clock);
  if (noise_seconds > 0) {
    measure_noise(threads, noise_seconds, clock, conditions, progress);
  }
  progress.clear();
  const harness::ThrottleCounts throttled = harness::read_throttle_counts();
  conditions.heat_throttled = harness::count_between(throttled_before.heat, throttled.heat);
  conditions.quota_throttled = harness::count_between(throttled_before.quota, throttled.quota);
  conditions.steal_fraction = harness::steal_fraction(time_before, harness::read_processor_time());
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
               "profiles compare every kernel with them. Then it runs equal work against itself, in turns as "
               "`compare` does: the\n"
               "machine's noise floor, and the smallest change that a minute would show. It ends with what "
               "would spoil a\n"
               "measurement, and what to do.\n\n"
               "Examples:\n"
               "  reprise doctor\n"
               "  reprise doctor --noise-seconds 60\n"
               "  reprise doctor --threads 4 --json\n");
  struct Flags {
    int threads = 0;
    double noise_seconds = 10;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  command
      ->add_option("--threads", flags->threads,
                   "Measure with 1 thread and with this many (0, the default: all)")
      ->check(whole_number(0, 1024));
  command
      ->add_option("--noise-seconds", flags->noise_seconds,
                   "Run equal work against itself this long (default 10; 0: don't)")
      ->check(number_from(0.0, 3600.0));
  command->add_flag("--json", flags->json, "Print all of it as JSON");
  command->callback([flags] {
    const int all = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 1024U));
    const harness::Diagnosis diagnosis =
        diagnose(flags->threads == 0 ? all : flags->threads, flags->noise_seconds);
    write_output("-", flags->json ? harness::doctor_json(diagnosis) : harness::doctor_text(diagnosis));
  });
}

}  // namespace reprise::cli
