/// Flags that several subcommands share.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/backends/placement.h"
#include "harness/measure/stopping_rule.h"
#include "harness/replay/find_model.h"
#include "harness/replay/verification.h"

namespace reprise::cli {

/// --backend, --isa, --precision, --kv-cache, --kv-precision, --threads, --numerics.
class PlacementFlags {
 public:
  explicit PlacementFlags(CLI::App& command);

  /// Errors: those of set_placement.
  [[nodiscard]] engine::Placement placement() const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// --model, and the folders of REPRISE_MODELS.
class ModelFlags {
 public:
  explicit ModelFlags(CLI::App& command);

  [[nodiscard]] harness::ModelFinder finder() const;

 private:
  std::string model_;
};

/// --target, --confidence, --min-runs, --budget: when to stop measuring a row.
class MeasureFlags {
 public:
  explicit MeasureFlags(CLI::App& command);

  [[nodiscard]] const harness::AdaptiveMedianOptions& options() const { return options_; }

 private:
  harness::AdaptiveMedianOptions options_;
};

/// --forced, --free.
class ModeFlags {
 public:
  explicit ModeFlags(CLI::App& command);

  [[nodiscard]] std::optional<harness::ReplayMode> mode() const;

 private:
  bool forced_ = false;
  bool free_ = false;
};

/// Writes text to a file atomically, or to standard output when the path is "-".
void write_output(const std::string& path, const std::string& text);

/// A line on stderr that is overwritten in place; silent unless stderr is a terminal, and for the first second.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const std::string& text);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  double start_;
  double last_ = 0;
};

}  // namespace reprise::cli
