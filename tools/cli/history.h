/// What the subcommands of `reprise history` share. history.cpp has those that look into a history,
/// history_files.cpp those that bring figures in and out.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/regress/history/history.h"

namespace reprise::cli {

/// --db: where the history is.
class DatabaseFlag {
 public:
  explicit DatabaseFlag(CLI::App& command);

  [[nodiscard]] harness::History open(harness::OpenMode mode) const { return {location_, mode}; }

 private:
  std::string location_ = "reprise-history.sqlite";
};

/// --branch, --machine, --filter: which series.
class TrackFlags {
 public:
  explicit TrackFlags(CLI::App& command);

  /// Errors: not_found when there are none.
  [[nodiscard]] std::vector<harness::Track> tracks(harness::History& history) const;

 private:
  std::optional<std::string> branch_;
  std::string text_;
  std::string machine_;
};

/// Each adds one subcommand of `history`.
void add_history_add(CLI::App& history_command);
void add_history_import(CLI::App& history_command);
void add_history_export(CLI::App& history_command);

}  // namespace reprise::cli
