#include "harness/replay/engine_replay.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/fast/fast_kernels.h"
#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::harness {
namespace {

using engine::Call;
using engine::Capture;
using engine::DType;
using engine::error_of;
using engine::kLlama;
using engine::kMicrogpt;
using engine::model_of;
using engine::Placement;
using engine::TokenEvent;
using engine::TokenId;

/// A replay with a pool of its own.
class Replay {
 public:
  Replay(const Capture& capture, Placement placement, std::optional<ReplayMode> mode = {})
      : replay_(capture, model_of(capture.model.spec), {std::move(placement), mode}, pool_) {}
  EngineReplay* operator->() { return &replay_; }
  EngineReplay& operator*() { return replay_; }

 private:
  WeightPool pool_;
  EngineReplay replay_;
};

/// Where a replay must give the captured bits: reference, and the CPU's every instruction set and schedule.
std::vector<Placement> exact_placements(DType kv_precision) {
  std::vector<Placement> placements;
  for (const bool kv_cache : {true, false}) {
    placements.push_back({.backend = "reference", .kv_cache = kv_cache, .kv_precision = kv_precision});
    for (const std::string_view isa : engine::kernels::available_isas()) {
      for (const int threads : {1, 2, 3}) {
        placements.push_back({.isa = std::string(isa),
                              .kv_cache = kv_cache,
                              .kv_precision = kv_precision,
                              .threads = threads});
      }
    }
  }
  return placements;
}

class Nothing final : public engine::KernelObserver {
 public:
  void on_record(const engine::KernelRecord&) override {}
};

/// Every step's logits, and what was drawn.
class Rows final : public engine::GenerateObserver {
 public:
  void on_token(const TokenEvent& event) override {
    logits.emplace_back(event.logits.begin(), event.logits.end());
    drawn.push_back(event.drawn);
    driven.push_back(event.id);
  }
  std::vector<std::vector<float>> logits;
  std::vector<TokenId> drawn;
  std::vector<TokenId> driven;
};

Rows rows_of(EngineReplay& replay) {
  Nothing nothing;
  Rows rows;
  replay.restore();
  replay.run_observed(nothing, rows);
  return rows;
}

TEST(EngineReplay, AChangedTokenIsFoundAtItsStep) {
  const Capture original = Call(kMicrogpt, 9, 6, 4).record();
  for (const std::size_t step : {0, 3, 5}) {
    Capture capture = original;
    capture.steps.generated_ids[step] = (capture.steps.generated_ids[step] + 1) % 300;
    const Verification v = Replay(capture, {.threads = 1})->verify();
    EXPECT_EQ(v.verdict, OutputVerdict::differs);
    EXPECT_EQ(v.first_divergence, static_cast<std::int64_t>(step));
    EXPECT_FALSE(v.agrees());
  }
}

TEST(EngineReplay, AChangedDigestOrLogitIsNoLongerIdentical) {
  const Capture original = Call(kMicrogpt, 9, 6, 4).record();
  Capture capture = original;
  capture.steps.logits_digests[5] ^= 1;
  const Verification digest = Replay(capture, {.threads = 1})->verify();
  EXPECT_EQ(digest.verdict, OutputVerdict::same_tokens);
  EXPECT_FALSE(digest.first_divergence.has_value());
  EXPECT_FALSE(digest.agrees());
  capture.steps.top_logits[2] += 0.0625F;
  const Verification logit = Replay(capture, {.threads = 1})->verify();
  EXPECT_EQ(logit.verdict, OutputVerdict::differs);
  EXPECT_NEAR(*logit.max_abs_logit_error, 0.0625, 1e-6);
}

TEST(EngineReplay, AChangedPromptOrSeedDiffers) {
  const Capture original = Call(kMicrogpt, 9, 6, 4).sampled(5).record();
  Capture capture = original;
  capture.request.prompt_ids[8] += 1;
  EXPECT_EQ(Replay(capture, {.threads = 1})->verify().verdict, OutputVerdict::differs);
  capture = original;
  capture.request.sampling.seed += 1;
  EXPECT_EQ(Replay(capture, {.threads = 1})->verify().verdict, OutputVerdict::differs);
  EXPECT_EQ(Replay(original, {.threads = 1})->verify().verdict, OutputVerdict::identical);
}

/// Proves that the captured rows are what a promised placement starts from, and that no other one uses them.
TEST(EngineReplay, ChangedRowsOfThePrefixDifferWhereTheyAreUsed) {
  const Capture original = Call(kMicrogpt, 9, 4, 8).record();
  Capture capture = original;
  std::fill(capture.kv->values.begin(), capture.kv->values.end(), std::byte{0});
  EXPECT_FALSE(Replay(capture, {.threads = 1})->verify().agrees());
  EXPECT_TRUE(Replay(capture, {.kv_cache = false, .threads = 1})->verify().agrees());
  const Placement narrow = {.precision = "bf16", .threads = 1};
  EXPECT_EQ(Replay(capture, narrow)->verify().logits_digest,
            Replay(original, narrow)->verify().logits_digest);
}

TEST(EngineReplay, IsIdenticalWhereEqualBitsArePromised) {
  for (const char* model : {kMicrogpt, kLlama}) {
    for (const std::int64_t n_cached : {0, 6}) {
      for (const DType kv_precision : {DType::f32, DType::f16, DType::bf16}) {
        Call call(model, 9, 4, n_cached);
        call.placement.kv_precision = kv_precision;
        const Capture capture = (n_cached > 0 ? call.sampled(3) : call).record();
        for (const Placement& placement : exact_placements(kv_precision)) {
          SCOPED_TRACE(std::string(model) + " " + describe(placement));
          Replay replay(capture, placement);
          EXPECT_EQ(replay->mode(), ReplayMode::free);
          EXPECT_EQ(replay->placement().isa, placement.backend == "reference" ? "scalar" : placement.isa);
          const Verification v = replay->verify();
          ASSERT_EQ(v.verdict, OutputVerdict::identical);
          EXPECT_TRUE(v.agrees());
          EXPECT_EQ(v.max_abs_logit_error, 0.0);
          EXPECT_FALSE(v.first_divergence.has_value());
          EXPECT_EQ(replay->n_prompt_processed(), placement.kv_cache ? 9 - n_cached : 9);
        }
      }
    }
  }
}

TEST(EngineReplay, IsIdenticalAfterTheFile) {
  const engine::ScratchFolder folder;
  Call call(kLlama, 12, 6, 7);
  call.placement.kv_precision = DType::bf16;
  write_capture(call.sampled(~std::uint64_t{0}).record(), folder / "call");
  const Capture capture = engine::read_capture(folder / "call");
  Replay replay(capture, {.kv_precision = DType::bf16});
  EXPECT_EQ(replay->verify().verdict, OutputVerdict::identical);
  replay->restore();
  EXPECT_TRUE(replay->run().verified);
}

TEST(EngineReplay, APrefixOfTokensAloneIsRecomputed) {
  Call call(kLlama, 12, 4, 9);
  call.options.kv_rows = false;
  const Capture capture = call.record();
  ASSERT_FALSE(capture.kv.has_value());
  Replay replay(capture, {.threads = 2});
  EXPECT_EQ(replay->verify().verdict, OutputVerdict::identical);
  EXPECT_EQ(replay->n_prompt_processed(), 3);
  for (int i = 0; i < 5; ++i) {
    replay->restore();
    EXPECT_EQ(replay->session().history().size(), 9U);
    EXPECT_TRUE(replay->run().verified);
  }
}

TEST(EngineReplay, OtherPrecisionsAreForcedAndMeasured) {
  const Capture capture = Call(kMicrogpt, 9, 8, 5).record();
  for (const char* precision : {"f16", "bf16"}) {
    Replay replay(capture, {.precision = precision, .threads = 1});
    EXPECT_EQ(replay->mode(), ReplayMode::forced);
    EXPECT_EQ(replay->placement().precision, precision);
    const Verification v = replay->verify();
    EXPECT_TRUE(v.verdict == OutputVerdict::same_tokens || v.verdict == OutputVerdict::within_tolerance);
    EXPECT_TRUE(v.agrees());
    EXPECT_GT(*v.max_abs_logit_error, 0);
    EXPECT_GT(*v.mean_kl_divergence, 0);
    const Rows rows = rows_of(*replay);
    EXPECT_EQ(rows.driven, capture.steps.generated_ids);
  }
  Replay narrow_cache(capture, {.kv_precision = DType::bf16, .threads = 1});
  EXPECT_EQ(narrow_cache->mode(), ReplayMode::forced);
  EXPECT_GT(*narrow_cache->verify().max_abs_logit_error, 0);
  EXPECT_TRUE(narrow_cache->verification().agrees());
}

TEST(EngineReplay, FastNumericsAreForcedAndMeasured) {
  if (!engine::kernels::fast_kernels_available()) {
    GTEST_SKIP() << "no bf16 dot products here";
  }
  const Capture capture = Call(kLlama, 40, 5, 5).record();
  Replay replay(capture, {.threads = 2, .numerics = "fast"});
  EXPECT_EQ(replay->mode(), ReplayMode::forced);
  const Verification v = replay->verify();
  EXPECT_TRUE(v.agrees());
  EXPECT_GT(*v.max_abs_logit_error, 0);
  for (int run = 0; run < 3; ++run) {
    replay->restore();
    EXPECT_TRUE(replay->run().verified) << "the same placement gave other bits";
  }
}

double kl_divergence(const std::vector<float>& p_logits, const std::vector<float>& q_logits) {
  double p_sum = 0;
  double q_sum = 0;
  for (std::size_t i = 0; i < p_logits.size(); ++i) {
    p_sum += std::exp(static_cast<double>(p_logits[i]));
    q_sum += std::exp(static_cast<double>(q_logits[i]));
  }
  double kl = 0;
  for (std::size_t i = 0; i < p_logits.size(); ++i) {
    const double p = std::exp(static_cast<double>(p_logits[i])) / p_sum;
    kl += p * (static_cast<double>(p_logits[i]) - static_cast<double>(q_logits[i]) + std::log(q_sum / p_sum));
  }
  return kl;
}

/// Against every logit of both runs, in double: the error is that of the captured ids, the divergence a lower
/// bound that all ids make exact.
TEST(EngineReplay, ErrorAndDivergenceAreThoseOfTheFullLogits) {
  for (const std::int64_t n_top : {1, 16, 300}) {
    Call call(kMicrogpt, 9, 8, 5);
    call.options.n_top = n_top;
    const Capture capture = call.record();
    Replay exact(capture, {.threads = 1});
    Replay narrow(capture, {.precision = "bf16", .threads = 1});
    const Rows expected = rows_of(*exact);
    const Rows found = rows_of(*narrow);
    double kl = 0;
    double worst = 0;
    for (std::size_t step = 0; step < 8; ++step) {
      kl += kl_divergence(expected.logits[step], found.logits[step]) / 8;
      for (std::size_t i = 0; i < static_cast<std::size_t>(n_top); ++i) {
        const auto id =
            static_cast<std::size_t>(capture.steps.top_ids[step * static_cast<std::size_t>(n_top) + i]);
        worst = std::max(worst, std::abs(static_cast<double>(expected.logits[step][id]) -
                                         static_cast<double>(found.logits[step][id])));
      }
    }
    const Verification v = narrow->verify();
    EXPECT_EQ(v.max_abs_logit_error, worst);
    EXPECT_GT(*v.mean_kl_divergence, 0);
    EXPECT_LE(*v.mean_kl_divergence, kl + 1e-13);
    if (n_top == 300) {
      EXPECT_NEAR(*v.mean_kl_divergence, kl, 1e-12);
    }
  }
}

/// Sampled at a high temperature, rounded weights sooner or later draw another token.
TEST(EngineReplay, FirstDivergenceIsTheFirstOtherTokenDrawn) {
  Call call(kMicrogpt, 9, 55);
  call.request.sampling.temperature = 3;
  call.request.sampling.seed = 2;
  const Capture capture = call.record();
  Replay forced(capture, {.precision = "bf16", .threads = 1});
  const Verification v = forced->verify();
  const Rows rows = rows_of(*forced);
  const auto differing =
      std::mismatch(rows.drawn.begin(), rows.drawn.end(), capture.steps.generated_ids.begin()).first;
  ASSERT_NE(differing, rows.drawn.end()) << "the test needs a seed whose tokens diverge";
  EXPECT_EQ(v.first_divergence, differing - rows.drawn.begin());
  EXPECT_EQ(v.verdict, OutputVerdict::within_tolerance);
  EXPECT_TRUE(v.agrees());
  Replay free(capture, {.precision = "bf16", .threads = 1}, ReplayMode::free);
  const Verification f = free->verify();
  EXPECT_EQ(f.first_divergence, v.first_divergence);
  EXPECT_EQ(f.verdict, OutputVerdict::differs);
  EXPECT_FALSE(f.agrees());
}

TEST(EngineReplay, FreeAtAnotherPrecisionDoesNotAgree) {
  const Capture capture = Call(kMicrogpt, 9, 2).record();
  Replay replay(capture, {.precision = "bf16", .threads = 1}, ReplayMode::free);
  EXPECT_EQ(replay->mode(), ReplayMode::free);
  const Verification v = replay->verify();
  EXPECT_TRUE(v.verdict == OutputVerdict::same_tokens || v.verdict == OutputVerdict::differs);
  EXPECT_FALSE(v.agrees());
  replay->restore();
  EXPECT_FALSE(replay->run().verified);  // repeats its own bits, which are not the captured ones
}

TEST(EngineReplay, ForcedWhereBitsArePromisedIsIdenticalToo) {
  const Capture capture = Call(kMicrogpt, 9, 6, 2).sampled(9).record();
  Replay replay(capture, {.threads = 1}, ReplayMode::forced);
  EXPECT_EQ(replay->verify().verdict, OutputVerdict::identical);
}

TEST(EngineReplay, LogitsBeyondTheToleranceDifferWhenForced) {
  Capture capture = Call(kMicrogpt, 9, 6, 2).record();
  capture.steps.top_logits[4] += 0.75F;
  const Verification v = Replay(capture, {.precision = "bf16", .threads = 1})->verify();
  EXPECT_EQ(v.verdict, OutputVerdict::differs);
  EXPECT_FALSE(v.agrees());
}

TEST(EngineReplay, EndingEarlyDiffersInBothModes) {
  const Capture original = Call(kMicrogpt, 9, 6).record();
  for (const ReplayMode mode : {ReplayMode::free, ReplayMode::forced}) {
    Capture capture = original;
    capture.request.max_new_tokens = 2;
    const Verification v = Replay(capture, {.threads = 1}, mode)->verify();
    EXPECT_EQ(v.verdict, OutputVerdict::differs);
    EXPECT_EQ(v.first_divergence, 2);
    EXPECT_FALSE(v.agrees());
  }
  Capture capture = original;
  capture.request.eos_ids = {original.steps.generated_ids[0]};
  const Verification v = Replay(capture, {.threads = 1})->verify();
  EXPECT_EQ(v.verdict, OutputVerdict::differs);
  EXPECT_EQ(v.first_divergence, 1);
}

TEST(EngineReplay, RepeatsACallThatEndedForAnyReason) {
  Call ended(kMicrogpt, 9, 6, 3);
  const Capture whole = ended.record();
  ended.request.eos_ids = {whole.steps.generated_ids[2]};
  Call full(kMicrogpt, 60, 100, 20);  // the recording session has 64 positions
  for (const Call& call : {ended, full}) {
    const Capture capture = call.record();
    ASSERT_NE(capture.finish_reason, engine::FinishReason::length);
    for (const Placement& placement :
         {Placement{.threads = 1}, Placement{.precision = "bf16", .threads = 1}}) {
      Replay replay(capture, placement);
      EXPECT_TRUE(replay->verify().agrees());
      replay->restore();
      EXPECT_EQ(std::ssize(replay->run().token_seconds), capture.n_generated());
    }
  }
}

TEST(EngineReplay, ManyRunsRepeatOneAnother) {
  for (const Placement& placement : {Placement{.threads = 2}, Placement{.kv_cache = false, .threads = 1},
                                     Placement{.precision = "bf16", .threads = 2}}) {
    const Capture capture = Call(kMicrogpt, 20, 5, 13).sampled(4).record();
    Replay replay(capture, placement);
    replay->verify();
    for (int i = 0; i < 25; ++i) {
      replay->restore();
      const Sample sample = replay->run();
      ASSERT_TRUE(sample.verified) << describe(placement) << ", run " << i;
      ASSERT_EQ(sample.token_seconds.size(), 5U);
      EXPECT_EQ(sample.time_to_first_token_seconds, sample.token_seconds[0]);
      double sum = 0;
      for (const double seconds : sample.token_seconds) {
        EXPECT_GT(seconds, 0);
        sum += seconds;
      }
      EXPECT_NEAR(sample.total_seconds, sum, 1e-12);
    }
  }
}

TEST(EngineReplay, EveryRunSaysWhatItMet) {
  const Capture capture = Call(kMicrogpt, 9, 6, 4).record();
  Replay replay(capture, {.threads = 1});
  replay->verify();
  for (int i = 0; i < 3; ++i) {
    replay->restore();
    const Sample sample = replay->run();
    ASSERT_TRUE(sample.conditions.has_value());
    EXPECT_GE(sample.conditions->minor_page_faults, 0);
    EXPECT_EQ(sample.conditions->major_page_faults, 0);  // this model lies in memory
    EXPECT_TRUE(sample.conditions->steal_seconds.has_value());
  }
}

TEST(EngineReplay, AnUnobservedRunIsTheSameCall) {
  const Capture capture = Call(kMicrogpt, 9, 6, 4).sampled(5).record();
  Replay replay(capture, {.threads = 1});
  for (int i = 0; i < 2; ++i) {
    replay->restore();
    EXPECT_EQ(replay->run_unobserved().generated_ids, capture.steps.generated_ids);
  }
}

TEST(EngineReplay, ProcessesThePromptTokensItSays) {
  const Capture capture = Call(kMicrogpt, 20, 3, 13).record();
  for (const Placement& placement : {Placement{.threads = 1}, Placement{.kv_cache = false, .threads = 1},
                                     Placement{.precision = "bf16", .threads = 1}}) {
    Replay replay(capture, placement);
    Nothing nothing;
    Rows rows;
    for (int i = 0; i < 3; ++i) {
      replay->restore();
      EXPECT_EQ(replay->run_observed(nothing, rows).n_prompt, replay->n_prompt_processed());
    }
    EXPECT_EQ(replay->n_prompt_processed(), placement.kv_cache ? 7 : 20);
  }
}

TEST(EngineReplay, RefusesAnotherModel) {
  const Capture capture = Call(kMicrogpt).record();
  WeightPool pool;
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { EngineReplay(capture, model_of(kLlama), {}, pool); }, &code),
            "synthetic:llama-tiny: model digest: expected " + model_of(kMicrogpt)->identity().sha256 +
                " as captured, found " + model_of(kLlama)->identity().sha256);
  EXPECT_EQ(code, ErrorCode::mismatch);
}

