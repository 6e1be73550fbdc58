// The capture shipped with the project, recorded once: today's engine must give its bits, on every
// instruction set.
#include <gtest/gtest.h>

#include "engine/kernels/cpu/cpu_kernels.h"
#include "harness/replay/engine_replay.h"

namespace reprise::harness {
namespace {

TEST(ShippedExample, ReplaysToTheSameBits) {
  const auto capture =
      engine::read_capture(std::string(REPRISE_SOURCE_DIR) + "/captures/example.safetensors");
  const auto model = engine::Model::open(capture.model.spec);
  for (const std::string_view isa : engine::kernels::available_isas()) {
    engine::Placement placement;
    placement.isa = isa;
    WeightPool pool;
    EngineReplay replay(capture, model, {placement, ReplayMode::free}, pool);
    EXPECT_EQ(replay.verify().verdict, OutputVerdict::identical) << isa;
  }
}

}  // namespace
}  // namespace reprise::harness
