/// The files that `reprise profile` writes beside its table: traces and flame graphs for other programs, and
/// a folder with all of them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "harness/report/report.h"

namespace reprise::cli {

/// --trace, --flamegraph, --futhark, --out.
class ProfileFiles {
 public:
  explicit ProfileFiles(CLI::App& command);

  /// Whether any was asked for: they need a timeline.
  [[nodiscard]] bool are_wanted() const;
  /// Before anything is measured. Errors: a file or folder that could not be written.
  void check() const;
  /// `report`: of one profiled row. `summary`: the table and what stands under it.
  /// Errors: invalid_data when the row has no timeline, because it was of too many events.
  void write(const harness::Report& report, const std::string& summary) const;

 private:
  std::string trace_;
  std::string flamegraph_;
  std::string futhark_;
  std::string folder_;
};

}  // namespace reprise::cli
