/// The CSV that Apache Otava (formerly Hunter) reads, both ways: one run a line, a column `time`, columns
/// `commit` and `branch`, and a column for each metric.
///
/// Source: https://github.com/apache/otava/blob/master/docs/CSV.md and otava/importer.py, class CsvImporter.
///         Which columns are metrics stands in Otava's configuration, which this does not read.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/regress/history/formats/foreign.h"

namespace reprise::harness {

/// `columns` are the metrics, as in Otava's configuration; none: every column other than the three that holds
/// numbers and nothing else. A metric's empty fields are no figures. The benchmark is named after the file,
/// without folder and ending.
///
/// Each figure is a report of its own: when the file has grown a column, the figures of the others are still
/// those that a history has. Figures that are equal in all of time, commit, branch, column and value are one.
/// Errors: those of read_foreign; no column `time` or of `columns`, a column that stands twice, a field of a
///         metric that is no number.
std::vector<ForeignReport> read_otava(std::string_view text, const std::string& source, Better better,
                                      std::span<const std::string> columns = {});

/// Columns are "benchmark/metric". Reports of one time, commit and branch are one run, more only where they
/// have a column twice. Otava cannot read empty fields: runs that lack a column are left out.
/// Errors: invalid_argument, naming the column that most runs lack, when no run is left.
ForeignFile write_otava(std::span<const ForeignReport> reports);

}  // namespace reprise::harness
