/// reprise history: figures over commits, and where they changed.
#include "tools/cli/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/utc_time.h"
#include "engine/io/printable.h"
#include "harness/regress/history/detect.h"
#include "harness/regress/history/history_json.h"
#include "harness/regress/history/history_site.h"
#include "harness/regress/history/history_text.h"
#include "harness/regress/history/time_text.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using harness::ChangePointOptions;
using harness::OpenMode;
using harness::TrackChanges;

/// --window, --p, --min-magnitude.
class DetectFlags {
 public:
  explicit DetectFlags(CLI::App& command) {
    command
        .add_option("--window", options_.window,
                    "Points that are compared with each other (default 50): older history neither hides "
                    "a change nor makes one")
        ->check(whole_number(2 * options_.min_segment + 2, harness::kMaxChangePointWindow));
    command.add_option(
        "--p", options_.max_p,
        "A change is one that so few orders of the same figures would show (default 0.001); from "
        "1e-6");
    command.add_option("--min-magnitude", options_.min_magnitude,
                       "Changes of less than this share are not reported (default 0.01: 1 %)");
  }

  /// Errors: invalid_argument naming the flag that is out of range.
  [[nodiscard]] ChangePointOptions options() const {
    constexpr double kMostPermutations = 1e6;
    ChangePointOptions options = options_;
    if (!(options.max_p >= 1 / kMostPermutations && options.max_p < 1)) {
      fail(ErrorCode::invalid_argument, "--p: expected a number from 1e-6 to below 1, found {}",
           options.max_p);
    }
    if (!(options.min_magnitude >= 0)) {
      fail(ErrorCode::invalid_argument, "--min-magnitude: expected a number of at least 0, found {}",
           options.min_magnitude);
    }
    if (const std::size_t fewest = harness::fewest_points(options); options.window < fewest) {
      fail(ErrorCode::invalid_argument,
           "--window: expected at least {} points, the fewest that can show --p {}, found {}", fewest,
           options.max_p, options.window);
    }
    // Twice as many as this p needs to be seen at all.
    const double needed = std::min(std::ceil(2 / options.max_p) - 1, kMostPermutations);
    options.permutations = std::max(options.permutations, static_cast<int>(needed));
    return options;
  }

 private:
  ChangePointOptions options_;
};

std::vector<TrackChanges> search(std::vector<harness::Track> tracks, const ChangePointOptions& options) {
  ProgressLine progress;
  std::vector<TrackChanges> all;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    progress.show(fmt::format("looking for changes: series {} of {}", i + 1, tracks.size()));
    all.push_back(harness::detect(std::move(tracks[i]), options));
  }
  return all;
}

void add_list(CLI::App& history) {
  auto* command =
      history.add_subcommand("list", "One line for each series: what it is of, its newest figure");
  set_examples(*command,
               "A series is one metric of one capture at one placement on one machine.\n\n"
               "Examples:\n"
               "  reprise history list --branch main\n"
               "  reprise history list --filter decode_tokens --json\n");
  auto database = std::make_shared<DatabaseFlag>(*command);
  auto tracks = std::make_shared<TrackFlags>(*command);
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "The same for machines");
  command->callback([=] {
    harness::History opened = database->open(OpenMode::existing);
    const std::vector<harness::Track> found = tracks->tracks(opened);
    if (!*json) {
      write_output("-", harness::list_table(found));
      return;
    }
    std::vector<TrackChanges> plain;
    for (const harness::Track& track : found) {
      plain.push_back({track});
    }
    write_output("-", harness::history_json(plain, {}, engine::utc_now()));
  });
}

/// --since as history times are spelled, "" where it was not given.
std::string since_of(const std::string& text, bool fail_on_regression) {
  if (text.empty()) {
    return "";
  }
  const std::optional<std::string> since = harness::utc_text(text);
  if (!since || !fail_on_regression) {
    fail(ErrorCode::invalid_argument, "--since: expected {}, found '{}'",
         since ? "--fail-on-regression beside it" : "a time such as 2026-01-31", engine::printable(text));
  }
  return *since;
}

