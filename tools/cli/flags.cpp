#include "tools/cli/flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "engine/core/error.h"
#include "engine/core/monotonic.h"
#include "engine/io/atomic_write.h"
#include "harness/report/colours.h"
#include "harness/report/console.h"
#include "harness/report/github_annotations.h"
#include "harness/report/html_page.h"
#include "harness/report/markdown.h"
#include "harness/report/report_csv.h"
#include "harness/report/report_json.h"
#include "harness/report/verdict_table.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

struct PlacementFlag {
  const char* flag;
  const char* key;
  const char* help;
};

constexpr PlacementFlag kPlacementFlags[] = {
    {"--backend", "backend",
     "cpu (default) | hip: a GPU, AMD's or NVIDIA's | hip-emulated: the same kernels on the processor, "
     "slowly | "
     "reference: plain loops, one thread, the definition of correct"},
    {"--isa", "isa",
     "auto (default: the widest this machine has, or its first GPU) | scalar | avx2 | avx512 | avx512_vnni | "
     "amx; of "
     "GPUs gfx90a, sm_90, ...; emulated: wave32 | wave64; the bits are the same"},
    {"--precision", "precision",
     "of weight matrices: native (default: as stored; GGUF formats other than Q8_0 and Q4_0 become int8) | "
     "f32 | f16 | bf16 | int8 | int4"},
    {"--kv-cache", "kv_cache",
     "on (default) | off: recompute every position at every step; the bits are the same"},
    {"--kv-precision", "kv_precision", "of cached keys and values: f32 (default) | f16 | bf16 | int8"},
    {"--threads", "threads", "0 (default): all of this machine's; the bits are the same"},
    {"--numerics", "numerics",
     "exact (default): equal bits on every CPU and GPU | fast: hardware dot products in bf16 and f16 "
     "prefill"},
};

const char* flag_of(std::string_view key) {
  const auto named = [key](const PlacementFlag& flag) { return flag.key == key; };
  return std::find_if(std::begin(kPlacementFlags), std::end(kPlacementFlags), named)->flag;
}

/// The stopping rule's options as this command line calls them.
constexpr std::pair<const char*, const char*> kMeasureFlags[] = {{"target_half_width", "--target"},
                                                                 {"confidence", "--confidence"},
                                                                 {"min_seconds", "--min-seconds"},
                                                                 {"budget_seconds", "--budget"}};

}  // namespace

std::string expectation(const Error& error) {
  const std::string text = error.what();
  const std::size_t at = text.find("expected ");
  return at == std::string::npos ? text : text.substr(at);
}

PlacementFlags::PlacementFlags(CLI::App& command) {
  for (const PlacementFlag& flag : kPlacementFlags) {
    const auto keep = [this, key = flag.key](const std::string& value) { values_.emplace_back(key, value); };
    command.add_option_function<std::string>(flag.flag, keep, flag.help)->group("Placement");
  }
}

engine::Placement PlacementFlags::placement(engine::Placement defaults) const {
  engine::Placement placement = std::move(defaults);
  for (const auto& [key, value] : values_) {
    try {
      engine::set_placement(placement, key, value);
    } catch (const Error& error) {
      fail(error.code(), "{}: {}", flag_of(key), expectation(error));
    }
  }
  return placement;
}

ModelFlags::ModelFlags(CLI::App& command) {
  command.add_option("--model", model_,
                     "The model to use: as for `generate`. Default: the one with the captured "
                     "digest where it was captured, or in a folder of REPRISE_MODELS (separated by colons)");
}

harness::ModelFinder ModelFlags::finder() const {
  std::vector<std::filesystem::path> folders;
  if (const char* variable = std::getenv("REPRISE_MODELS"); variable != nullptr) {
    std::string rest = variable;
    while (!rest.empty()) {
      const std::size_t colon = std::min(rest.find(':'), rest.size());
      if (colon > 0) {
        folders.emplace_back(rest.substr(0, colon));
      }
      rest.erase(0, colon + 1);
    }
  }
  return {model_, std::move(folders)};
}

MeasureFlags::MeasureFlags(CLI::App& command) {
  command
      .add_option("--target", options_.target_half_width,
                  "Stop when the interval of the median is within plus or minus this share (default 0.01)")
      ->group("Measuring");
  command.add_option("--confidence", options_.confidence, "Of that interval (default 0.95)")
      ->group("Measuring");
  command.add_option("--min-runs", options_.min_runs, "Runs at least (default 15)")
      ->check(whole_number(1, options_.max_runs))
      ->group("Measuring");
  command
      .add_option("--min-seconds", min_seconds_,
                  "Seconds of timed runs at least (default 0.5, or half the budget where that is less)")
      ->group("Measuring");
  command.add_option("--budget", options_.budget_seconds, "Seconds at most for each row (default 30)")
      ->group("Measuring");
}

harness::MedianRuleOptions MeasureFlags::options() const {
  harness::MedianRuleOptions options = options_;
  options.min_seconds = min_seconds_.value_or(default_min_seconds(options.budget_seconds));
  try {
    harness::MedianRule checked(options);
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const auto& [option, flag] : kMeasureFlags) {
      if (text.find(option) != std::string::npos) {
        fail(error.code(), "{}: {}", flag, expectation(error));
      }
    }
    throw;
  }
  return options;
}

double default_min_seconds(double budget_seconds) {
  // A budget that is no number is left to the rule, which refuses it by name.
  return budget_seconds > 0 ? std::min(harness::MedianRuleOptions{}.min_seconds, budget_seconds / 2) : 0;
}

