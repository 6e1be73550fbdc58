#include "tools/cli/matrix.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <thread>

#include "engine/core/utc_time.h"
#include "engine/io/printable.h"
#include "harness/clock/roofline.h"
#include "harness/measure/measure.h"
#include "harness/measure/outlook.h"
#include "harness/profile/profile_replay.h"
#include "harness/report/assemble.h"
#include "harness/report/console.h"
#include "harness/report/units.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"

namespace reprise::cli {
namespace {

using harness::EngineReplay;
using harness::Row;

std::int64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

harness::CaptureInfo capture_info(const NamedCapture& named) {
  const engine::Capture& c = named.capture;
  return {
      c.id,         named.name, {c.model.name, c.model.sha256, c.model.architecture, c.model.parameters, {}},
      c.n_prompt(), c.n_cached, c.n_generated()};
}

std::string label(const Row& row) {
  return engine::printable(fmt::format("{}: {}", row.capture.name, describe(row.placement)), 160);
}

/// One line about a row whose outputs are not what its mode demands.
std::string disagreement(const Row& row) {
  const harness::Verification& v = row.verification;
  const bool free = v.mode == harness::ReplayMode::free;
  return fmt::format(
      "{}: expected {}, found {}, {}{}\n", label(row),
      free ? "every bit as captured (free replay)" : "logits within the tolerance (forced replay)",
      v.first_divergence ? fmt::format("another token {}", *v.first_divergence) : "the same tokens",
      v.max_abs_logit_error ? fmt::format("logits off by up to {:.3g}", *v.max_abs_logit_error)
                            : "logits that cannot be compared",
      free && !v.first_divergence ? "; --forced accepts logits within the tolerance" : "");
}

/// A row on its way into the report.
struct Pending {
  std::unique_ptr<EngineReplay> replay;
  Row row;
};

std::vector<Pending> prepare(const MatrixPlan& plan, harness::ModelFinder& finder, harness::WeightPool& pool,
                             ProgressLine& progress) {
  std::vector<Pending> rows;
  for (const NamedCapture& named : plan.captures) {
    const auto model = finder.find(named.capture);
    for (const engine::Placement& placement : plan.placements) {
      auto replay = std::make_unique<EngineReplay>(named.capture, model,
                                                   harness::ReplayPlan{placement, plan.mode}, pool);
      Row row = describe_row(named, *replay);
      progress.show(fmt::format("verifying {}", label(row)));
      row.verification = replay->verify();
      rows.push_back({std::move(replay), std::move(row)});
    }
  }
  return rows;
}

void measure_rows(std::vector<Pending>& rows, const MatrixPlan& plan, ProgressLine& progress) {
  std::vector<Pending*> agreeing;
  std::vector<harness::Runner*> runners;
  for (Pending& pending : rows) {
    pending.row.stop = harness::StopReason::failed;
    if (pending.row.verification.agrees()) {
      agreeing.push_back(&pending);
      runners.push_back(pending.replay.get());
    }
  }
  const harness::MedianRule rule(plan.measure);
  harness::MonotonicClock clock;
  const auto show = [&](std::size_t index, std::span<const harness::Seconds> runs, harness::Seconds elapsed) {
    if (!progress.is_due() || runs.empty()) {
      return;  // the estimate costs more than a short run
    }
    const harness::Outlook now = harness::outlook(runs, elapsed, plan.measure);
    progress.show(fmt::format("{} rows; {}: {} {}, run {}, about {:.0f} s to go", runners.size(),
                              label(agreeing[index]->row), harness::format_seconds(now.median),
                              now.half_width ? "±" + harness::format_percent(*now.half_width) : "±?",
                              runs.size(), now.left_seconds));
  };
  const auto measurements = harness::measure_interleaved(runners, rule, clock, plan.seed, show);
  for (std::size_t i = 0; i < measurements.size(); ++i) {
    add_measurement(agreeing[i]->row, measurements[i], agreeing[i]->replay->n_prompt_processed(),
                    plan.measure.confidence);
  }
}

}  // namespace

NamedCapture read_named_capture(const std::string& path) {
  const std::string file = std::filesystem::path(path).filename().string();
  return {file.substr(0, std::max<std::size_t>(file.find('.'), 1)), engine::read_capture(path)};
}

harness::Report empty_report() {
  harness::Report report;
  report.created = engine::utc_now();
  report.tool = engine::build_info();
  report.machine = harness::describe_machine();
  const int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 1024U));
  report.machine.roofline = harness::measure_roofline(threads);
  return report;
}

Row describe_row(const NamedCapture& capture, const EngineReplay& replay) {
  Row row;
  row.capture = capture_info(capture);
  row.capture.model.stored_precision = replay.session().weights()->stored_precision;
  row.placement = engine::to_fields(replay.placement());
  return row;
}

harness::MemoryUse memory_of(const EngineReplay& replay) {
  const engine::Session& session = replay.session();
  return {session.weights()->bytes, session.cache().live_bytes(), session.decoder().activation_bytes(),
          peak_rss_bytes()};
}

harness::Report run_matrix(const MatrixPlan& plan, harness::ModelFinder& finder) {
  ProgressLine progress;
  harness::WeightPool pool;
  std::vector<Pending> rows =
      prepare(plan, finder, pool, progress);  // first: what cannot run is said at once
  progress.show("measuring this machine's limits");
  harness::Report report = empty_report();
  measure_rows(rows, plan, progress);
  for (Pending& pending : rows) {
    if (plan.profile && pending.row.verification.agrees()) {
      progress.show(fmt::format("profiling {}", label(pending.row)));
      const harness::ReplayProfile profiled =
          harness::profile_replay(*pending.replay, report.machine.roofline, {.n_runs = 3});
      add_profile(pending.row, profiled.profile);
      pending.row.hardware = profiled.hardware.counts;
    }
    pending.row.memory = memory_of(*pending.replay);
    report.rows.push_back(std::move(pending.row));
  }
  return report;
}

std::string console_text(const harness::Report& report) {
  std::string text = harness::comparison_table(report);
  const Row* fastest = nullptr;
  for (const Row& row : report.rows) {
    text += row.verification.agrees() ? "" : disagreement(row);
    const auto total = row.metrics.find("total_seconds");
    const bool usable = !row.cost_centres.empty() && total != row.metrics.end();
    if (usable && (fastest == nullptr || total->second.value < fastest->metrics.at("total_seconds").value)) {
      fastest = &row;
    }
  }
  if (fastest != nullptr) {
    text += "\nKernels of the fastest row:\n" + harness::kernel_table(*fastest);
  }
  return text;
}

int exit_code_of(const harness::Report& report) {
  const auto failed = [](const Row& row) { return row.stop == harness::StopReason::failed; };
  return std::any_of(report.rows.begin(), report.rows.end(), failed) ? kOutputsDiffer : kPass;
}

}  // namespace reprise::cli
