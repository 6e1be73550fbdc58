/// A report as comma-separated values, for spreadsheets and scripts. Used by tools/cli.
#pragma once

#include <string>

#include "harness/report/report.h"

namespace reprise::harness {

/// A line a row: what ran, whether outputs agree, every metric that any row has with its interval (`NAME`,
/// `NAME_low`, `NAME_high`), and why it stopped; figures in full precision and SI units, empty where there
/// are none. Where rows were compared, a line a comparison instead; of a profile, a line a cost centre. RFC
/// 4180 with line feeds.
std::string report_csv(const Report& report);

}  // namespace reprise::harness