/// The digest covers weights, not shapes: a file that claims the digest of one model and the shape of another
/// must not be believed. Its ids and rows would be read outside the model's.
TEST(EngineReplay, RefusesACaptureOfAnotherShape) {
  for (const std::int64_t n_cached : {0, 5}) {
    Capture capture = Call(kLlama, 9, 2, n_cached).record();
    capture.model.sha256 = model_of(kMicrogpt)->identity().sha256;
    WeightPool pool;
    ErrorCode code{};
    EXPECT_EQ(error_of([&] { EngineReplay(capture, model_of(kMicrogpt), {}, pool); }, &code),
              "synthetic:microgpt-tiny: n_vocab: expected 320 as captured, found 300");
    EXPECT_EQ(code, ErrorCode::mismatch);
  }
}

TEST(EngineReplay, RefusesACallLongerThanTheContext) {
  Capture capture = Call(kMicrogpt, 9, 2).record();
  capture.request.prompt_ids = engine::prompt_of(140, 300);
  capture.n_cached = 130;
  WeightPool pool;
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { EngineReplay(capture, model_of(kMicrogpt), {}, pool); }, &code),
            "synthetic:microgpt-tiny: n_context: expected at least 140 for the captured prompt, found 128");
  EXPECT_EQ(code, ErrorCode::mismatch);
}

