#include "harness/stats/k_medoids.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "engine/core/philox.h"

namespace reprise::harness {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

double uniform(std::uint32_t seed, std::uint32_t i) {
  const auto words = engine::philox4x32_10({i, 0, 0, 0}, {seed, 0});
  return engine::uniform_f64(words[0], words[1]);
}

/// Three groups of points around far centres.
std::vector<double> groups(std::size_t each) {
  const double centres[3][2] = {{0, 0}, {100, 0}, {0, 100}};
  std::vector<double> points;
  for (std::uint32_t i = 0; i < 3 * each; ++i) {
    points.push_back(centres[i % 3][0] + uniform(1, 2 * i));
    points.push_back(centres[i % 3][1] + uniform(1, 2 * i + 1));
  }
  return points;
}

TEST(KMedoids, FindsGroupsThatAreFarApart) {
  const std::vector<double> points = groups(40);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Medoids found =
        k_medoids(points, 2, std::vector<bool>(120, true), {.k = 3, .seed = seed, .starts = 3});
    ASSERT_THAT(found.medoids, SizeIs(3));
    for (std::size_t i = 0; i < 120; ++i) {
      EXPECT_EQ(found.medoids[found.cluster[i]] % 3, i % 3) << "point " << i << ", seed " << seed;
    }
  }
}

/// Against all subsets of two: never better, and never much worse.
TEST(KMedoids, ComesNearTheBestPair) {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    constexpr std::size_t kPoints = 24;
    std::vector<double> points;
    for (std::uint32_t i = 0; i < 2 * kPoints; ++i) {
      points.push_back(std::exp(3 * uniform(seed, i)));  // skewed
    }
    double best = std::numeric_limits<double>::infinity();
    double mean = 0;
    for (std::size_t a = 0; a < kPoints; ++a) {
      for (std::size_t b = a + 1; b < kPoints; ++b) {
        const double total = clusters_of(points, 2, {a, b}).total_distance;
        best = std::min(best, total);
        mean += total / (kPoints * (kPoints - 1) / 2.0);
      }
    }
    const double found =
        k_medoids(points, 2, std::vector<bool>(kPoints, true), {.k = 2, .seed = seed}).total_distance;
    EXPECT_GE(found, best * (1 - 1e-12));
    EXPECT_LE(found, best * 1.1);
    EXPECT_LT(found, 0.85 * mean);
  }
}

TEST(KMedoids, TakesEligiblePointsAlone) {
  const std::vector<double> points = groups(40);
  std::vector<bool> eligible(120, false);
  for (const std::size_t i : {5, 6, 7, 30, 31, 32}) {
    eligible[i] = true;
  }
  const Medoids found = k_medoids(points, 2, eligible, {.k = 3, .seed = 1});
  ASSERT_THAT(found.medoids, SizeIs(3));
  for (const std::size_t medoid : found.medoids) {
    EXPECT_TRUE(eligible[medoid]);
  }
  eligible.assign(120, false);
  eligible[17] = true;
  EXPECT_THAT(k_medoids(points, 2, eligible, {.k = 3, .seed = 1}).medoids, ElementsAre(17));
}

TEST(KMedoids, PointsThatCoincideNeedOneMedoid) {
  const std::vector<double> points = {1, 1, 1, 5, 5};
  const Medoids found = k_medoids(points, 1, std::vector<bool>(5, true), {.k = 4, .seed = 3});
  EXPECT_THAT(found.medoids, SizeIs(2));
  EXPECT_EQ(found.total_distance, 0);
  EXPECT_THAT(found.cluster, ElementsAre(0, 0, 0, 1, 1));
}

TEST(KMedoids, EqualSeedsEqualMedoids) {
  std::vector<double> points;
  for (std::uint32_t i = 0; i < 400; ++i) {
    points.push_back(uniform(9, i));
  }
  const std::vector<bool> all(200, true);
  const auto medoids = [&](std::uint64_t seed) {
    return k_medoids(points, 2, all, {.k = 12, .seed = seed, .starts = 1}).medoids;
  };
  EXPECT_EQ(medoids(4), medoids(4));
  EXPECT_NE(medoids(4), medoids(5));
}

TEST(ClustersOf, GivesEachPointItsNearest) {
  const std::vector<double> points = {0, 2, 3, 10};
  const Medoids found = clusters_of(points, 1, {3, 0});
  EXPECT_THAT(found.medoids, ElementsAre(0, 3));
  EXPECT_THAT(found.cluster, ElementsAre(0, 0, 0, 1));
  EXPECT_EQ(found.total_distance, 5);
}

}  // namespace
}  // namespace reprise::harness
