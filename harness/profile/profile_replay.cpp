#include "harness/profile/profile_replay.h"

#include <algorithm>
#include <vector>

#include "engine/core/check.h"
#include "harness/clock/roofline.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

/// Records every kernel in the phase it ran in: prefill up to the first token, decode after it.
class Recorder final : public engine::KernelObserver, public engine::GenerateObserver {
 public:
  void on_record(const engine::KernelRecord& record) override {
    const engine::Cost& cost = record.cost;
    builder_.add({decoding_ ? "decode" : "prefill", record.name, record.seconds, cost.bytes, cost.flops, 1,
                  cost.arithmetic});
    n_operations_ += record.n_operations;
  }
  void on_token(const engine::TokenEvent& /*event*/) override { decoding_ = true; }

  [[nodiscard]] const CostProfileBuilder& builder() const { return builder_; }
  [[nodiscard]] std::int64_t n_operations() const { return n_operations_; }

 private:
  CostProfileBuilder builder_;
  std::int64_t n_operations_ = 0;
  bool decoding_ = false;
};

Seconds run_plainly(EngineReplay& replay) {
  replay.restore();
  return replay.run().total_seconds;
}

}  // namespace

ObservedRun observe_run(EngineReplay& replay) {
  Recorder recorder;
  replay.restore();
  const std::int64_t before = replay.n_dispatches();
  const engine::GenerateResult result = replay.run_observed(recorder, recorder);
  return {result.total_seconds, recorder.builder(), recorder.n_operations(), replay.n_dispatches() - before};
}

ReplayProfile profile_replay(EngineReplay& replay, const std::optional<Roofline>& roofline, int n_runs) {
  REPRISE_CHECK(n_runs >= 1);
  run_plainly(replay);
  std::vector<Seconds> plain;
  std::vector<ObservedRun> observed;
  for (int i = 0; i < n_runs; ++i) {
    plain.push_back(run_plainly(replay));
    observed.push_back(observe_run(replay));
  }
  std::sort(observed.begin(), observed.end(),
            [](const ObservedRun& a, const ObservedRun& b) { return a.wall_seconds < b.wall_seconds; });
  const ObservedRun& typical = observed[observed.size() / 2];
  ReplayProfile result;
  // The roofline is the processor's: of a GPU's nothing is known here.
  const bool comparable = roofline && memory_of(replay.placement()) == "host";
  result.profile = typical.builder.build(
      typical.wall_seconds,
      comparable ? std::optional(roofline_for(*roofline, replay.placement().threads)) : std::nullopt);
  result.overhead = typical.wall_seconds / median(plain) - 1;
  result.n_records = typical.n_records;
  result.n_dispatches = typical.n_dispatches;
  return result;
}

}  // namespace reprise::harness
