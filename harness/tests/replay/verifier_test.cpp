/// The verdict's rules on hand-made steps: no engine runs here.
#include "harness/replay/verifier.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "engine/capture/recorder.h"

namespace reprise::harness {
namespace {

using engine::Capture;
using engine::Placement;
using engine::TokenEvent;
using engine::TokenId;

using Row = std::array<float, 4>;

struct Step {
  TokenId drawn;
  Row logits;
};

const std::vector<Step> kSteps = {{2, {0, 1, 3, 2}}, {0, {5, 1, 3, 2}}, {1, {0, 4, 3.5F, -2}}};

Capture captured(const std::vector<Step>& steps, std::int64_t n_top = 2) {
  Capture capture;
  capture.steps.n_top = n_top;
  for (const Step& step : steps) {
    capture.steps.generated_ids.push_back(step.drawn);
    engine::append_step(capture.steps, step.logits);
  }
  return capture;
}

void show(engine::GenerateObserver& observer, const std::vector<Step>& steps) {
  std::int64_t index = 0;
  for (const Step& step : steps) {
    observer.on_token({index++, step.drawn, step.drawn, step.logits, 0.5});
  }
}

Verification verified(const Capture& capture, ReplayMode mode, const std::vector<Step>& steps,
                      Tolerance tolerance = {0.1, 1e3}) {
  Verifier verifier(capture, mode, tolerance);
  show(verifier, steps);
  return verifier.verification();
}

constexpr ReplayMode kModes[] = {ReplayMode::free, ReplayMode::forced};

TEST(Verifier, ADifferentTokenIsSeenAtItsStep) {
  const Capture capture = captured(kSteps);
  for (const std::int64_t step : {0, 1, 2}) {
    auto steps = kSteps;
    steps[static_cast<std::size_t>(step)].drawn = 3;
    const Verification free = verified(capture, ReplayMode::free, steps);
    EXPECT_EQ(free.verdict, OutputVerdict::differs);
    EXPECT_EQ(free.first_divergence, step);
    EXPECT_FALSE(free.agrees());
    const Verification forced = verified(capture, ReplayMode::forced, steps);
    EXPECT_EQ(forced.verdict, OutputVerdict::within_tolerance);
    EXPECT_EQ(forced.first_divergence, step);
    EXPECT_TRUE(forced.agrees());
  }
}

TEST(Verifier, EqualStepsAreIdentical) {
  for (const ReplayMode mode : kModes) {
    const Verification same = verified(captured(kSteps), mode, kSteps);
    EXPECT_EQ(same.mode, mode);
    EXPECT_EQ(same.verdict, OutputVerdict::identical);
    EXPECT_FALSE(same.first_divergence.has_value());
    EXPECT_EQ(same.max_abs_logit_error, 0.0);
    EXPECT_NEAR(*same.mean_kl_divergence, 0, 1e-15);
    EXPECT_TRUE(same.agrees());
  }
}

/// A logit outside the captured top ones is seen by its digest alone.
TEST(Verifier, OneOtherLogitIsNoLongerIdentical) {
  auto steps = kSteps;
  steps[1].logits[1] = std::nextafter(1.0F, 2.0F);
  const Verification free = verified(captured(kSteps), ReplayMode::free, steps);
  EXPECT_EQ(free.verdict, OutputVerdict::same_tokens);
  EXPECT_EQ(free.max_abs_logit_error, 0.0);
  EXPECT_FALSE(free.agrees());
  EXPECT_TRUE(verified(captured(kSteps), ReplayMode::forced, steps).agrees());
  EXPECT_NE(free.logits_digest, verified(captured(kSteps), ReplayMode::free, kSteps).logits_digest);
}

TEST(Verifier, ErrorsBeyondTheToleranceDiffer) {
  auto steps = kSteps;
  steps[2].logits[2] += 0.25F;  // a captured top logit
  for (const ReplayMode mode : kModes) {
    const Verification within = verified(captured(kSteps), mode, steps, {0.25, 1e3});
    EXPECT_EQ(within.verdict, OutputVerdict::same_tokens);
    EXPECT_EQ(within.max_abs_logit_error, 0.25);
    EXPECT_GT(*within.mean_kl_divergence, 0);
    const Verification beyond = verified(captured(kSteps), mode, steps, {0.249, 1e3});
    EXPECT_EQ(beyond.verdict, OutputVerdict::differs);
    EXPECT_FALSE(beyond.agrees());
    EXPECT_FALSE(beyond.first_divergence.has_value());
  }
}

/// After a free replay's first divergence the contexts are not the same any more; forced ones always are.
TEST(Verifier, ComparesLogitsUpToTheFirstDivergenceUnlessForced) {
  auto steps = kSteps;
  steps[1].drawn = 3;
  steps[2].logits[1] += 64;
  EXPECT_EQ(verified(captured(kSteps), ReplayMode::free, steps).max_abs_logit_error, 0.0);
  EXPECT_EQ(verified(captured(kSteps), ReplayMode::forced, steps).max_abs_logit_error, 64.0);
  steps[1].logits[0] += 2;  // the diverging step itself still had the same context
  EXPECT_EQ(verified(captured(kSteps), ReplayMode::free, steps).max_abs_logit_error, 2.0);
}

TEST(Verifier, EndingEarlyDiffers) {
  for (const ReplayMode mode : kModes) {
    for (const std::size_t n : {0, 1, 2}) {
      const std::vector<Step> steps(kSteps.begin(), kSteps.begin() + static_cast<std::ptrdiff_t>(n));
      const Verification early = verified(captured(kSteps), mode, steps);
      EXPECT_EQ(early.verdict, OutputVerdict::differs);
      EXPECT_EQ(early.first_divergence, static_cast<std::int64_t>(n));
      EXPECT_FALSE(early.agrees());
      EXPECT_EQ(early.max_abs_logit_error.has_value(), n > 0);
      EXPECT_EQ(early.mean_kl_divergence.has_value(), n > 0);
    }
  }
}

TEST(Verifier, RunningLongerDiffers) {
  auto steps = kSteps;
  steps.push_back(kSteps[0]);
  for (const ReplayMode mode : kModes) {
    const Verification longer = verified(captured(kSteps), mode, steps);
    EXPECT_EQ(longer.verdict, OutputVerdict::differs);
    EXPECT_EQ(longer.first_divergence, 3);
    EXPECT_FALSE(longer.agrees());
  }
}

double kl_by_hand(const Row& p_logits, const Row& q_logits) {
  double p_sum = 0;
  double q_sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    p_sum += std::exp(static_cast<double>(p_logits[i]));
    q_sum += std::exp(static_cast<double>(q_logits[i]));
  }
  double kl = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double p = std::exp(static_cast<double>(p_logits[i])) / p_sum;
    const double q = std::exp(static_cast<double>(q_logits[i])) / q_sum;
    kl += p * std::log(p / q);
  }
  return kl;
}

