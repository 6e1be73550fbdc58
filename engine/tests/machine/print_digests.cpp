// Prints the machine digests: `MODEL PRECISION kv=PRECISION SHA-256`, a line for each configuration, as the
// reference computes it. Every instruction set of this machine performs the same calls in eight schedules
// each, and what deviates gets a line of its own: two machines print the same if, and only if, they agree.
//
// Usage: print_machine_digests [MODEL...]     (all of them, in the order of the list)
#include <algorithm>
#include <cstdio>
#include <exception>

#include "engine/tests/machine/machine_digests.h"

namespace {

namespace kernels = reprise::engine::kernels;
using reprise::testing::cases_of;
using reprise::testing::kMachineModels;
using reprise::testing::MachineCall;
using reprise::testing::MachineCase;
using reprise::testing::MachineModel;
using reprise::testing::Schedule;
using reprise::testing::schedules_of_case;

/// Every instruction set in the schedules of this case.
void print_deviations(MachineCall& call, const MachineCase& which, const std::vector<Schedule>& schedules,
                      const std::string& expected) {
  for (const std::string_view isa : kernels::available_isas()) {
    for (const Schedule& schedule : schedules) {
      const std::string found = call.digest(which, isa, schedule);
      if (found != expected) {
        fmt::print("{} {} threads={} chunk={} cache={} {}\n", call.name(which), isa, schedule.threads,
                   schedule.prefill_chunk, schedule.kv_cache ? "on" : "off", found);
      }
    }
  }
}

void print_model(const MachineModel& model) {
  MachineCall call(model);
  std::size_t n_cases = 0;
  for (const MachineCase& which : cases_of(model)) {
    const std::string expected = call.reference(which);
    fmt::print("{} {}\n", call.name(which), expected);
    print_deviations(call, which, schedules_of_case(n_cases++), expected);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string_view> wanted(argv + 1, argv + argc);
  std::size_t n_printed = 0;
  for (const MachineModel& model : kMachineModels) {
    if (wanted.empty() || std::ranges::find(wanted, model.name) != wanted.end()) {
      print_model(model);
      ++n_printed;
    }
  }
  if (n_printed < wanted.size()) {
    reprise::fail(reprise::ErrorCode::invalid_argument, "MODEL: expected names of the list, found {}",
                  fmt::join(wanted, " "));
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "print_machine_digests: {}\n", error.what());
  return 4;
}
