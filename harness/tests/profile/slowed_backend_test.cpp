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
                         return std::make_unique<SlowedBackend>(engine::make_backend(placement), "rope", 1e-3);
                       }},
                      pool);
  EXPECT_EQ(replay.verify().verdict, OutputVerdict::identical);
  const ObservedRun run = observe_run(replay);
  EXPECT_EQ(run.n_records, run.n_dispatches);
  EXPECT_GT(run.n_dispatches, 0);
  // A millisecond for each of some microseconds.
  const CostProfile profile = run.builder.build(run.wall_seconds);
  EXPECT_EQ(profile.centres.at(0).name, "rope");
  EXPECT_EQ(profile.centres.at(1).name, "rope");
}

}  // namespace
}  // namespace reprise::harness