TEST(Verifier, KlDivergenceIsExactForAllTokensAndALowerBoundForSome) {
  auto steps = kSteps;
  steps[0].logits = {0.5F, 1, 2, 2};
  steps[2].logits = {0, 3, 3.5F, 1};
  double exact = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    exact += kl_by_hand(kSteps[i].logits, steps[i].logits) / static_cast<double>(steps.size());
  }
  double previous = 0;
  for (const std::int64_t n_top : {0, 1, 2}) {
    const double bound = *verified(captured(kSteps, n_top), ReplayMode::forced, steps).mean_kl_divergence;
    EXPECT_GE(bound, previous);  // finer partitions see more
    EXPECT_LT(bound, exact);
    previous = bound;
  }
  // With one token in the rest, the rest is that token.
  EXPECT_NEAR(*verified(captured(kSteps, 3), ReplayMode::forced, steps).mean_kl_divergence, exact, 1e-14);
  EXPECT_NEAR(*verified(captured(kSteps, 4), ReplayMode::forced, steps).mean_kl_divergence, exact, 1e-14);
}

TEST(Verifier, VanishingProbabilitiesGiveFiniteDivergences) {
  const std::vector<Step> sure = {{0, {1000, 0, 0, 0}}};
  const std::vector<Step> unsure = {{0, {0, 0, 0, 1000}}};
  const Verification v = verified(captured(sure), ReplayMode::forced, unsure);
  EXPECT_TRUE(std::isfinite(*v.mean_kl_divergence));
  EXPECT_GT(*v.mean_kl_divergence, 100);
}

TEST(Verifier, ToleranceIsTheWiderOfWhatTwoPlacementsAllow) {
  const auto at = [](const char* precision, engine::DType kv) {
    return Placement{.precision = precision, .kv_precision = kv};
  };
  const Placement exact = at("f32", engine::DType::f32);
  const auto between = [&](const char* precision, engine::DType kv = engine::DType::f32) {
    const Placement other = at(precision, kv);
    EXPECT_EQ(tolerance_between(exact, other), tolerance_between(other, exact));
    return tolerance_between(exact, other);
  };
  EXPECT_EQ(between("f32"), (Tolerance{1e-3, 1e-6}));
  EXPECT_EQ(between("f16"), (Tolerance{0.1, 1e-3}));
  EXPECT_EQ(between("f32", engine::DType::f16), (Tolerance{0.1, 1e-3}));
  EXPECT_EQ(between("f16", engine::DType::bf16), (Tolerance{0.5, 0.02}));
  EXPECT_EQ(between("bf16"), (Tolerance{0.5, 0.02}));
  EXPECT_EQ(between("int8"), (Tolerance{2.0, 0.1}));
  EXPECT_EQ(between("bf16", engine::DType::int8), (Tolerance{2.0, 0.1}));
  EXPECT_EQ(between("int4", engine::DType::int8), (Tolerance{16.0, 2.0}));
  EXPECT_EQ(between("f32+f16"), (Tolerance{0.1, 1e-3}));
  EXPECT_EQ(between("f16+int4"), (Tolerance{16.0, 2.0}));
}

