/// reprise capture select: the few logged calls that stand for all, and what they say about the log's total.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>

#include "engine/capture/call_log.h"
#include "engine/core/error.h"
#include "engine/core/utc_time.h"
#include "harness/measure/steady_part.h"
#include "harness/regress/replayed_total.h"
#include "harness/regress/selection_report.h"
#include "harness/report/units.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

constexpr double kConfidence = 0.95;

struct SelectFlags {
  std::string log;
  std::size_t k = 8;
  std::string captures;
  std::string of_model;
  std::string of_placement;
  std::string json;
  std::uint64_t seed = 1;
  bool replay = false;
};

/// Calls of one model at one placement: the cost of others is not theirs. Nor are those that were stopped
/// within their prompts, often after seconds that their lengths do not explain.
std::vector<engine::CallRecord> chosen_calls(const SelectFlags& flags) {
  const engine::CallLog log = engine::read_call_log(flags.log);
  for (const std::string& note : log.notes) {
    say("note: {}\n", note);
  }
  std::vector<engine::CallRecord> calls;
  std::map<std::pair<std::string, std::string>, std::int64_t> kinds;
  double total = 0;
  std::int64_t n_stopped = 0;
  for (const engine::CallRecord& call : log.calls) {
    if ((flags.of_model.empty() || call.model == flags.of_model) &&
        (flags.of_placement.empty() || call.placement == flags.of_placement)) {
      if (call.has_no_token()) {
        ++n_stopped;
        continue;
      }
      calls.push_back(call);
      ++kinds[{call.model, call.placement}];
      total += call.total_seconds;
    }
  }
  const std::string stopped = n_stopped == 0 ? ""
                                             : fmt::format("{} stopped before the first token, left out",
                                                           harness::counted(n_stopped, "call"));
  if (calls.empty() || !(total > 0)) {
    fail(ErrorCode::invalid_data, "{}: expected calls that took time, found {} of {}{}{}", flags.log,
         calls.empty() ? "none" : "only such as took none", log.calls.size(), stopped.empty() ? "" : "; ",
         stopped);
  }
  if (kinds.size() > 1) {
    std::string found;
    for (const auto& [kind, count] : kinds) {
      found += fmt::format("{}{} of {} at {}", found.empty() ? "" : ", ", count, kind.first, kind.second);
    }
    fail(ErrorCode::invalid_data,
         "{}: expected calls of one model at one placement, found {}; choose with --of-model and "
         "--of-placement",
         flags.log, found);
  }
  if (!stopped.empty()) {
    say("note: {}: {}\n", flags.log, stopped);
  }
  return calls;
}

/// Which calls may be picked: all, or those whose capture is there.
std::vector<bool> eligible_calls(const SelectFlags& flags, const std::vector<engine::CallRecord>& calls) {
  std::vector<bool> eligible;
  for (const engine::CallRecord& call : calls) {
    std::error_code error;
    // A name with a folder in it is not one that the log's writer chose.
    const bool is_name = call.capture && std::filesystem::path(*call.capture).filename() == *call.capture;
    eligible.push_back(flags.captures.empty() ||
                       (is_name && std::filesystem::is_regular_file(
                                       std::filesystem::path(flags.captures) / *call.capture, error)));
  }
  if (std::find(eligible.begin(), eligible.end(), true) == eligible.end()) {
    fail(ErrorCode::not_found, "{}: expected captures of logged calls, found none of {} calls there",
         flags.captures, calls.size());
  }
  return eligible;
}

harness::SelectionReport report_of(const SelectFlags& flags, const std::vector<engine::CallRecord>& calls,
                                   const harness::LoggedCalls& log, const harness::Selection& selection) {
  harness::SelectionReport report;
  report.created = engine::utc_now();
  report.tool = engine::build_info();
  report.log = flags.log;
  report.model = calls.front().model;
  report.placement = calls.front().placement;
  report.n_calls = std::ssize(calls);
  report.seed = flags.seed;
  for (const double seconds : log.seconds) {
    report.logged_total_seconds += seconds;
  }
  for (std::size_t t = 0; t < harness::kCostTerms; ++t) {
    report.cost_model.push_back({harness::kCostTermNames[t], selection.model.seconds_per_unit[t]});
  }
  for (const harness::Representative& r : selection.representatives) {
    const engine::CallRecord& call = calls[r.call];
    report.calls.push_back({call.call, call.at, call.capture, call.n_cached, call.n_processed,
                            call.n_generated, r.n_calls, r.weight, r.share, call.total_seconds,
                            std::nullopt});
  }
  return report;
}

harness::BootstrapOptions bootstrap_of(const SelectFlags& flags) {
  return {.confidence = kConfidence, .seed = flags.seed};
}

