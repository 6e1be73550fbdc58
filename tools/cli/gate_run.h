/// Measures what a gate judges: two builds on every capture and placement of a specification. Used by
/// gate.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/regress/gate.h"
#include "tools/cli/bench_spec.h"

namespace reprise::cli {

struct GatePlan {
  std::string base;  ///< a program
  std::string head;
  std::string model;  ///< of both builds; empty: where the captures say
  BenchSpec spec;  ///< its captures, placements and mode; what it says of measuring a row alone is not used
  double budget_seconds = 60;  ///< of each row's pairs; the noise floor takes a quarter more
  int processes = 5;           ///< pairs of them for each row
  double band = 0.01;
  std::uint64_t seed = 1;
  harness::GateOptions options;
};

/// Measured, and not judged yet. Every row is tried on both builds first. Regressions that could fail the
/// gate are measured once more when all rows are done. Errors: those of run_pairs.
harness::Gate run_gate(const GatePlan& plan);

}  // namespace reprise::cli
