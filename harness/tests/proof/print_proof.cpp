// Prints the tables of harness/README.md, "Proof": print_statistics_proof [replicates].
#include <fmt/format.h>

#include <cstdlib>

#include "harness/tests/measure/proof/proof.h"

int main(int argc, char** argv) {
  using namespace reprise::harness::proof;
  const int replicates = argc > 1 ? std::atoi(argv[1]) : 2000;
  if (replicates < 1) {
    fmt::print(stderr, "print_statistics_proof: replicates: expected a number from 1, found {}\n", argv[1]);
    return EXIT_FAILURE;
  }
  fmt::print("{} replicates a row.\n\n", replicates);
  fmt::print(
      "| one arm, noise of 0.1 s runs | covers | converged | runs | off by | t interval with looks | "
      "futhark's "
      "ladder |\n|---|---|---|---|---|---|---|\n");
  for (const OneArmCell& cell : one_arm_cells()) {
    const OneArmResult r = prove(cell, replicates);
    if (cell.has_steady_state) {
      fmt::print("| {} | {:.1f} % | {:.1f} % | {:.0f} | {:.2f} % | {:.1f} % | {:.1f} % |\n", cell.name,
                 100 * r.coverage, 100 * r.converged, r.runs, 100 * r.off_by, 100 * r.t_coverage,
                 100 * r.futhark_coverage);
    } else {
      fmt::print("| {} | | {:.1f} % | {:.0f} | | | |\n", cell.name, 100 * r.converged, r.runs);
    }
    std::fflush(stdout);
  }
  fmt::print(
      "\n| two arms, noise | false alarms | equivalent | pairs | finds 3 % | finds its MDE | Mann-Whitney: "
      "false "
      "alarms | NVBench: finds 3 % | 200 % threshold: finds 3 % |\n|---|---|---|---|---|---|---|---|---|\n");
  for (const TwoArmCell& cell : two_arm_cells()) {
    const TwoArmResult r = prove(cell, replicates);
    fmt::print(
        "| {} | {:.2f} % | {:.1f} % | {:.0f} | {:.1f} % | {:.1f} % | {:.1f} % | {:.1f} % | {:.1f} % |\n",
        cell.name, 100 * r.false_alarms, 100 * r.equivalent, r.pairs, 100 * r.found, 100 * r.found_at_mde,
        100 * r.mann_whitney_false_alarms, 100 * r.nvbench_found, 100 * r.threshold_found);
    std::fflush(stdout);
  }
}
