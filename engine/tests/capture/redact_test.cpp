#include "engine/capture/redact.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <vector>

#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

using ::testing::HasSubstr;

TEST(TokenPermutation, IsOneToOneAndMovesNearlyAll) {
  for (const std::uint64_t seed : {0U, 1U, 77U}) {
    const std::vector<TokenId> kept = {0, 5, 299, 300, -1};  // the last two are of no vocabulary of 300
    const TokenPermutation permutation(300, seed, kept);
    std::set<TokenId> images;
    int unmoved = 0;
    for (TokenId id = 0; id < 300; ++id) {
      images.insert(permutation(id));
      unmoved += permutation(id) == id ? 1 : 0;
    }
    EXPECT_EQ(images.size(), 300U);
    EXPECT_EQ(*images.begin(), 0);
    EXPECT_EQ(*images.rbegin(), 299);
    for (const TokenId id : {0, 5, 299}) {
      EXPECT_EQ(permutation(id), id);
    }
    EXPECT_LT(unmoved, 3 + 8);  // of the others one stays by chance, as a rule
  }
}

TEST(TokenPermutation, IsAFunctionOfItsSeed) {
  const auto image = [](std::uint64_t seed, std::vector<TokenId> kept) {
    const TokenPermutation permutation(1000, seed, kept);
    std::vector<TokenId> ids;
    for (TokenId id = 0; id < 1000; ++id) {
      ids.push_back(permutation(id));
    }
    return ids;
  };
  EXPECT_EQ(image(3, {}), image(3, {}));
  EXPECT_NE(image(3, {}), image(4, {}));
  // Keeping one more id moves two others at most.
  const auto with = image(3, {7});
  const auto without = image(3, {});
  int differ = 0;
  for (std::size_t i = 0; i < with.size(); ++i) {
    differ += with[i] != without[i] ? 1 : 0;
  }
  EXPECT_LE(differ, 2);
}

TEST(Redact, KeepsLengthsAndReplays) {
  for (const char* name : {kMicrogpt, kLlama}) {
    Call call = Call(name, 12, 5, 7).sampled(9);
    call.placement.kv_precision = DType::f16;
    call.request.eos_ids = {call.request.prompt_ids[2]};
    const Capture original = call.record();
    const auto model = model_of(name);
    const TokenPermutation permutation(model->config().n_vocab, 42, call.request.eos_ids);
    const Capture made = redacted(original, model, permutation);

    EXPECT_EQ(made.request.prompt_ids, permutation(original.request.prompt_ids));
    EXPECT_NE(made.request.prompt_ids, original.request.prompt_ids);
    EXPECT_EQ(made.request.prompt_ids[2], original.request.prompt_ids[2]);  // kept
    EXPECT_EQ(made.n_cached, 7);
    EXPECT_EQ(made.n_generated(), original.n_generated());
    EXPECT_FALSE(made.kv.has_value());
    EXPECT_EQ(made.request.sampling, original.request.sampling);
    EXPECT_EQ(made.placement.precision, original.placement.precision);
    EXPECT_EQ(made.placement.kv_precision, DType::f16);
    EXPECT_EQ(made.origin.machine_json, "{}");
    EXPECT_EQ(made.origin.policy, "explicit, redacted");
    EXPECT_NE(made.origin.created, original.origin.created);

    // What it says is what a call with these tokens gives.
    Call again = call;
    again.request = made.request;
    expect_same_steps(again.record().steps, made.steps);
  }
}

TEST(Redact, SharedPrefixesStayShared) {
  const Capture first = Call(kMicrogpt, 6, 3).record();
  Call longer(kMicrogpt, 6, 3);
  longer.request.prompt_ids.insert(longer.request.prompt_ids.end(), {8, 9, 10});
  const Capture second = longer.record();
  const auto model = model_of(kMicrogpt);
  const TokenPermutation permutation(model->config().n_vocab, 1, {});
  const auto a = redacted(first, model, permutation).request.prompt_ids;
  const auto b = redacted(second, model, permutation).request.prompt_ids;
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin()));
}

TEST(Redact, AnotherModelIsRefused) {
  const Capture capture = Call(kMicrogpt).record();
  const TokenPermutation permutation(model_of(kLlama)->config().n_vocab, 1, {});
  const Error error = reprise::testing::error_of([&] { redacted(capture, model_of(kLlama), permutation); });
  EXPECT_EQ(error.code(), ErrorCode::mismatch);
  EXPECT_THAT(error.what(), HasSubstr("expected the captured model, digest "));
}

}  // namespace
}  // namespace reprise::engine
