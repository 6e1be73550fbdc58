#include "harness/stats/change_points.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/philox.h"
#include "engine/tests/support/error_of.h"

namespace reprise::harness {
namespace {

using Series = std::vector<double>;

/// Standard normal numbers (Box & Muller 1958), the same for the same replicate.
Series noise(std::size_t n, std::uint32_t replicate) {
  Series series(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto words = engine::philox4x32_10({static_cast<std::uint32_t>(i), replicate, 0, 2}, {17, 19});
    const double u = 1 - engine::uniform_f64(words[0], words[1]);
    series[i] = std::sqrt(-2 * std::log(u)) *
                std::cos(2 * std::numbers::pi * engine::uniform_f64(words[2], words[3]));
  }
  return series;
}

/// Levels one after another with noise of 1 %.
Series levels(const std::vector<std::pair<std::size_t, double>>& parts, std::uint32_t replicate) {
  Series series;
  for (const auto& [n, level] : parts) {
    series.insert(series.end(), n, level);
  }
  const Series errors = noise(series.size(), replicate);
  for (std::size_t i = 0; i < series.size(); ++i) {
    series[i] *= 1 + 0.01 * errors[i];
  }
  return series;
}

std::vector<std::size_t> indices(const std::vector<ChangePoint>& changes) {
  std::vector<std::size_t> found;
  for (const ChangePoint& change : changes) {
    found.push_back(change.index);
  }
  return found;
}

void expect_near(const std::vector<ChangePoint>& changes, const std::vector<std::size_t>& expected) {
  ASSERT_EQ(changes.size(), expected.size()) << ::testing::PrintToString(indices(changes));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(changes[i].index), static_cast<double>(expected[i]), 1);
  }
}

template <class Function>
std::string message_of(Function&& function) {
  return reprise::testing::error_of(std::forward<Function>(function)).what();
}

TEST(ChangePoints, FindsAStepOfFiveSigma) {
  for (std::uint32_t replicate = 0; replicate < 20; ++replicate) {
    const auto changes = change_points(levels({{20, 100}, {15, 105}}, replicate));
    expect_near(changes, {20});
    EXPECT_NEAR(changes.at(0).before, 100, 1.5);
    EXPECT_NEAR(changes.at(0).after, 105, 1.5);
    EXPECT_NEAR(*changes.at(0).relative_change, 0.05, 0.02);
    EXPECT_GT(changes.at(0).p, 0);
    EXPECT_LE(changes.at(0).p, 0.001);
  }
}

TEST(ChangePoints, ReportsMediansOfBothSides) {
  // Without noise: 9 points of 2 and one of 20 before, 10 points of 3 after.
  Series series(20, 2.0);
  series[4] = 20;
  std::fill(series.begin() + 10, series.end(), 3.0);
  const auto changes = change_points(series);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes.at(0).index, 10U);
  EXPECT_EQ(changes.at(0).before, 2);
  EXPECT_EQ(changes.at(0).after, 3);
  EXPECT_DOUBLE_EQ(*changes.at(0).relative_change, 0.5);
}

TEST(ChangePoints, FindsTwoStepsAlsoWhenTheSecondUndoesTheFirst) {
  expect_near(change_points(levels({{15, 100}, {15, 110}, {15, 120}}, 1)), {15, 30});
  expect_near(change_points(levels({{20, 100}, {8, 110}, {20, 100}}, 2)), {20, 28});
  const auto changes = change_points(levels({{15, 100}, {15, 110}, {15, 100}}, 3));
  expect_near(changes, {15, 30});
  EXPECT_GT(*changes.at(0).relative_change, 0);
  EXPECT_LT(*changes.at(1).relative_change, 0);
}

TEST(ChangePoints, FindsAChangeOfTheNewestPointsSoon) {
  // Four new points are enough, wherever the series ends: the last window is as wide as any.
  for (const std::size_t n : {20U, 46U, 60U, 73U, 74U, 97U, 99U}) {
    for (const std::uint32_t replicate : {1U, 2U, 3U}) {
      EXPECT_EQ(indices(change_points(levels({{n, 100}, {4, 120}}, replicate))), std::vector<std::size_t>{n});
    }
  }
}