TEST(EngineReplayDeathTest, NothingIsTimedBeforeItIsVerified) {
  const Capture capture = Call(kMicrogpt).record();
  Replay replay(capture, {.threads = 1});
  replay->restore();
  EXPECT_DEATH(replay->run(), "check failed: verifier_ != nullptr");
  EXPECT_DEATH(static_cast<void>(replay->verification()), "check failed: verifier_ != nullptr");
}

TEST(WeightPool, SharesWeightsOfOnePrecision) {
  const auto model = model_of(kMicrogpt);
  WeightPool pool;
  const auto weights = [&](const Placement& placement) {
    const auto backend = engine::make_backend(placement);
    return pool.weights(model, *backend);
  };
  const auto native = weights({.threads = 1});
  EXPECT_EQ(weights({.precision = "f32", .kv_cache = false, .threads = 3}), native);
  EXPECT_EQ(weights({.backend = "reference"}), native);
  const auto narrow = weights({.precision = "bf16", .threads = 1});
  EXPECT_NE(narrow, native);
  EXPECT_EQ(narrow->precision, "bf16");
  EXPECT_EQ(weights({.precision = "bf16", .threads = 2}), narrow);
}

/// Replays of one matrix share weights, and end in any order.
TEST(WeightPool, WeightsOutliveTheReplayThatPlacedThem) {
  const Capture capture = Call(kMicrogpt, 9, 4, 5).record();
  const auto model = model_of(kMicrogpt);
  WeightPool pool;
  const ReplayPlan plan = {{.precision = "bf16", .threads = 1}, {}};
  auto first = std::make_unique<EngineReplay>(capture, model, plan, pool);
  const auto digest = first->verify().logits_digest;
  EngineReplay second(capture, model, plan, pool);
  EXPECT_EQ(second.session().weights(), first->session().weights());
  first.reset();
  EXPECT_EQ(second.verify().logits_digest, digest);
}

}  // namespace
}  // namespace reprise::harness
