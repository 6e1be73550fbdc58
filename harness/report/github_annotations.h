/// A report as lines that GitHub Actions shows beside a change. Used by tools/cli.
#pragma once

#include <string>

#include "harness/report/report.h"

namespace reprise::harness {

/// A workflow command a finding: `::error` for outputs that differ and for regressions, `::warning` for what
/// is inconclusive or did not converge, `::notice` for improvements; "" where there is nothing to say.
/// Source: docs.github.com, "Workflow commands for GitHub Actions".
std::string github_annotations(const Report& report);

}  // namespace reprise::harness
