#include "engine/capture/recorder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/tests/capture/capture_fixtures.h"

namespace reprise::engine {
namespace {

/// Every step as the loop told it, kept whole.
class Witness final : public GenerateObserver {
 public:
  void on_token(const TokenEvent& event) override {
    ids.push_back(event.id);
    rows.emplace_back(event.logits.begin(), event.logits.end());
    if (next != nullptr) {
      next->on_token(event);
    }
  }
  [[nodiscard]] std::vector<std::uint64_t> digests() const {
    std::vector<std::uint64_t> digests;
    for (const auto& row : rows) {
      digests.push_back(xxh3_64(std::as_bytes(std::span(row))));
    }
    return digests;
  }

  GenerateObserver* next = nullptr;
  std::vector<TokenId> ids;
  std::vector<std::vector<float>> rows;
};

std::vector<Call> calls() {
  std::vector<Call> all;
  for (const char* model : {kMicrogpt, kLlama}) {
    for (const std::int64_t n_cached : {0, 6}) {
      all.emplace_back(model, 9, 6, n_cached);
      all.push_back(Call(model, 9, 6, n_cached).sampled(77));
    }
  }
  return all;
}

TEST(Recorder, ChangesNothingOfTheCall) {
  for (const Call& call : calls()) {
    Witness alone;
    const auto quiet = call.session();
    const GenerateResult expected = generate(*quiet, call.request, &alone);

    const auto watched = call.session();
    Recorder recorder(*watched, call.request, call.options);
    Witness witness;
    witness.next = &recorder;
    const GenerateResult result = generate(*watched, call.request, &witness);
    EXPECT_EQ(result.generated_ids, expected.generated_ids);
    EXPECT_EQ(result.finish_reason, expected.finish_reason);
    EXPECT_EQ(result.n_cached, expected.n_cached);
    EXPECT_EQ(witness.digests(), alone.digests());
    EXPECT_EQ(watched->history(), quiet->history());

    const auto capture = recorder.finish(*watched, result, call.origin, "");
    ASSERT_TRUE(capture.has_value()) << recorder.problem();
    EXPECT_EQ(capture->steps.generated_ids, alone.ids);
    EXPECT_EQ(capture->steps.logits_digests, alone.digests());
    EXPECT_EQ(capture->steps.token_seconds, result.token_seconds);
  }
}

TEST(Recorder, KeepsTheLargestLogitsAndTheirSum) {
  Call call(kLlama, 5, 3);
  call.options.n_top = 7;
  const auto session = call.session();
  Witness witness;
  Recorder recorder(*session, call.request, call.options);
  witness.next = &recorder;
  const GenerateResult result = generate(*session, call.request, &witness);
  const auto capture = recorder.finish(*session, result, {}, "");
  ASSERT_TRUE(capture.has_value());
  for (std::size_t step = 0; step < witness.rows.size(); ++step) {
    std::vector<std::pair<float, TokenId>> ranked;  // by falling logit, then rising id
    double sum = 0;
    for (std::size_t i = 0; i < witness.rows[step].size(); ++i) {
      ranked.emplace_back(-witness.rows[step][i], static_cast<TokenId>(i));
      sum += std::exp(static_cast<double>(witness.rows[step][i]));
    }
    std::sort(ranked.begin(), ranked.end());
    for (std::size_t i = 0; i < 7; ++i) {
      EXPECT_EQ(capture->steps.top_ids[step * 7 + i], ranked[i].second);
      EXPECT_EQ(capture->steps.top_logits[step * 7 + i], -ranked[i].first);
    }
    EXPECT_NEAR(capture->steps.logsumexp[step], std::log(sum), 1e-12);
  }
}

TEST(Recorder, OfEqualLogitsTheLowerIdStandsFirst) {
  CapturedSteps steps;
  steps.n_top = 4;
  append_step(steps, std::vector<float>{1, 3, 2, 3, 3});
  EXPECT_EQ(steps.top_ids, (std::vector<TokenId>{1, 3, 4, 2}));
  EXPECT_EQ(steps.top_logits, (std::vector<float>{3, 3, 3, 2}));
  EXPECT_NEAR(steps.logsumexp.front(), std::log(std::exp(1.0) + std::exp(2.0) + 3 * std::exp(3.0)), 1e-14);
}

/// exp(1000) overflows a double.
TEST(Recorder, LogsumexpOfLargeLogitsIsFinite) {
  CapturedSteps steps;
  append_step(steps, std::vector<float>{1000, 1000});
  append_step(steps, std::vector<float>{-1000, -1001});
  EXPECT_NEAR(steps.logsumexp[0], 1000 + std::log(2.0), 1e-12);
  EXPECT_NEAR(steps.logsumexp[1], -1000 + std::log1p(std::exp(-1.0)), 1e-12);
  EXPECT_TRUE(steps.top_ids.empty());
}

TEST(Recorder, RowBudgetChangesNothingOfTheCapture) {
  for (const Call& original : calls()) {
    const Capture expected = original.record();
    const std::size_t row =
        static_cast<std::size_t>(model_of(original.model)->config().n_vocab) * sizeof(float);
    for (const std::size_t budget :
         {std::size_t{0}, std::size_t{1}, row - 1, row, 2 * row, 5 * row, 6 * row, 100 * row}) {
      Call call = original;
      call.options.row_budget_bytes = budget;
      const Capture capture = call.record();
      expect_same_steps(capture.steps, expected.steps);
      ASSERT_EQ(capture.kv.has_value(), expected.kv.has_value());
      EXPECT_TRUE(!capture.kv ||
                  (capture.kv->keys == expected.kv->keys && capture.kv->values == expected.kv->values));
    }
  }
}

TEST(Recorder, BudgetsAndLimitsWithoutEndAreNotReserved) {
  Call call;
  call.options.row_budget_bytes = std::size_t{1} << 20;
  call.request.max_new_tokens = std::numeric_limits<std::int64_t>::max();
  const auto session = call.session();
  const Recorder recorder(*session, call.request, call.options);
  EXPECT_EQ(recorder.problem(), "");
}

TEST(Recorder, SaysWhereTheCallRan) {
  Call call(kLlama);
  call.placement.isa = "scalar";
  call.placement.threads = 2;
  EXPECT_EQ(call.record().placement,
            (Placement{.isa = "scalar", .precision = "bf16", .threads = 2}));  // not "native"
  const Capture capture = call.record();
  EXPECT_EQ(capture.model.spec, kLlama);
  EXPECT_EQ(capture.model.name, "llama-tiny");
  EXPECT_EQ(capture.model.architecture, "llama");
  EXPECT_EQ(capture.model.sha256, model_of(kLlama)->identity().sha256);
  EXPECT_EQ(capture.model.parameters, model_of(kLlama)->config().n_parameters());
}

TEST(Recorder, RowsAreThoseOfThePrefixBeforeTheCall) {
  const Call call(kLlama, 9, 4, 6);
  const auto session = call.session();
  const auto keys = session->cache().copy_keys(6);
  const auto values = session->cache().copy_values(6);
  const Capture capture = call.record();
  ASSERT_TRUE(capture.kv.has_value());
  EXPECT_TRUE(capture.kv->keys == keys);
  EXPECT_TRUE(capture.kv->values == values);
}

TEST(Recorder, MissedStepsAreAProblemAndNoCapture) {
  const Call call;
  const auto session = call.session();
  Recorder recorder(*session, call.request, call.options);
  const GenerateResult result = generate(*session, call.request);  // not watched
  EXPECT_FALSE(recorder.finish(*session, result, {}, "").has_value());
  EXPECT_EQ(recorder.problem(), "the recorder did not see the whole call");
}

TEST(Recorder, EndOfSequenceEndsTheCapture) {
  Call call;
  const Capture whole = call.record();
  call.request.eos_ids = {whole.steps.generated_ids[0]};
  const Capture ended = call.record();
  EXPECT_EQ(ended.n_generated(), 1);
  EXPECT_EQ(ended.finish_reason, FinishReason::eos);
  EXPECT_EQ(ended.steps.logits_digests[0], whole.steps.logits_digests[0]);
}

/// A recorder whose call is stopped before the given token.
class StoppedRecorder final : public GenerateObserver {
 public:
  StoppedRecorder(Recorder& recorder, int n_tokens) : recorder_(recorder), left_(n_tokens) {}
  void on_token(const TokenEvent& event) override { recorder_.on_token(event); }
  bool wants_more() override { return left_-- > 0; }

 private:
  Recorder& recorder_;
  int left_;
};

TEST(Recorder, AStoppedCallIsCapturedAsOneThatAskedForWhatItGot) {
  const Call call;
  const Capture whole = call.record();
  ASSERT_GT(whole.n_generated(), 2);
  for (const int n_tokens : {0, 2}) {
    const auto session = call.session();
    Recorder recorder(*session, call.request, call.options);
    StoppedRecorder stopped(recorder, n_tokens);
    const GenerateResult result = generate(*session, call.request, &stopped);
    const auto capture = recorder.finish(*session, result, {}, "");
    if (n_tokens == 0) {
      EXPECT_FALSE(capture.has_value());
      EXPECT_EQ(recorder.problem(), "the call was stopped before its first token");
      continue;
    }
    ASSERT_TRUE(capture.has_value()) << recorder.problem();
    EXPECT_EQ(capture->request.max_new_tokens, 2);
    EXPECT_EQ(capture->finish_reason, FinishReason::length);
    EXPECT_EQ(capture->steps.logits_digests[1], whole.steps.logits_digests[1]);
  }
}

}  // namespace
}  // namespace reprise::engine
