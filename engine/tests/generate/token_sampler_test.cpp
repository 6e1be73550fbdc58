// The token sampler, step by step, against a straightforward computation in double precision.
#include "engine/generate/token_sampler.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <set>

#include "engine/core/philox.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::Random;
using ::testing::ElementsAre;

/// What a draw must give, and how close the nearest decision was: below kDecisive, rounding may decide.
struct Expected {
  TokenId id = 0;
  std::vector<TokenId> kept;  // by rank
  double margin = 1;
};
constexpr double kDecisive = 1e-5;

struct Ranked {
  TokenId id;
  double logit;
  double weight;
};

std::vector<Ranked> ranked(std::span<const float> logits, std::span<const TokenId> context,
                           const SamplingParameters& p) {
  std::vector<Ranked> all;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    double logit = static_cast<double>(logits[i]);
    if (std::find(context.begin(), context.end(), static_cast<TokenId>(i)) != context.end()) {
      const auto penalty = static_cast<double>(p.repetition_penalty);
      logit = logit > 0 ? logit / penalty : logit * penalty;
    }
    all.push_back({static_cast<TokenId>(i), logit / static_cast<double>(p.temperature), 0});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Ranked& a, const Ranked& b) { return a.logit > b.logit; });
  for (Ranked& r : all) {
    r.weight = std::exp(r.logit - all.front().logit);
  }
  return all;
}

double mass_of(const std::vector<Ranked>& candidates) {
  double mass = 0;
  for (const Ranked& r : candidates) {
    mass += r.weight;
  }
  return mass;
}

Expected expected_draw(std::span<const float> logits, std::span<const TokenId> context,
                       const SamplingParameters& p, std::int64_t position) {
  Expected expected;
  const auto decide = [&](double distance) {
    expected.margin = std::min(expected.margin, std::abs(distance));
  };
  std::vector<Ranked> kept = ranked(logits, context, p);
  if (p.top_k > 0 && p.top_k < std::ssize(kept)) {
    const auto k = static_cast<std::size_t>(p.top_k);
    if (kept[k - 1].logit != kept[k].logit) {  // equal ones are decided by id
      decide(kept[k - 1].logit - kept[k].logit);
    }
    kept.resize(k);
  }
  if (p.top_p < 1) {
    const double wanted = static_cast<double>(p.top_p) * mass_of(kept);
    double mass = 0;
    std::size_t n = 0;
    while (n < kept.size() && mass < wanted) {
      mass += kept[n++].weight;
      decide((mass - wanted) / wanted);
    }
    kept.resize(n);
  }
  std::erase_if(kept, [&](const Ranked& r) {
    if (p.min_p > 0 && r.weight < 1) {
      decide(r.weight - static_cast<double>(p.min_p));
    }
    return r.weight < static_cast<double>(p.min_p);
  });
  for (const Ranked& r : kept) {
    expected.kept.push_back(r.id);
  }
  std::sort(kept.begin(), kept.end(), [](const Ranked& a, const Ranked& b) { return a.id < b.id; });
  const auto counter = static_cast<std::uint64_t>(position);
  const PhiloxCounter random =
      philox4x32_10({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
                    philox_key(p.seed));
  double left = uniform_f64(random[0], random[1]) * mass_of(kept);
  expected.id = kept.back().id;
  for (const Ranked& r : kept) {
    left -= r.weight;
    decide(left);
    if (left < 0) {
      expected.id = r.id;
      break;
    }
  }
  return expected;
}

/// Logits with many exact ties half of the time.
std::vector<float> random_logits(Random& random, std::int64_t n) {
  const bool ties = random.coin();
  std::vector<float> logits;
  for (std::int64_t i = 0; i < n; ++i) {
    const float logit = random.uniform(-6, 6);
    logits.push_back(ties ? std::round(logit * 2) / 2 : logit);
  }
  return logits;
}

SamplingParameters random_parameters(Random& random) {
  SamplingParameters p;
  p.repetition_penalty = random.coin() ? 1.0F : random.uniform(0.5F, 2.0F);
  p.temperature = random.uniform(0.2F, 3.0F);
  p.top_k = random.coin() ? 0 : random.between(1, 40);
  p.top_p = random.coin() ? 1.0F : random.uniform(0.01F, 1.0F);
  p.min_p = random.coin() ? 0.0F : random.uniform(0.0F, 1.0F);
  p.seed = static_cast<std::uint64_t>(random.between(0, 1LL << 40));
  return p;
}

TEST(TokenSampler, DrawsWhatDoublePrecisionDraws) {
  Random random(31);
  int decisive = 0;
  constexpr int kTrials = 20000;
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::int64_t n_vocab = random.between(1, 30);
    const std::vector<float> logits = random_logits(random, n_vocab);
    const std::vector<TokenId> context = random.ids(random.between(1, 12), n_vocab);
    const SamplingParameters p = random_parameters(random);
    const std::int64_t position = random.between(0, 1LL << 34);
    const Expected expected = expected_draw(logits, context, p, position);
    if (expected.margin > kDecisive) {
      ++decisive;
      ASSERT_EQ(sample_token(logits, context, p, position), expected.id)
          << "trial " << trial << " of " << n_vocab << " logits; margin " << expected.margin;
    }
  }
  EXPECT_GT(decisive, kTrials * 99 / 100);
}

