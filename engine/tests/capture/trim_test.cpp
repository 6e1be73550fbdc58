#include "engine/capture/trim.h"

#include <gmock/gmock.h>

#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

TEST(Trim, IsTheCallThatAskedForFewerTokens) {
  for (const char* model : {kMicrogpt, kLlama}) {
    Call call = Call(model, 9, 6, 4).sampled(5);
    const Capture whole = call.record();
    for (const std::int64_t n : {1, 3, 6}) {
      call.request.max_new_tokens = n;
      const Capture asked = call.record();
      const Capture made = trimmed(whole, n);
      expect_same_steps(made.steps, asked.steps);
      EXPECT_EQ(made.request.max_new_tokens, n);
      EXPECT_EQ(made.finish_reason, asked.finish_reason);
      EXPECT_EQ(made.origin.policy, "explicit, trimmed");
      ScratchFolder folder;
      write_capture(made, folder / "c");
      expect_same(read_capture(folder / "c"), made);
    }
  }
}

TEST(Trim, EndsBeforeTheEndOfSequence) {
  Call call;
  const Capture free = call.record();
  call.request.eos_ids = {free.steps.generated_ids[2]};
  const Capture ended = call.record();
  ASSERT_EQ(ended.finish_reason, FinishReason::eos);
  EXPECT_EQ(trimmed(ended, 1).finish_reason, FinishReason::length);
  EXPECT_EQ(trimmed(ended, ended.n_generated()).finish_reason, FinishReason::eos);
}

TEST(Trim, DropsRows) {
  const Capture whole = Call(kLlama, 9, 3, 6).record();
  ASSERT_TRUE(whole.kv.has_value());
  const Capture made = without_kv(trimmed(whole, 2));
  EXPECT_FALSE(made.kv.has_value());
  EXPECT_EQ(made.n_cached, 6);
  EXPECT_EQ(made.origin.policy, "explicit, trimmed");
}

TEST(Trim, RefusesWhatIsNotThere) {
  const Capture whole = Call(kMicrogpt, 5, 3).record();
  for (const std::int64_t n : {0, 4, -1}) {
    EXPECT_STREQ(reprise::testing::error_of([&] { trimmed(whole, n); }).what(),
                 fmt::format("max_new_tokens: expected 1 to 3, the tokens generated, found {}", n).c_str());
  }
}

}  // namespace
}  // namespace reprise::engine
