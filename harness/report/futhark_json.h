/// A report for the tools of Futhark: `futhark profile` and `futhark benchcmp` open it. Used by tools/cli.
#pragma once

#include <string>

#include "harness/report/report.h"

namespace reprise::harness {

/// The JSON of `futhark bench --json`: a program for each capture, a dataset for each placement, with the
/// runs in whole microseconds; a row whose outputs differ, or that has no run, is the error text that it
/// would be there. A row with a timeline has its events, in microseconds, of provenance "unknown", and
/// "description" beside "details" for versions before 0.25.28. A profile without samples has its wall time as
/// its one run. Source: github.com/diku-dk/futhark, src/Futhark/Bench.hs and src/Futhark/Profile.hs.
std::string futhark_json(const Report& report);

}  // namespace reprise::harness
