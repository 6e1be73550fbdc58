// Proves verdicts on the machine it runs on (harness/README.md, "Proof"):
//   print_machine_proof [comparisons without a change] [comparisons at each slow-down] [seconds for each]
// Two arms replay one call, taken in turns and judged as `compare` does; in arm b one kernel is slower by a
// known share of the call.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "engine/tests/capture/capture_fixtures.h"
#include "harness/profile/profile_replay.h"
#include "harness/regress/paired_report.h"
#include "harness/report/units.h"
#include "harness/stats/summary.h"
#include "harness/tests/support/slowed_backend.h"

namespace {

using namespace reprise;
using namespace reprise::harness;

constexpr const char* kModel = "synthetic:qwen3-tiny";
constexpr const char* kKernel = "attention";
constexpr int kProfilePairs = 24;
constexpr double kSlowDowns[] = {0, 0.01, 0.02, 0.05, 0.10};

/// An arm each of whose dispatches of the kernel takes so many seconds more.
class Arm {
 public:
  Arm(const engine::Capture& capture, Seconds extra)
      : replay_(capture, engine::model_of(kModel),
                {engine::Placement{.threads = 1},
                 {},
                 [extra](const engine::Placement& placement) {
                   return std::make_unique<SlowedBackend>(engine::make_backend(placement), kKernel, extra);
                 }},
                pool_) {
    replay_.verify();
  }
  EngineReplay& operator*() { return replay_; }

 private:
  WeightPool pool_;
  EngineReplay replay_;
};

CostProfile profile_of(EngineReplay& replay) {
  const ObservedRun run = observe_run(replay);
  return run.builder.build(run.wall_seconds);
}

/// What the proof needs to know of the call.
struct CallShape {
  Seconds seconds = 0;         ///< of the whole call, unobserved
  std::int64_t calls = 0;      ///< of the kernel
  double share_of_kernel = 0;  ///< of the time
};

/// Seconds are the least processor time of some runs: what others take of a busy machine is none of the
/// call's.
CallShape shape_of(EngineReplay& replay) {
  CallShape shape{std::numeric_limits<Seconds>::infinity()};
  for (int run = 0; run < kProfilePairs; ++run) {
    replay.restore();
    const std::clock_t start = std::clock();
    replay.run();
    shape.seconds = std::min(shape.seconds, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  for (const CostCentre& centre : profile_of(replay).centres) {
    shape.calls += centre.name == kKernel ? centre.calls : 0;
    shape.share_of_kernel += centre.name == kKernel ? centre.fraction : 0;
  }
  return shape;
}

struct Outcome {
  Comparison total;
  bool named = false;  ///< of all centres, the kernel's changed most, and surely
};

Outcome compare(const engine::Capture& capture, Seconds extra, Seconds seconds, std::uint64_t seed) {
  Arm a(capture, 0);
  Arm b(capture, extra);
  MonotonicClock clock;
  PairedOptions options;
  options.budget_seconds = seconds;
  options.seed = seed;
  PairedResult result;
  result.sessions.push_back(measure_pairs(*a, *b, options, clock));
  for (int pair = 0; extra > 0 && pair < kProfilePairs; ++pair) {
    const bool a_first = pair % 2 == 0;
    CostProfile first = profile_of(a_first ? *a : *b);
    CostProfile second = profile_of(a_first ? *b : *a);
    result.profiles.emplace_back(a_first ? first : second, a_first ? second : first);
  }
  Report report;
  add_paired(report, {}, {}, result, options.ratio);
  Outcome outcome{report.comparisons.at(0)};
  if (!outcome.total.centres.empty()) {
    const CentreChange& most = outcome.total.centres.front();
    outcome.named = most.name == kKernel && most.b_seconds > most.a_seconds && most.p_value < 0.01;
  }
  return outcome;
}

void print_row(const engine::Capture& capture, const CallShape& shape, double slow_down, int comparisons,
               Seconds seconds) {
  const Seconds extra = slow_down * shape.seconds / static_cast<double>(shape.calls);
  int verdicts[4] = {};
  int named = 0;
  std::vector<double> changes;
  std::vector<double> pairs;
  std::vector<double> detectable;
  for (int i = 0; i < comparisons; ++i) {
    const auto seed = static_cast<std::uint64_t>(i) + static_cast<std::uint64_t>(1e6 * slow_down);
    const Outcome outcome = compare(capture, extra, seconds, seed);
    ++verdicts[static_cast<int>(outcome.total.verdict)];
    named += outcome.named ? 1 : 0;
    changes.push_back(outcome.total.median_ratio - 1);
    pairs.push_back(static_cast<double>(outcome.total.pairs));
    if (outcome.total.minimum_detectable_effect) {
      detectable.push_back(*outcome.total.minimum_detectable_effect);
    }
  }
  fmt::print("| {:.0f} % | {} | {} | {} | {} | {} | {:+.2f} % | {:.0f} | {} | {} |\n", 100 * slow_down,
             comparisons, verdicts[static_cast<int>(ComparisonVerdict::regression)],
             verdicts[static_cast<int>(ComparisonVerdict::improvement)],
             verdicts[static_cast<int>(ComparisonVerdict::equivalent)],
             verdicts[static_cast<int>(ComparisonVerdict::inconclusive)], 100 * median(changes),
             median(pairs), detectable.empty() ? "-" : format_percent(median(detectable)),
             slow_down > 0 ? fmt::format("{} of {}", named, comparisons) : "");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, int otherwise) {
    return argc > index ? std::atoi(argv[index]) : otherwise;
  };
  const int without = argument(1, 200);
  const int at_each = argument(2, 20);
  const int seconds = argument(3, 10);
  if (std::min({without, at_each, seconds}) < 1) {
    fmt::print(stderr, "print_machine_proof: expected numbers from 1\n");
    return EXIT_FAILURE;
  }
  const engine::Capture capture = engine::Call(kModel, 32, 16).record();
  Arm probe(capture, 0);
  const CallShape shape = shape_of(*probe);
  fmt::print("`{}`, 32 + 16 tokens, one thread, {}; {} takes {:.1f} % of it.\n\n", kModel,
             format_seconds(shape.seconds), kKernel, 100 * shape.share_of_kernel);
  fmt::print(
      "| slower by | comparisons | regression | improvement | equivalent | inconclusive | measured | pairs | "
      "detectable | kernel named |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const double slow_down : kSlowDowns) {
    print_row(capture, shape, slow_down, slow_down == 0 ? without : at_each, seconds);
  }
}
