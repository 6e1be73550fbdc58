/// Flags that several subcommands share.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backends/placement.h"
#include "engine/core/error.h"
#include "harness/measure/stopping_rule.h"
#include "harness/replay/find_model.h"
#include "harness/replay/verification.h"
#include "harness/report/report.h"

namespace reprise::cli {

/// What an error of a library expected and found, for a message that names the place in this program's words.
std::string expectation(const Error& error);

/// --backend, --isa, --precision, --kv-cache, --kv-precision, --threads, --numerics.
class PlacementFlags {
 public:
  explicit PlacementFlags(CLI::App& command);

  [[nodiscard]] bool are_given() const { return !values_.empty(); }
  /// `defaults` where no flag says otherwise. Errors: those of set_placement.
  [[nodiscard]] engine::Placement placement(engine::Placement defaults = {}) const;

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

/// --target, --confidence, --min-runs, --min-seconds, --budget: when to stop measuring a row.
class MeasureFlags {
 public:
  explicit MeasureFlags(CLI::App& command);

  /// Errors: invalid_argument naming the flag that is out of range.
  [[nodiscard]] harness::MedianRuleOptions options() const;

 private:
  harness::MedianRuleOptions options_;
  std::optional<double> min_seconds_;
};

/// Seconds of timed runs at least, where nobody said: a budget below a second must still be able to converge.
double default_min_seconds(double budget_seconds);

/// --forced, --free.
class ModeFlags {
 public:
  explicit ModeFlags(CLI::App& command);

  [[nodiscard]] std::optional<harness::ReplayMode> mode() const;

 private:
  bool forced_ = false;
  bool free_ = false;
};

/// --html: one page that shows a document.
class HtmlFlag {
 public:
  explicit HtmlFlag(CLI::App& command);

  [[nodiscard]] bool is_given() const { return !path_.empty(); }
  /// Before anything is measured. Errors: a build without the page, or a file that could not be written.
  void check() const;
  /// The page of a report's, gate's or history's JSON, where it was asked for.
  void write(std::string_view json) const;
  void write(const harness::Report& report) const;

 private:
  std::string path_;
};

/// --json, --html and, for tables of several rows, --markdown: where a report goes besides the console;
/// --format: what the console gets.
class ReportFlags {
 public:
  enum class Formats { json, json_and_markdown };
  ReportFlags(CLI::App& command, Formats formats);

  /// Before anything is measured. Errors: a file that could not be written, or two outputs on standard
  /// output.
  void check() const;
  /// The files, then `console` on standard output unless one of them is there. When a file fails all the
  /// same, what was measured still stands on the console.
  void publish(const harness::Report& report, const std::string& console) const;

  [[nodiscard]] bool wants_html() const { return html_.is_given(); }

 private:
  [[nodiscard]] std::string output_of(const harness::Report& report, const std::string& console) const;

  std::string json_;
  std::string markdown_;
  std::string format_ = "table";
  HtmlFlag html_;
};

/// Words on standard error. A standard error that cannot be written is no reason to fail.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  std::fputs(fmt::format(format, std::forward<Args>(args)...).c_str(), stderr);
}

/// Whether standard output is a terminal that shows colours, unless NO_COLOR is set to anything
/// (no-color.org).
bool wants_colour();

/// Writes text to a file atomically, or to standard output when the path is "-".
void write_output(const std::string& path, const std::string& text);

/// With those it lies in. Errors: io, naming it, when something else has the name or it cannot be made.
void make_folder(const std::filesystem::path& folder);

/// A line on stderr that is overwritten in place; silent unless stderr is a terminal, and for the first
/// second.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Whether show() would write now: what takes time to say is then worth working out.
  [[nodiscard]] bool is_due() const;
  void show(const std::string& text);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  double start_;
  double last_ = 0;
};

}  // namespace reprise::cli