ModeFlags::ModeFlags(CLI::App& command) {
  auto* forced =
      command.add_flag("--forced", forced_,
                       "The captured tokens drive decoding, whatever this placement would draw: equal work "
                       "for unequal bits. Default where the placements' bits may differ");
  command
      .add_flag(
          "--free", free_,
          "The token sampler runs, and every bit must be the captured one (else exit code 3). Default where "
          "the numerics contract promises it")
      ->excludes(forced);
}

std::optional<harness::ReplayMode> ModeFlags::mode() const {
  if (forced_) {
    return harness::ReplayMode::forced;
  }
  return free_ ? std::optional(harness::ReplayMode::free) : std::nullopt;
}

HtmlFlag::HtmlFlag(CLI::App& command) {
  command.add_option("--html", path_, "Write one self-contained page here, to be opened in a browser")
      ->type_name("FILE");
}

void HtmlFlag::check() const {
  if (!is_given()) {
    return;
  }
  if (path_ == "-") {
    fail(ErrorCode::invalid_argument, "--html: expected a file, found -");
  }
  if (!harness::has_html_page()) {
    harness::html_page("{}");  // says what is missing
  }
  engine::AtomicFile unused(path_);
}

void HtmlFlag::write(const harness::Report& report) const {
  if (is_given()) {
    write_output(path_, harness::html_page_of(report));
  }
}

void HtmlFlag::write(std::string_view json) const {
  if (is_given()) {
    write_output(path_, harness::html_page(json));
  }
}

namespace {

/// What is wrong with it, for CLI11; "" where nothing is.
std::string check_format(const std::string& format) {
  constexpr std::array kFormats = {"table", "markdown", "csv", "json", "github"};
  return std::find(kFormats.begin(), kFormats.end(), format) != kFormats.end()
             ? ""
             : fmt::format("expected one of {}, found '{}'", fmt::join(kFormats, ", "), format);
}

/// Text of which no line is a command to GitHub Actions, whatever a capture is called.
std::string without_commands(const std::string& text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts_line = i == 0 || text[i - 1] == '\n';
    safe += starts_line && text.compare(i, 2, "::") == 0 ? " :" : std::string(1, text[i]);
  }
  return safe;
}

}  // namespace

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

ReportFlags::ReportFlags(CLI::App& command, Formats formats) : html_(command) {
  command.add_option("--json", json_, "Write the report here (\"-\": standard output, without the tables)");
  if (formats == Formats::json_and_markdown) {
    command.add_option("--markdown", markdown_,
                       "Write the comparison table as Markdown here (\"-\": as above)");
  }
  command
      .add_option(
          "--format", format_,
          "What standard output gets: table (default) | markdown | csv | json | github: the table, and "
          "what GitHub Actions shows beside a change")
      ->check(CLI::Validator(check_format, ""));
}

std::string ReportFlags::output_of(const harness::Report& report, const std::string& console) const {
  if (format_ == "markdown" && is_profile(report)) {
    return harness::kernel_rows(report.rows.front()).to_markdown();
  }
  if (format_ == "markdown") {
    return report.comparisons.empty() ? harness::markdown_comparison_table(report)
                                      : harness::verdict_rows(report).to_markdown();
  }
  if (format_ == "csv") {
    return harness::report_csv(report);
  }
  if (format_ == "json") {
    return harness::to_text(report);
  }
  if (format_ == "github") {
    return harness::github_annotations(report) + without_commands(console);
  }
  return wants_colour() ? harness::coloured(console) : console;
}

void ReportFlags::check() const {
  html_.check();
  if (json_ == "-" && markdown_ == "-") {
    fail(ErrorCode::invalid_argument,
         "--markdown: expected a file while --json has standard output, found -");
  }
  for (const std::string& path : {json_, markdown_}) {
    if (!path.empty() && path != "-") {
      engine::AtomicFile unused(path);
    }
  }
}

void ReportFlags::publish(const harness::Report& report, const std::string& console) const {
  const bool console_is_free = json_ != "-" && markdown_ != "-";
  try {
    if (!json_.empty()) {
      write_output(json_, harness::to_text(report));
    }
    if (!markdown_.empty()) {
      write_output(markdown_, harness::markdown_comparison_table(report));
    }
    html_.write(report);
  } catch (const Error&) {
    if (console_is_free) {
      write_output("-", output_of(report, console));
    }
    throw;
  }
  if (console_is_free) {
    write_output("-", output_of(report, console));
  }
}

void write_output(const std::string& path, const std::string& text) {
  if (path == "-") {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
      fail(ErrorCode::io, "standard output: expected to write {} bytes, found an error", text.size());
    }
    return;
  }
  engine::write_file_atomically(path, text);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!std::filesystem::is_directory(folder, error)) {
    fail(ErrorCode::io, "{}: expected a folder that can be made, found {}", folder.string(),
         error ? error.message() : "something else of this name");
  }
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1), start_(engine::monotonic_seconds()) {}

ProgressLine::~ProgressLine() {
  clear();
}

bool ProgressLine::is_due() const {
  const double now = engine::monotonic_seconds();
  return terminal_ && now - start_ >= 1 && now - last_ >= 0.1;
}

void ProgressLine::show(const std::string& text) {
  if (!is_due()) {
    return;
  }
  last_ = engine::monotonic_seconds();
  shown_ = true;
  say("\r\x1b[K{}", text);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (shown_) {
    say("\r\x1b[K");
    std::fflush(stderr);
    shown_ = false;
  }
}

}  // namespace reprise::cli