harness::TotalPrediction reported(const harness::Prediction& p) {
  return {p.total_seconds, p.difference, p.ci, kConfidence};
}

/// The row's median, and the blocks of runs that it is of.
harness::ReplayedCall replayed(const harness::Row& row) {
  const harness::Metric& total = row.metrics.at("total_seconds");
  harness::ReplayedCall call;
  call.seconds = total.value;
  call.samples = harness::block_medians_or_median(row.samples.total_seconds,
                                                  static_cast<std::size_t>(row.samples.runs_per_block));
  call.n_effective = total.n_effective.value_or(static_cast<double>(call.samples.size()));
  return call;
}

/// Performs the chosen captures again; no figures when the outputs of one differ.
std::optional<std::vector<harness::ReplayedCall>> replay_calls(const SelectFlags& flags,
                                                               const harness::SelectionReport& report,
                                                               MatrixPlan plan, harness::ModelFinder finder,
                                                               int& exit_code) {
  for (const harness::SelectedCall& call : report.calls) {
    plan.captures.push_back(
        read_named_capture((std::filesystem::path(flags.captures) / *call.capture).string()));
  }
  const harness::Report measured = run_matrix(plan, finder);
  exit_code = exit_code_of(measured);
  if (exit_code != kPass) {
    say("{}", console_text(measured));
    return std::nullopt;
  }
  std::vector<harness::ReplayedCall> replays;
  for (const harness::Row& row : measured.rows) {
    replays.push_back(replayed(row));
  }
  return replays;
}

}  // namespace

void add_capture_select(CLI::App& capture_command, int& exit_code) {
  auto* command = capture_command.add_subcommand(
      "select", "Choose the few calls of a log that stand for all, and predict its total from them");
  set_examples(
      *command,
      "Examples:\n"
      "  reprise capture select --log calls.jsonl --k 8\n"
      "  reprise capture select --log calls.jsonl --captures captures --replay --threads 2 --json s.json\n");
  auto flags = std::make_shared<SelectFlags>();
  command->add_option("--log", flags->log, "A call log, as --call-log writes it")
      ->type_name("FILE")
      ->required();
  command->add_option("--k", flags->k, "Calls to choose (default 8)")->check(whole_number(1, 1000));
  auto* captures =
      command
          ->add_option("--captures", flags->captures, "Choose only calls whose captures are in this folder")
          ->type_name("DIR");
  command
      ->add_flag("--replay", flags->replay,
                 "Perform the chosen captures again here, and predict the total from that as well")
      ->needs(captures);
  command->add_option("--of-model", flags->of_model, "Only the log's calls of this model")->type_name("NAME");
  command->add_option("--of-placement", flags->of_placement, "Only the log's calls at this placement")
      ->type_name("TEXT");
  command->add_option("--seed", flags->seed, "Of the clustering and the intervals (default 1)")
      ->check(whole_number(0, std::numeric_limits<std::uint64_t>::max()));
  command->add_option("--json", flags->json,
                      "Write the selection here (\"-\": standard output, without the table)");
  auto model = std::make_shared<ModelFlags>(*command);
  auto mode = std::make_shared<ModeFlags>(*command);
  auto placement = std::make_shared<PlacementFlags>(*command);
  auto measure = std::make_shared<MeasureFlags>(*command);
  command->callback([=, &exit_code] {
    MatrixPlan plan;
    plan.placements = {placement->placement()};
    plan.mode = mode->mode();
    plan.measure = measure->options();
    plan.seed = flags->seed;
    const std::vector<engine::CallRecord> calls = chosen_calls(*flags);
    harness::LoggedCalls log;
    for (const engine::CallRecord& call : calls) {
      log.lengths.push_back({call.n_cached, call.n_processed, call.n_generated});
      log.seconds.push_back(call.total_seconds);
    }
    const harness::Selection selection =
        select_calls(log, eligible_calls(*flags, calls), {.k = flags->k, .seed = flags->seed});
    harness::SelectionReport report = report_of(*flags, calls, log, selection);
    report.from_log =
        reported(predict_total(log, selection, logged_seconds(log, selection), bootstrap_of(*flags)));
    if (flags->replay) {
      if (const auto replays = replay_calls(*flags, report, plan, model->finder(), exit_code)) {
        report.from_replays = reported(predict_from_replays(log, selection, *replays, bootstrap_of(*flags)));
        for (std::size_t i = 0; i < replays->size(); ++i) {
          report.calls[i].replayed_seconds = (*replays)[i].seconds;
        }
      }
    }
    if (!flags->json.empty()) {
      write_output(flags->json, selection_json(report));
    }
    if (flags->json != "-") {
      write_output("-", selection_text(report));
    }
  });
}

}  // namespace reprise::cli
