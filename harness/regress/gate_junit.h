/// A judged gate as JUnit XML, which continuous integration shows as tests: a suite for each capture at a
/// placement, a case for each metric. Used by tools/cli.
#pragma once

#include <string>

#include "harness/regress/gate.h"

namespace reprise::harness {

/// What fails the gate is a failure; what would, but was accepted, is too noisy or only informs, and what is
/// inconclusive or not compared, is skipped with the reason. Outputs that differ are a failing case of their
/// own, informational or not.
std::string gate_junit(const Gate& gate);

}  // namespace reprise::harness
