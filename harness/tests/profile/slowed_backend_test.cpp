#include "harness/tests/support/slowed_backend.h"

#include <gtest/gtest.h>

#include "engine/tests/capture/capture_fixtures.h"
#include "harness/profile/profile_replay.h"

namespace reprise::harness {
namespace {

/// What proofs of comparisons rest on: the outputs stay, each kernel is told of once, and only the one asked
/// for takes longer.
TEST(SlowedBackendTest, ChangesTheTimeOfOneKernelAndNothingElse) {
  const engine::Capture capture = engine::Call(engine::kLlama, 9, 5).record();
  WeightPool pool;
  EngineReplay replay(capture, engine::model_of(engine::kLlama),
                      {engine::Placement{.threads = 1}, ReplayMode::free,
                       [](const engine::Placement& placement) {
                         return std::make_unique<SlowedBackend>(engine::make_backend(placement), "rope",
                                                                1e-3);
                       }},
                      pool);
  EXPECT_EQ(replay.verify().verdict, OutputVerdict::identical);
  const ObservedRun run = observe_run(replay);
  EXPECT_GT(run.n_operations, 0);
  int slowed = 0;
  for (const CostCentre& centre : run.builder.build(run.wall_seconds).centres) {
    if (centre.name == "rope") {
      EXPECT_GE(centre.seconds, static_cast<double>(centre.calls) * 1e-3) << centre.phase;
      ++slowed;
    }
  }
  EXPECT_EQ(slowed, 2);  // in prefill and in decode
}

}  // namespace
}  // namespace reprise::harness