void add_detect(CLI::App& history, int& exit_code) {
  auto* command =
      history.add_subcommand("detect", "Find where figures changed for good, between which commits");
  set_examples(*command,
               "Change points by e-divisive means, with a permutation test (harness/README.md, \"History\"). "
               "With the default --p,\na step is seen from 4 points after it where 20 are before it, from 8 "
               "where 8 are; in fewer than 10 points, none.\n\n"
               "Examples:\n"
               "  reprise history detect --branch main\n"
               "  reprise history detect --branch main --min-magnitude 0.05 --fail-on-regression\n"
               "  reprise history detect --branch main --fail-on-regression --since 2026-01-31\n");
  auto database = std::make_shared<DatabaseFlag>(*command);
  auto tracks = std::make_shared<TrackFlags>(*command);
  auto detect = std::make_shared<DetectFlags>(*command);
  struct Flags {
    bool json = false;
    bool fail_on_regression = false;
    std::string since;
  };
  auto flags = std::make_shared<Flags>();
  command->add_flag("--fail-on-regression", flags->fail_on_regression,
                    "Exit code 1 when the newest level of a series is worse than the one before it");
  command->add_option("--since", flags->since,
                      "With --fail-on-regression: regressions whose first report is older than this date are "
                      "accepted");
  command->add_flag("--json", flags->json, "The same for machines");
  command->callback([=, &exit_code] {
    const ChangePointOptions options = detect->options();
    const std::string since = since_of(flags->since, flags->fail_on_regression);
    harness::History opened = database->open(OpenMode::existing);
    const std::vector<TrackChanges> found = search(tracks->tracks(opened), options);
    write_output("-", flags->json ? harness::history_json(found, {.changes = true}, engine::utc_now())
                                  : harness::changes_table(found));
    const bool worse = std::any_of(found.begin(), found.end(),
                                   [&](const TrackChanges& t) { return t.newest_is_regression(since); });
    exit_code = flags->fail_on_regression && worse ? kRegression : kPass;
  });
}

void add_site(CLI::App& history) {
  auto* command = history.add_subcommand("site", "Write the history as one web page, with charts");
  set_examples(*command,
               "The page loads nothing from elsewhere: open it from disk, or serve the folder.\n\n"
               "Examples:\n"
               "  reprise history site --out site\n"
               "  reprise history site --branch main --out site\n");
  auto database = std::make_shared<DatabaseFlag>(*command);
  auto tracks = std::make_shared<TrackFlags>(*command);
  auto detect = std::make_shared<DetectFlags>(*command);
  auto out = std::make_shared<std::string>();
  command->add_option("--out", *out, "Folder for index.html and history.json")->required();
  auto html = std::make_shared<HtmlFlag>(*command);
  command->callback([=] {
    const ChangePointOptions options = detect->options();
    html->check();
    harness::History opened = database->open(OpenMode::existing);
    const std::vector<TrackChanges> found = search(tracks->tracks(opened), options);
    const std::string now = engine::utc_now();
    const std::filesystem::path folder = *out;
    const std::string json = harness::history_json(found, {.points = true, .changes = true}, now);
    make_folder(folder);
    write_output(folder / "history.json", json);
    html->write(json);
    write_output(folder / "index.html", harness::history_page(found, now));
    write_output("-", fmt::format("{}: {}\n", (folder / "index.html").string(), harness::extent_of(found)));
  });
}

}  // namespace

DatabaseFlag::DatabaseFlag(CLI::App& command) {
  command.add_option("--db", location_,
                     "The history: a SQLite file (default: reprise-history.sqlite here), or PostgreSQL as "
                     "postgresql://user@host/database");
}

TrackFlags::TrackFlags(CLI::App& command) {
  command.add_option("--branch", branch_, "Only figures of this branch (\"\": of none)");
  command.add_option("--machine", machine_,
                     "Only this machine: its fingerprint, or a part of its description");
  command.add_option(
      "--filter", text_,
      "Only series with this text in capture, metric, placement, the capture's id or the model's digest");
}

std::vector<harness::Track> TrackFlags::tracks(harness::History& history) const {
  std::vector<harness::Track> found = history.tracks({branch_, text_, machine_});
  if (found.empty()) {
    fail(
        ErrorCode::not_found, "{}: expected series with figures, found none{}", history.name(),
        branch_ || !text_.empty() || !machine_.empty() ? " that --branch, --machine and --filter leave" : "");
  }
  return found;
}

void add_history(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("history", "Keep figures over commits, and find where they changed");
  command->require_subcommand(1);
  set_examples(*command,
               "Examples:\n"
               "  reprise history add report.json --branch main\n"
               "  reprise history detect --branch main --fail-on-regression\n"
               "  reprise history site --out site\n");
  add_history_add(*command);
  add_list(*command);
  add_detect(*command, exit_code);
  add_history_import(*command);
  add_history_export(*command);
  add_site(*command);
}

}  // namespace reprise::cli