/// More candidates than top-p ranks at first.
TEST(TokenSampler, DrawsFromLargeSetsWhatDoublePrecisionDraws) {
  Random random(32);
  for (int trial = 0; trial < 300; ++trial) {
    const std::vector<float> logits = random_logits(random, 3000);
    const std::vector<TokenId> context = random.ids(50, 3000);
    SamplingParameters p = random_parameters(random);
    p.min_p = 0;
    const Expected expected = expected_draw(logits, context, p, trial);
    if (expected.margin > kDecisive) {
      ASSERT_EQ(sample_token(logits, context, p, trial), expected.id) << "trial " << trial;
    }
  }
}

/// The ids that `n_positions` draws give.
std::set<TokenId> drawn(std::span<const float> logits, const SamplingParameters& p,
                        std::span<const TokenId> context = {}, std::int64_t n_positions = 2000) {
  std::set<TokenId> ids;
  for (std::int64_t position = 0; position < n_positions; ++position) {
    ids.insert(sample_token(logits, context, p, position));
  }
  return ids;
}

std::vector<float> logs(const std::vector<float>& probabilities) {
  std::vector<float> logits;
  for (const float p : probabilities) {
    logits.push_back(std::log(p));
  }
  return logits;
}

TEST(TokenSampler, GreedyTiesGoToTheLowestId) {
  const SamplingParameters greedy;
  EXPECT_EQ(sample_token(std::vector<float>{1, 3, 2, 3, 3}, {}, greedy, 0), 1);
  EXPECT_EQ(sample_token(std::vector<float>{-0.0F, 0.0F, -1}, {}, greedy, 0), 0);
  EXPECT_EQ(sample_token(std::vector<float>(100, -7.5F), {}, greedy, 5), 0);
  EXPECT_EQ(sample_token(std::vector<float>{4}, {}, greedy, 5), 0);
}

TEST(TokenSampler, GreedyIgnoresSeedPositionAndTheSets) {
  const std::vector<float> logits = {1, 3, 2};
  const SamplingParameters p{.top_k = 2, .top_p = 0.1F, .min_p = 0.5F, .seed = 9};
  EXPECT_THAT(drawn(logits, p, {}, 50), ElementsAre(1));
}

TEST(TokenSampler, TopK) {
  const std::vector<float> logits = {0.1F, 0.4F, 0.2F, 0.4F, 0.3F};
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_k = 1}), ElementsAre(1)) << "the lower of equal ids";
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_k = 2}), ElementsAre(1, 3));
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_k = 3}), ElementsAre(1, 3, 4));
  for (const std::int64_t all :
       {std::int64_t{0}, std::int64_t{5}, std::int64_t{6}, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_THAT(drawn(logits, {.temperature = 1, .top_k = all}), ElementsAre(0, 1, 2, 3, 4)) << all;
  }
}

TEST(TokenSampler, TopP) {
  const std::vector<float> logits = logs({0.1F, 0.2F, 0.4F, 0.2F, 0.1F});
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_p = 1}), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_p = 1e-30F}), ElementsAre(2)) << "one always stays";
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_p = 0.39F}), ElementsAre(2));
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_p = 0.41F}), ElementsAre(1, 2)) << "equal: by id";
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_p = 0.61F}), ElementsAre(1, 2, 3));
  EXPECT_THAT(drawn(logits, {.temperature = 1, .top_p = 0.81F}), ElementsAre(0, 1, 2, 3));
  const std::vector<float> equal(4, 0.0F);
  EXPECT_THAT(drawn(equal, {.temperature = 1, .top_p = 0.5F}), ElementsAre(0, 1)) << "reached, not passed";
}

