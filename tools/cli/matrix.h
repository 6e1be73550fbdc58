/// Captures x placements, verified, measured together and reported: what replay and bench have in common.
#pragma once

#include <string>
#include <vector>

#include "engine/capture/capture.h"
#include "harness/measure/stopping_rule.h"
#include "harness/replay/engine_replay.h"
#include "harness/replay/find_model.h"
#include "harness/report/report.h"

namespace reprise::cli {

/// A capture with the name its rows carry: the file's, without folder and extensions.
struct NamedCapture {
  std::string name;
  engine::Capture capture;
};
NamedCapture read_named_capture(const std::string& path);

struct MatrixPlan {
  std::vector<NamedCapture> captures;
  std::vector<engine::Placement> placements;
  std::optional<harness::ReplayMode> mode;  ///< absent: as each placement demands
  harness::MedianRuleOptions measure;
  std::uint64_t seed = 1;  ///< of the order in which rows take turns
  bool profile = false;    ///< add cost centres to every row, from runs of their own
};

/// One row for each capture at each placement, captures outermost. Rows whose outputs do not agree are in the
/// report without figures. Errors: those of the finder, of EngineReplay, and of MedianRule.
harness::Report run_matrix(const MatrixPlan& plan, harness::ModelFinder& finder);

/// A report about this machine and build, without rows; its roofline is measured, which takes one to two
/// seconds.
harness::Report empty_report();

/// The parts of a row that are known before anything is timed.
harness::Row describe_row(const NamedCapture& capture, const harness::EngineReplay& replay);

/// What it takes now, and what this process has taken at most.
harness::MemoryUse memory_of(const harness::EngineReplay& replay);

/// The comparison table, what differs in rows that failed, and the kernels of the fastest row that was
/// profiled.
std::string console_text(const harness::Report& report);

/// kOutputsDiffer if any row's outputs do not agree with its capture, else kPass.
int exit_code_of(const harness::Report& report);

}  // namespace reprise::cli
