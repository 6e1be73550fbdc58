#include "harness/regress/where.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "harness/tests/support/noise_models.h"

namespace reprise::harness {
namespace {

/// A run of `first` seconds and then `n` tokens of `each` seconds plus `slope` for each position, times
/// noise.
Sample run_of(Seconds first, Seconds each, Seconds slope, std::size_t n, Noise& noise) {
  Sample sample;
  sample.token_seconds.push_back(first * noise());
  for (std::size_t token = 0; token < n; ++token) {
    sample.token_seconds.push_back((each + slope * static_cast<double>(token)) * noise());
  }
  sample.time_to_first_token_seconds = sample.token_seconds.front();
  sample.total_seconds = std::accumulate(sample.token_seconds.begin(), sample.token_seconds.end(), 0.0);
  sample.verified = true;
  return sample;
}

struct Call {
  Seconds first = 0.5;
  Seconds each = 0.010;
  Seconds slope = 0.0001;
};

std::vector<Pair> pairs_of(const Call& a, const Call& b, std::size_t n_pairs = 40,
                           std::size_t n_tokens = 30) {
  Noise noise = lognormal(0.002)(1);
  std::vector<Pair> pairs(n_pairs);
  for (Pair& pair : pairs) {
    pair.a = {run_of(a.first, a.each, a.slope, n_tokens, noise)};
    pair.b = {run_of(b.first, b.each, b.slope, n_tokens, noise)};
  }
  return pairs;
}

void expect_holds(const SecondsChange& change, double truth, double width) {
  ASSERT_TRUE(change.ci.has_value());
  EXPECT_LE(change.ci->low, truth);
  EXPECT_GE(change.ci->high, truth);
  EXPECT_LT(change.ci->high - change.ci->low, width);
  EXPECT_NEAR(change.seconds, truth, width);
}

TEST(TokenChange, TellsPrefillFromTokensFromPositions) {
  const Call before;
  for (const auto& [after, prefill, token, position] : {std::tuple{Call{0.52, 0.010, 0.0001}, 0.02, 0.0, 0.0},
                                                        {Call{0.5, 0.011, 0.0001}, 0.0, 0.001, 0.0},
                                                        {Call{0.5, 0.010, 0.00015}, 0.0, 0.0, 0.00005}}) {
    const auto change = token_change(pairs_of(before, after), 0.99);
    ASSERT_TRUE(change.has_value());
    expect_holds(change->prefill, prefill, 0.004);
    expect_holds(change->per_token, token, 0.0001);
    expect_holds(change->per_position, position, 0.00001);
    EXPECT_EQ(change->n_later_tokens, 30);
  }
}

TEST(TokenChange, AFewSlowTokensDoNotBendTheLine) {
  std::vector<Pair> pairs = pairs_of({}, {});
  for (Pair& pair : pairs) {
    pair.b.front().token_seconds[25] += 0.5;
    pair.b.front().token_seconds[26] += 0.5;
  }
  const auto change = token_change(pairs, 0.99);
  EXPECT_NEAR(change->per_position.seconds, 0, 0.00001);
  EXPECT_NEAR(change->per_token.seconds, 0, 0.0001);
}

TEST(TokenChange, ManyTokensAreThinnedOut) {
  const auto change = token_change(pairs_of({}, {0.5, 0.010, 0.00011}, 12, 2000), 0.9);
  EXPECT_NEAR(change->per_position.seconds, 0.00001, 0.000001);
}

TEST(TokenChange, IsAbsentWithoutALine) {
  EXPECT_FALSE(token_change({}, 0.99).has_value());
  EXPECT_FALSE(token_change(pairs_of({}, {}, 20, 2), 0.99).has_value());
  std::vector<Pair> unlike = pairs_of({}, {}, 20);
  for (Pair& pair : unlike) {
    pair.b.front().token_seconds.pop_back();
  }
  EXPECT_FALSE(token_change(unlike, 0.99).has_value());
}

CostProfile profile_of(std::vector<std::pair<const char*, double>> centres, double rest) {
  CostProfile profile;
  profile.unattributed_seconds = rest;
  profile.wall_seconds = rest;
  for (const auto& [name, seconds] : centres) {
    CostCentre& centre = profile.centres.emplace_back();
    centre.phase = "decode";
    centre.name = name;
    centre.seconds = seconds;
    profile.wall_seconds += seconds;
  }
  return profile;
}

/// 24 pairs in which b's attention takes 0.02 s more.
std::vector<ProfilePair> slower_attention() {
  Noise noise = lognormal(0.01)(3);
  std::vector<ProfilePair> pairs;
  for (int i = 0; i < 24; ++i) {
    pairs.emplace_back(
        profile_of({{"linear", 0.5 * noise()}, {"attention", 0.1 * noise()}, {"rope", 0.01 * noise()}},
                   0.02 * noise()),
        profile_of({{"linear", 0.5 * noise()}, {"attention", 0.12 * noise()}, {"rope", 0.01 * noise()}},
                   0.02 * noise()));
  }
  return pairs;
}

TEST(CentreChanges, NameTheKernelThatChanged) {
  const std::vector<CentreChange> changes = centre_changes(slower_attention());
  ASSERT_EQ(changes.size(), 4U);
  for (const CentreChange& change : changes) {
    if (change.name == "attention") {
      EXPECT_LT(change.p_value, 0.01);
      EXPECT_NEAR(change.b_seconds - change.a_seconds, 0.02, 0.002);
    } else {
      EXPECT_GT(change.p_value, 0.05) << change.name;
    }
  }
}

TEST(CentreChanges, AddUpToTheTotal) {
  const auto pairs = slower_attention();
  const std::vector<CentreChange> changes = centre_changes(pairs);
  double fractions = 0;
  double seconds_a = 0;
  for (const CentreChange& change : changes) {
    fractions += change.fraction;
    seconds_a += change.a_seconds;
  }
  EXPECT_NEAR(fractions, 1, 1e-9);
  EXPECT_NEAR(seconds_a, 0.63, 0.02);  // of a whole run
}

TEST(CentreChanges, AStrayPairDoesNotCount) {
  std::vector<ProfilePair> pairs = slower_attention();
  pairs[5].second = profile_of({{"linear", 50}, {"attention", 0.12}, {"rope", 0.01}}, 0.02);
  for (const CentreChange& change : centre_changes(pairs)) {
    EXPECT_LT(std::abs(change.b_seconds - change.a_seconds), 0.03) << change.name;
  }
}

TEST(CentreChanges, ACentreThatOneArmLacksIsAChange) {
  std::vector<ProfilePair> pairs(
      20, {profile_of({{"rms_norm", 0.1}, {"linear", 0.2}}, 0), profile_of({{"rms_norm+linear", 0.25}}, 0)});
  const std::vector<CentreChange> changes = centre_changes(pairs);
  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0].name, "rms_norm+linear");
  EXPECT_EQ(changes[0].a_seconds, 0);
  EXPECT_NEAR(changes[0].fraction, -5, 1e-9);  // of a change of -0.05 s
}

TEST(CentreChanges, OfNothingAreNone) {
  EXPECT_TRUE(centre_changes({}).empty());
}

}  // namespace
}  // namespace reprise::harness
