/// reprise history add, import, export: figures into a history and out of it.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/utc_time.h"
#include "engine/io/json_text.h"
#include "engine/io/mapped_file.h"
#include "engine/io/printable.h"
#include "harness/regress/history/formats/foreign.h"
#include "harness/report/units.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/history.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using harness::Better;
using harness::ForeignFormat;
using harness::OpenMode;
using harness::Submission;

/// All submissions or, where one is wrong, none, in one transaction.
std::vector<harness::AddResult> add_all(harness::History& history,
                                        const std::vector<Submission>& submissions) {
  ProgressLine progress;
  return history.add(submissions, [&](std::size_t done) {
    progress.show(fmt::format("adding: {} of {}", done, submissions.size()));
  });
}

std::string outcome(const std::string& file, const harness::AddResult& result) {
  const std::string commit = engine::printable(result.commit);
  if (!result.added) {
    return fmt::format("{}: already there, as commit {}: nothing added\n", file, commit);
  }
  return fmt::format("{}: {} added as commit {}, {} new series\n", file,
                     harness::counted(result.points, "figure"), commit, result.new_series);
}

/// --format.
void add_format(CLI::App& command, ForeignFormat& format) {
  const auto set = [&format](const std::string& text) {
    std::string names;
    for (const auto& [value, name] : harness::kForeignFormats) {
      if (text == name) {
        format = value;
        return;
      }
      names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    }
    fail(ErrorCode::invalid_argument, "--format: expected one of {}, found '{}'", names,
         engine::printable(text));
  };
  command
      .add_option_function<std::string>(
          "--format", set,
          "gbench: Google Benchmark's JSON | bmf: Bencher Metric Format | github: an array of "
          "github-action-benchmark | otava: CSV of Apache Otava (Hunter)")
      ->required();
}

/// --better.
void add_better(CLI::App& command, Better& better, const char* help) {
  const auto set = [&better](const std::string& text) {
    const std::optional<Better> known = harness::better_named(text);
    if (!known) {
      fail(ErrorCode::invalid_argument, "--better: expected lower or higher, found '{}'",
           engine::printable(text));
    }
    better = *known;
  };
  command.add_option_function<std::string>("--better", set, help);
}

struct ImportFlags {
  std::vector<std::string> files;
  ForeignFormat format = ForeignFormat::google_benchmark;
  Better better = Better::lower;
  std::vector<std::string> columns;
  harness::ForeignDefaults defaults;
};

/// Where the submissions of one file end among all.
struct ImportedFile {
  std::string name;
  std::size_t end = 0;
};

struct Import {
  std::vector<ImportedFile> files;
  std::vector<Submission> submissions;
};

/// Every file is read before the history is opened.
Import read_all(const ImportFlags& flags) {
  if (!flags.columns.empty() && flags.format != ForeignFormat::otava) {
    fail(ErrorCode::invalid_argument, "--columns: expected with --format otava, found --format {}",
         harness::name_of(flags.format));
  }
  harness::ForeignDefaults defaults = flags.defaults;
  if (defaults.created.empty()) {
    defaults.created = engine::utc_now();
  }
  Import all;
  for (const std::string& file : flags.files) {
    for (const harness::ForeignReport& report : harness::read_foreign(
             flags.format, engine::read_text_file(file), file, flags.better, flags.columns)) {
      all.submissions.push_back(harness::checked(harness::submission_of(report, flags.format, defaults)));
    }
    all.files.push_back({file, all.submissions.size()});
  }
  return all;
}

void run_import(const ImportFlags& flags, const DatabaseFlag& database) {
  const auto [files, submissions] = read_all(flags);
  harness::History history = database.open(OpenMode::create);
  const std::vector<harness::AddResult> results = add_all(history, submissions);
  std::size_t i = 0;
  for (const auto& [file, end] : files) {
    std::size_t added = 0;
    std::size_t all = 0;
    std::size_t new_series = 0;
    for (; i < end; ++i) {
      added += results[i].points;
      all += submissions[i].figures.size();
      new_series += results[i].new_series;
    }
    write_output("-", fmt::format("{}: {} of {} added, {} new series{}\n", file, added,
                                  harness::counted(all, "figure"), new_series,
                                  added < all ? "; the others were there" : ""));
  }
}

}  // namespace