TEST(TokenSampler, MinP) {
  const std::vector<float> logits = {2, 1, 0, 2};  // weights 1, 0.37, 0.14, 1
  EXPECT_THAT(drawn(logits, {.temperature = 1, .min_p = 0.1F}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(drawn(logits, {.temperature = 1, .min_p = 0.3F}), ElementsAre(0, 1, 3));
  EXPECT_THAT(drawn(logits, {.temperature = 1, .min_p = 0.4F}), ElementsAre(0, 3));
  EXPECT_THAT(drawn(logits, {.temperature = 1, .min_p = 1}), ElementsAre(0, 3)) << "the largest stay";
}

TEST(TokenSampler, RepetitionPenaltyLowersBothSigns) {
  const std::vector<TokenId> context = {0, 2, 0};  // twice counts once
  EXPECT_EQ(sample_token(std::vector<float>{3, 2, 1}, context, {.repetition_penalty = 1.4F}, 0), 0);
  EXPECT_EQ(sample_token(std::vector<float>{3, 2, 1}, context, {.repetition_penalty = 1.6F}, 0), 1);
  EXPECT_EQ(sample_token(std::vector<float>{-2, -3, -9}, context, {.repetition_penalty = 1.4F}, 0), 0);
  EXPECT_EQ(sample_token(std::vector<float>{-2, -3, -9}, context, {.repetition_penalty = 1.6F}, 0), 1);
  EXPECT_EQ(sample_token(std::vector<float>{-3, -2, -9}, context, {.repetition_penalty = 0.5F}, 0), 0)
      << "below 1 it favours";
  EXPECT_EQ(sample_token(std::vector<float>{0, 0, 0}, context, {.repetition_penalty = 1.6F}, 0), 0);
}

/// In each case the steps in another order would keep another set.
TEST(TokenSampler, OrderOfTheSteps) {
  const std::vector<TokenId> context = {0};
  EXPECT_THAT(drawn(std::vector<float>{2.0F, 1.9F, 1.8F},
                    {.repetition_penalty = 2, .temperature = 1, .top_k = 2}, context),
              ElementsAre(1, 2))
      << "penalty before top-k";
  EXPECT_THAT(drawn(logs({0.6F, 0.3F, 0.1F}), {.temperature = 4, .top_p = 0.5F}), ElementsAre(0, 1))
      << "temperature before top-p";
  EXPECT_THAT(drawn(logs({0.4F, 0.3F, 0.2F, 0.1F}), {.temperature = 1, .top_k = 2, .top_p = 0.55F}),
              ElementsAre(0))
      << "top-k before top-p: the probabilities are those among the k";
  EXPECT_THAT(drawn(logs({0.5F, 0.3F, 0.1F, 0.1F}), {.temperature = 1, .top_p = 0.6F, .min_p = 0.5F}),
              ElementsAre(0, 1))
      << "top-p before min-p: the probabilities are those among all";
}

TEST(TokenSampler, TheDrawIsAFunctionOfSeedAndPosition) {
  Random random(33);
  const std::vector<float> logits = random_logits(random, 1000);
  const auto draws = [&](std::uint64_t seed, std::int64_t first) {
    std::vector<TokenId> ids;
    for (std::int64_t position = first; position < first + 50; ++position) {
      ids.push_back(sample_token(logits, {}, {.temperature = 2, .seed = seed}, position));
    }
    return ids;
  };
  EXPECT_EQ(draws(5, 0), draws(5, 0));
  EXPECT_NE(draws(5, 0), draws(6, 0));
  EXPECT_NE(draws(5, 0), draws(5 + (std::uint64_t{1} << 32), 0)) << "all 64 bits of the seed";
  EXPECT_NE(draws(5, 0), draws(5, std::int64_t{1} << 32)) << "all bits of the position";
  const std::vector<TokenId> all = draws(5, 0);
  EXPECT_EQ(draws(5, 20)[0], all[20]) << "the position counts, not the calls";
}

double chi_square(const std::vector<int>& counts, const std::vector<double>& probabilities, int n) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * n;
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

std::vector<double> softmax(std::span<const float> logits, double temperature) {
  std::vector<double> probabilities;
  double total = 0;
  for (const float logit : logits) {
    total += probabilities.emplace_back(std::exp(static_cast<double>(logit) / temperature));
  }
  for (double& p : probabilities) {
    p /= total;
  }
  return probabilities;
}

/// Seeded, so the same counts always; the bound is the 99.9 % quantile for 7 degrees of freedom.
TEST(TokenSampler, FrequenciesAreTheProbabilities) {
  constexpr int kDraws = 40000;
  const std::vector<float> logits = {0.3F, -1.0F, 1.2F, 0.0F, 0.9F, -0.4F, 0.2F, -1.5F};
  std::vector<int> by_position(8);
  std::vector<int> by_seed(8);
  for (int i = 0; i < kDraws; ++i) {
    ++by_position[static_cast<std::size_t>(sample_token(logits, {}, {.temperature = 0.7F, .seed = 77}, i))];
    const SamplingParameters p{.temperature = 0.7F, .seed = static_cast<std::uint64_t>(i)};
    ++by_seed[static_cast<std::size_t>(sample_token(logits, {}, p, 12))];
  }
  EXPECT_LT(chi_square(by_position, softmax(logits, 0.7F), kDraws), 24.3);
  EXPECT_LT(chi_square(by_seed, softmax(logits, 0.7F), kDraws), 24.3);
  EXPECT_GT(chi_square(by_position, softmax(logits, 0.75), kDraws), 100.0) << "the bound can fail";
}

TEST(TokenSampler, ExtremesOfTheParametersStayDefined) {
  const std::vector<float> logits = {1, 3, 2, -4};
  EXPECT_THAT(drawn(logits, {.temperature = 1e-39F}), ElementsAre(1)) << "nearly greedy";
  EXPECT_THAT(drawn(logits, {.temperature = 1e-39F, .top_p = 0.9F, .min_p = 0.1F}), ElementsAre(1));
  EXPECT_THAT(drawn(logits, {.temperature = 3e38F}), ElementsAre(0, 1, 2, 3)) << "uniform";
  const std::vector<TokenId> context = {0, 1, 3};
  EXPECT_THAT(drawn(logits, {.repetition_penalty = 1e-39F, .temperature = 1}, context), ElementsAre(0, 1))
      << "both are as large as a float can be";
  EXPECT_THAT(drawn(logits, {.repetition_penalty = 3e38F, .temperature = 1}, context), ElementsAre(0, 1, 2))
      << "nearly 0; the negative one as low as a float can be";
}

std::string message(const SamplingParameters& parameters) {
  ErrorCode code{};
  const std::string line = error_of([&] { check(parameters); }, &code);
  EXPECT_EQ(code, ErrorCode::invalid_argument);
  return line;
}

TEST(TokenSampler, ParametersOutOfRange) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::string penalty = "request: repetition_penalty: expected a positive number, found ";
  EXPECT_EQ(message({.repetition_penalty = 0}), penalty + "0");
  EXPECT_EQ(message({.repetition_penalty = -1.5F}), penalty + "-1.5");
  EXPECT_EQ(message({.repetition_penalty = kNan}), penalty + "nan");
  EXPECT_EQ(message({.repetition_penalty = kInfinity}), penalty + "inf");
  const std::string temperature = "request: temperature: expected 0 (greedy) or a positive number, found ";
  EXPECT_EQ(message({.temperature = -0.5F}), temperature + "-0.5");
  EXPECT_EQ(message({.temperature = kNan}), temperature + "nan");
  EXPECT_EQ(message({.temperature = kInfinity}), temperature + "inf");
  EXPECT_EQ(message({.top_k = -1}), "request: top_k: expected 0 (all) or a positive count, found -1");
  const std::string top_p = "request: top_p: expected a number above 0, at most 1, found ";
  EXPECT_EQ(message({.top_p = 0}), top_p + "0");
  EXPECT_EQ(message({.top_p = 1.25F}), top_p + "1.25");
  EXPECT_EQ(message({.top_p = kNan}), top_p + "nan");
  const std::string min_p = "request: min_p: expected a number from 0 to 1, found ";
  EXPECT_EQ(message({.min_p = -0.25F}), min_p + "-0.25");
  EXPECT_EQ(message({.min_p = 1.5F}), min_p + "1.5");
  EXPECT_EQ(message({.min_p = kNan}), min_p + "nan");
}

TEST(TokenSampler, ParametersAtTheirBounds) {
  check(SamplingParameters{});
  check(
      SamplingParameters{.repetition_penalty = 1e-38F, .temperature = 0, .top_k = 0, .top_p = 1, .min_p = 0});
  check(SamplingParameters{
      .temperature = 100, .top_k = std::numeric_limits<std::int64_t>::max(), .top_p = 1e-38F, .min_p = 1});
}

}  // namespace
}  // namespace reprise::engine