TEST(Verifier, FastNumericsAllowWhatBf16Does) {
  const Placement exact = {.precision = "f16"};
  Placement fast = exact;
  fast.numerics = "fast";
  EXPECT_EQ(tolerance_between(exact, fast), (Tolerance{0.5, 0.02}));
  EXPECT_EQ(tolerance_between(fast, exact), (Tolerance{0.5, 0.02}));
  EXPECT_EQ(tolerance_between(fast, fast), (Tolerance{0.5, 0.02}));
  fast.precision = "int8";
  EXPECT_EQ(tolerance_between(exact, fast), (Tolerance{2.0, 0.1}));
}

/// Logits may all be near and the likely ones still change places: the divergence is a limit of its own.
TEST(Verifier, ADivergenceBeyondItsToleranceDiffers) {
  const Capture capture = captured(kSteps);
  auto steps = kSteps;
  steps[0].logits[0] += 0.05F;
  const Verification near = verified(capture, ReplayMode::forced, steps, {0.1, 1e3});
  ASSERT_GT(*near.mean_kl_divergence, 0);
  EXPECT_EQ(near.verdict, OutputVerdict::same_tokens);
  EXPECT_EQ(verified(capture, ReplayMode::forced, steps, {0.1, *near.mean_kl_divergence / 2}).verdict,
            OutputVerdict::differs);
}

TEST(Verifier, EqualBitsArePromisedForEqualPrecisionsInExactNumerics) {
  const Placement a = {.backend = "reference", .precision = "f32", .kv_cache = false, .threads = 1};
  Placement b = {.isa = "avx2", .precision = "f32", .threads = 7};
  EXPECT_TRUE(same_bits_promised(a, b));
  b.precision = "bf16";
  EXPECT_FALSE(same_bits_promised(a, b));
  b = a;
  b.kv_precision = engine::DType::f16;
  EXPECT_FALSE(same_bits_promised(a, b));
  b = a;
  b.numerics = "fast";
  EXPECT_FALSE(same_bits_promised(a, b));
  EXPECT_FALSE(same_bits_promised(b, a));
}

class RepeatCheck : public ::testing::Test {
 protected:
  RepeatCheck() { show(first_, kSteps); }
  bool same(const std::vector<Step>& steps) {
    RepeatChecker checker(first_);
    show(checker, steps);
    return checker.same();
  }

  Capture capture_ = captured(kSteps);
  Verifier first_{capture_, ReplayMode::free, {0.1, 1e3}};
};

TEST_F(RepeatCheck, AnyChangedTokenIsCaught) {
  for (std::size_t i = 0; i < kSteps.size(); ++i) {
    auto steps = kSteps;
    steps[i].drawn = 3;
    EXPECT_FALSE(same(steps));
  }
  EXPECT_TRUE(same(kSteps));
}

TEST_F(RepeatCheck, AnyChangedBitOfALogitIsCaught) {
  for (std::size_t i = 0; i < kSteps.size(); ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      auto steps = kSteps;
      steps[i].logits[j] = std::nextafter(steps[i].logits[j], 100.0F);
      EXPECT_FALSE(same(steps));
      steps[i].logits[j] = kSteps[i].logits[j] == 0 ? -0.0F : 0.0F;
      EXPECT_FALSE(same(steps));
    }
  }
}

TEST_F(RepeatCheck, FewerAndMoreStepsAreCaught) {
  EXPECT_FALSE(same({}));
  EXPECT_FALSE(same({kSteps[0], kSteps[1]}));
  EXPECT_FALSE(same({kSteps[0], kSteps[1], kSteps[2], kSteps[2]}));
}

/// A forced run drives decoding with captured ids: what must repeat is what would have been drawn.
TEST_F(RepeatCheck, ComparesWhatWasDrawn) {
  RepeatChecker checker(first_);
  for (std::size_t i = 0; i < kSteps.size(); ++i) {
    checker.on_token({static_cast<std::int64_t>(i), kSteps[i].drawn, i == 1 ? TokenId{3} : kSteps[i].drawn,
                      kSteps[i].logits, 0.5});
  }
  EXPECT_FALSE(checker.same());
}

}  // namespace
}  // namespace reprise::harness