void add_history_add(CLI::App& history) {
  auto* command = history.add_subcommand("add", "Add reports of replay, bench or profile to the history");
  set_examples(
      *command,
      "A report is added once, whatever its file's name: adding it again changes nothing. Figures of "
      "another machine,\nplacement, capture or model start series of their own; rows whose outputs "
      "differ have none. Of several\nfiles, all are added or none.\n\n"
      "Examples:\n"
      "  reprise history add report.json --branch main\n"
      "  reprise history add --db postgresql://ci@db/bench reports/*.json --commit \"$GIT_COMMIT\"\n");
  struct Flags {
    std::vector<std::string> files;
    std::string commit;
    std::string branch;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("REPORT", flags->files, "Report files")->type_name("")->required();
  auto database = std::make_shared<DatabaseFlag>(*command);
  command->add_option("--commit", flags->commit,
                      "What was measured (default: the commit of the report's build, if it was built in a "
                      "checkout)");
  command->add_option("--branch", flags->branch, "Changes are looked for on each branch alone");
  command->callback([=] {
    std::vector<Submission> submissions;
    for (const std::string& file : flags->files) {
      submissions.push_back(harness::checked(
          harness::submission_of(engine::read_json_file(file), file, flags->commit, flags->branch)));
    }
    harness::History opened = database->open(OpenMode::create);
    const std::vector<harness::AddResult> results = add_all(opened, submissions);
    for (std::size_t i = 0; i < results.size(); ++i) {
      write_output("-", outcome(flags->files[i], results[i]));
    }
  });
}

void add_history_import(CLI::App& history) {
  auto* command = history.add_subcommand("import", "Add figures from other programs' files to the history");
  set_examples(
      *command,
      "Importing a file again adds what is new in it. Of several files, all are added or none.\n\n"
      "Examples:\n"
      "  reprise history import --format gbench bench.json --commit \"$GIT_COMMIT\" --branch main\n"
      "  reprise history import --format otava results.csv --columns p50,p99\n"
      "  reprise history import --format github output.json --commit abc --date 2026-01-31T12:00:00Z\n");
  auto flags = std::make_shared<ImportFlags>();
  command->add_option("FILE", flags->files, "Files of that format")->type_name("")->required();
  auto database = std::make_shared<DatabaseFlag>(*command);
  add_format(*command, flags->format);
  command->add_option("--commit", flags->defaults.commit, "What was measured, where the file does not say");
  command->add_option("--branch", flags->defaults.branch, "Its branch, where the file does not say");
  command->add_option("--date", flags->defaults.created, "When, where the file does not say (default: now)");
  command->add_option(
      "--machine", flags->defaults.machine,
      "A name for the machine: figures of different ones are not compared (default: what the file "
      "says)");
  add_better(*command, flags->better,
             "lower (default) | higher: the good direction of metrics whose name does not tell");
  command
      ->add_option("--columns", flags->columns,
                   "Of otava: the metrics, with commas (default: every column that holds numbers and nothing "
                   "else)")
      ->delimiter(',')
      ->allow_extra_args(false);  // files may follow
  command->callback([=] { run_import(*flags, *database); });
}

void add_history_export(CLI::App& history) {
  auto* command = history.add_subcommand("export", "Write figures for other programs' dashboards");
  set_examples(
      *command,
      "otava has every run that has a figure in all columns; the other formats hold one run, and get the "
      "newest\nfigure of each metric.\n\n"
      "Examples:\n"
      "  reprise history export --format bmf --branch main --out bmf.json\n"
      "  reprise history export --format github --better higher --out bigger-is-better.json\n"
      "  reprise history export --format otava --filter total_seconds --out results.csv\n");
  struct Flags {
    ForeignFormat format = ForeignFormat::google_benchmark;
    Better better = Better::lower;
    std::string out;
  };
  auto flags = std::make_shared<Flags>();
  auto database = std::make_shared<DatabaseFlag>(*command);
  auto tracks = std::make_shared<TrackFlags>(*command);
  add_format(*command, flags->format);
  add_better(*command, flags->better,
             "Of github: lower (default) for customSmallerIsBetter | higher for customBiggerIsBetter");
  command->add_option("--out", flags->out, "Write here (\"-\": standard output)")->required();
  command->callback([=] {
    harness::History opened = database->open(OpenMode::existing);
    const std::vector<harness::ForeignReport> reports = harness::foreign_reports_of(tracks->tracks(opened));
    const harness::ForeignFile file = harness::write_foreign(flags->format, reports, flags->better);
    write_output(flags->out, file.text);
    if (file.left_out > 0) {
      say("{} that the format cannot hold left out\n", harness::counted(file.left_out, "figure"));
    }
  });
}

}  // namespace reprise::cli