TEST(ChangePoints, FindsAStepAmongFewPoints) {
  for (const std::uint32_t replicate : {1U, 2U, 3U}) {
    EXPECT_EQ(indices(change_points(levels({{8, 100}, {8, 120}}, replicate))), std::vector<std::size_t>{8});
    EXPECT_TRUE(change_points(levels({{6, 100}, {6, 120}}, replicate)).empty());
  }
}

TEST(ChangePoints, PlacesAChangeNearAWindowsEndAtItsPoint) {
  // The first window ends 2 points after the change, and would have to put it one too early.
  ChangePointOptions options;
  options.max_p = 0.05;
  for (std::uint32_t replicate = 0; replicate < 8; ++replicate) {
    const auto found = indices(change_points(levels({{48, 100}, {152, 150}}, replicate), options));
    EXPECT_EQ(std::count(found.begin(), found.end(), 48), 1) << replicate;
    for (const std::size_t wrong : {46U, 47U, 49U, 50U}) {
      EXPECT_EQ(std::count(found.begin(), found.end(), wrong), 0) << replicate;
    }
  }
}

TEST(ChangePoints, PlacesEveryChangeInWindowsOfAnyWidth) {
  for (const std::size_t window : {24U, 31U, 50U}) {
    ChangePointOptions options;
    options.window = window;
    for (std::size_t at = 20; at < 100; at += 3) {
      EXPECT_EQ(indices(change_points(levels({{at, 100}, {120 - at, 150}}, 3), options)),
                std::vector<std::size_t>{at})
          << window;
    }
  }
}

TEST(ChangePoints, OneOrTwoOddPointsAtAnEndAreNotAChange) {
  ChangePointOptions options;
  options.window = 200;
  for (std::uint32_t replicate = 0; replicate < 2; ++replicate) {
    const Series plain = levels({{200, 100}}, replicate);
    for (const std::size_t n : {1U, 2U}) {
      Series at_end = plain;
      std::fill(at_end.end() - static_cast<std::ptrdiff_t>(n), at_end.end(), 1000);
      EXPECT_TRUE(change_points(at_end, options).empty()) << n;
      Series at_start = plain;
      std::fill_n(at_start.begin(), n, 1000);
      EXPECT_TRUE(change_points(at_start, options).empty()) << n;
    }
  }
}

TEST(ChangePoints, TheirPIsThatOfAllOrders) {
  // Shares of all 5040 orders of 7 distinct figures whose best split, over tau and kappa with segments of 2
  // or more, is as good: by enumeration, with distances summed one by one. Without the factor m n / (m + n)
  // the first would be 72.
  struct Case {
    Series series;
    std::size_t index;
    int orders;
  };
  for (const Case& known : {Case{{1, 2, 1.5, 9, 7, 8.5, 3}, 3, 324},
                            {{1, 2, 4, 9, 10, 13, 5}, 3, 72},
                            {{1, 2, 1.5, 3, 9, 7, 8.5}, 4, 288}}) {
    ChangePointOptions options;
    options.max_p = 0.2;
    options.permutations = 99'999;
    options.min_magnitude = 0;
    options.min_segment = 2;
    options.window = 7;
    const auto changes = change_points(known.series, options);
    ASSERT_EQ(changes.size(), 1U) << ::testing::PrintToString(indices(changes));
    EXPECT_EQ(changes[0].index, known.index);
    const double p = known.orders / 5040.0;
    EXPECT_NEAR(changes[0].p, p, 4 * std::sqrt(p * (1 - p) / 1e5)) << ::testing::PrintToString(known.series);
  }
}

TEST(ChangePoints, FewestPoints) {
  const auto fewest = [](double p, std::size_t min_segment = 3) {
    ChangePointOptions options;
    options.max_p = p;
    options.min_segment = min_segment;
    return fewest_points(options);
  };
  // 2 * 3! * 3! * 4! / 10! is 0.00048, 2 * (3!)^3 / 9! is 0.0012.
  EXPECT_EQ(fewest(0.001), 10U);
  EXPECT_EQ(fewest(2.0 / 1680), 9U);  // exactly what 9 can show
  EXPECT_EQ(fewest(1e-6), 16U);
  EXPECT_EQ(fewest(0.5), 8U);  // more than min_segment on both sides
  EXPECT_EQ(fewest(0.2, 2), 6U);
}

