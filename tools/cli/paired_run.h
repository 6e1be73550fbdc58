/// One capture on two arms, each in processes of its own, as pairs of runs: what compare and gate have in
/// common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/measure/paired.h"
#include "harness/regress/paired_report.h"
#include "harness/replay/child_protocol.h"
#include "tools/cli/flags.h"

namespace reprise::cli {

/// A build of the program and the flags of its `runs` command: placement, model, mode.
struct ArmPlan {
  std::string name;  ///< in errors
  std::string program;
  std::vector<std::string> flags;
};

struct PairPlan {
  ArmPlan a;
  ArmPlan b;
  std::string capture;            ///< file
  harness::PairedOptions paired;  ///< its budget is that of all processes together
  int processes = 1;              ///< pairs of them, one after the other
  int profile_pairs = 0;          ///< 0: no cost centres
  bool counts = false;            ///< whether to ask both arms what a run does
};

/// The path of this very program.
std::string own_program();

/// The words of a command line, split at spaces outside of quotes.
std::vector<std::string> split_words(const std::string& text);

struct PairedRun {
  harness::ArmInfo a;
  harness::ArmInfo b;
  harness::PairedResult result;
  std::optional<harness::ChildCounts> a_counts = {};  ///< absent where not asked for, or outputs differ
  std::optional<harness::ChildCounts> b_counts = {};
};

/// Starts both arms and has them open and verify the capture, so that what cannot run is said before anything
/// is measured. Whether outputs agree does not matter yet. Errors: as below.
void try_arms(const PairPlan& plan);

/// Starts both arms, has them verify the capture, and takes pairs. Where one arm would replay free and the
/// other forced, both are forced, so that they do equal work. An arm whose outputs differ from the capture
/// ends it with a failed session. Errors: those of ChildReplay, with the arm's name.
PairedRun run_pairs(const PairPlan& plan, ProgressLine& progress);

}  // namespace reprise::cli