TEST(ChangePoints, OldHistoryDoesNotDrownNewChanges) {
  // Ten large old changes, then a small new one: windows see only what is near.
  std::vector<std::pair<std::size_t, double>> parts;
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < 10; ++i) {
    parts.emplace_back(20, i % 2 == 0 ? 1000 : 10);
    expected.push_back(20 * (i + 1));
  }
  parts.emplace_back(20, 100);
  expected.push_back(220);
  parts.emplace_back(20, 105);
  expect_near(change_points(levels(parts, 5)), expected);
}

TEST(ChangePoints, NoiseHasFalseOnesAboutAsOftenAsPSays) {
  // Under the null hypothesis one window's first test is exact: (as large + 1) / 200 <= 0.05 has probability
  // 0.05. 600 replicates expect 30; the count misses [12, 52] with a probability below 1e-3.
  ChangePointOptions options;
  options.max_p = 0.05;
  options.permutations = 199;
  options.min_magnitude = 0;
  int with_change = 0;
  for (std::uint32_t replicate = 0; replicate < 600; ++replicate) {
    Series series = noise(30, replicate);
    for (double& x : series) {
      x = std::exp(x);  // skewed, as timings are
    }
    options.seed = replicate;
    with_change += change_points(series, options).empty() ? 0 : 1;
  }
  EXPECT_GE(with_change, 12);
  EXPECT_LE(with_change, 52);
}

TEST(ChangePoints, LongNoiseHasNoneAtTheDefaultP) {
  for (std::uint32_t replicate = 100; replicate < 110; ++replicate) {
    EXPECT_EQ(indices(change_points(levels({{150, 100}}, replicate))), std::vector<std::size_t>());
  }
}

TEST(ChangePoints, ASpikeIsNotAChange) {
  for (const std::size_t at : {0U, 1U, 17U, 35U, 48U, 49U}) {
    Series series = levels({{50, 100}}, 6);
    series[at] = 1000;
    EXPECT_EQ(indices(change_points(series)), std::vector<std::size_t>()) << at;
  }
}

TEST(ChangePoints, EqualFiguresHaveNone) {
  ChangePointOptions options;
  options.min_magnitude = 0;
  EXPECT_TRUE(change_points(Series(200, 0.1), options).empty());
  EXPECT_TRUE(change_points(Series(60, 0.0), options).empty());
  // Two values in turns: every sum of distances is met again by other permutations, up to rounding.
  Series alternating(60, 0.1);
  for (std::size_t i = 0; i < alternating.size(); i += 2) {
    alternating[i] = 0.3;
  }
  EXPECT_TRUE(change_points(alternating, options).empty());
}

TEST(ChangePoints, LevelsAreMediansOfTheWindowAtMost) {
  // 100 points of which the older half is half a per cent lower: too little to count, and not a part of the
  // level before.
  Series series(50, 99.0);
  series.insert(series.end(), 50, 99.5);
  series.insert(series.end(), 20, 150.0);
  const auto changes = change_points(series);
  ASSERT_EQ(indices(changes), std::vector<std::size_t>{100});
  EXPECT_EQ(changes[0].before, 99.5);
  EXPECT_EQ(changes[0].n_before, 50U);
  EXPECT_EQ(changes[0].n_after, 20U);
}

TEST(ChangePoints, SmallSeriesHaveNone) {
  EXPECT_TRUE(change_points({}).empty());
  EXPECT_TRUE(change_points(Series{1}).empty());
  EXPECT_TRUE(change_points(Series{1, 1, 1, 9, 9}).empty());
  // 6 points in 2 threes: a tenth of all orders looks like this one, so no test at 0.001 can tell.
  EXPECT_TRUE(change_points(Series{1, 1, 1, 9, 9, 9}).empty());
}

TEST(ChangePoints, MinMagnitudeLeavesOutSmallOnes) {
  const Series series = levels({{25, 100}, {25, 104}, {25, 150}}, 7);
  expect_near(change_points(series), {25, 50});
  ChangePointOptions options;
  options.min_magnitude = 0.1;
  const auto changes = change_points(series, options);
  expect_near(changes, {50});
  // Its level before is that of all points since the start, as far as the window reaches.
  EXPECT_NEAR(changes.at(0).before, 102, 2);
}

TEST(ChangePoints, FromZeroIsAChangeWithoutARatio) {
  Series series(40, 0.0);
  std::fill(series.begin() + 20, series.end(), 5.0);
  const auto changes = change_points(series);
  ASSERT_EQ(indices(changes), std::vector<std::size_t>{20});
  EXPECT_FALSE(changes.at(0).relative_change.has_value());
  EXPECT_EQ(changes.at(0).after, 5);
}

TEST(ChangePoints, DoNotDependOnTheUnit) {
  const Series series = levels({{20, 100}, {15, 103}, {15, 98}}, 8);
  ChangePointOptions options;
  options.alpha = 1.5;
  const auto expected = change_points(series, options);
  ASSERT_FALSE(expected.empty());
  for (const double unit : {0x1p-1000, 0x1p-30, 0x1p900}) {
    Series scaled = series;
    for (double& x : scaled) {
      x *= unit;
    }
    const auto found = change_points(scaled, options);
    EXPECT_EQ(indices(found), indices(expected)) << unit;
    EXPECT_EQ(found.at(0).p, expected.at(0).p) << unit;
  }
}

TEST(ChangePoints, TheSameForTheSameSeed) {
  const Series series = levels({{30, 100}, {10, 101.5}}, 9);
  ChangePointOptions options;
  options.max_p = 0.2;
  options.seed = 3;
  const auto first = change_points(series, options);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(change_points(series, options).at(0).p, first.at(0).p);
  std::vector<double> ps;
  for (options.seed = 4; options.seed < 12; ++options.seed) {
    ps.push_back(change_points(series, options).at(0).p);
  }
  EXPECT_NE(*std::min_element(ps.begin(), ps.end()), *std::max_element(ps.begin(), ps.end()));
}

TEST(ChangePoints, FindsAChangeOfTheSpread) {
  // Equal medians: a magnitude of 0 keeps it. With segments of 3, three odd points of the wide half look as
  // odd.
  Series series = noise(80, 10);
  for (std::size_t i = 40; i < series.size(); ++i) {
    series[i] *= 20;
  }
  for (double& x : series) {
    x += 1000;
  }
  ChangePointOptions options;
  options.window = 80;
  options.min_segment = 20;
  options.min_magnitude = 0;
  const auto changes = change_points(series, options);
  ASSERT_GE(changes.size(), 1U);
  EXPECT_NEAR(static_cast<double>(changes.at(0).index), 40, 4);
}

TEST(ChangePoints, RefusesWhatIsNoNumber) {
  Series series(10, 1.0);
  series[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(message_of([&] { (void)change_points(series); }),
            "change points: series[3]: expected a number up to 1e+300, found nan");
  series[3] = -std::numeric_limits<double>::infinity();
  EXPECT_NE(message_of([&] { (void)change_points(series); }).find("found -inf"), std::string::npos);
  EXPECT_NE(message_of([&] {
              (void)change_points(Series(10'001, 1.0));
            }).find("series: expected at most 10000 points, found 10001"),
            std::string::npos);
}

TEST(ChangePoints, RefusesOptionsOutOfRange) {
  const auto refusal = [](auto change) {
    ChangePointOptions options;
    change(options);
    return message_of([&] { (void)change_points(Series{1, 2}, options); });
  };
  EXPECT_EQ(refusal([](auto& o) { o.min_segment = 1; }),
            "change points: min_segment: expected a whole number from 2 to 499, found 1");
  EXPECT_EQ(refusal([](auto& o) { o.window = 7; }),
            "change points: window: expected a whole number from 8 to 1000, found 7");
  // Such a search could find nothing, whatever happened.
  EXPECT_EQ(refusal([](auto& o) { o.window = 9; }),
            "change points: window: expected at least 10 points, the fewest that can show a max_p of 0.001, "
            "found 9");
  EXPECT_EQ(refusal([](auto& o) { o.window = 1001; }).find("change points: window: "), 0U);
  EXPECT_EQ(refusal([](auto& o) { o.permutations = 0; }).find("change points: permutations: "), 0U);
  EXPECT_EQ(refusal([](auto& o) { o.max_p = 0.0004; }),
            "change points: max_p: expected at least 1 / (permutations + 1), the least that this many can "
            "show, found 0.0004");
  for (const double p : {0.0, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(refusal([p](auto& o) { o.max_p = p; }).find("change points: max_p: "), 0U) << p;
  }
  EXPECT_EQ(refusal([](auto& o) { o.min_magnitude = -1; }).find("change points: min_magnitude: "), 0U);
  EXPECT_EQ(refusal([](auto& o) { o.alpha = 2; }).find("change points: alpha: "), 0U);
}

}  // namespace
}  // namespace reprise::harness
