#include "harness/regress/history/detect.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/tests/support/error_of.h"

namespace reprise::harness {
namespace {

/// `parts`: how many points at which level, with a little regular unrest.
Track track_of(Better better, const std::vector<std::pair<int, double>>& parts) {
  Track track;
  track.series.metric = "figure";
  track.series.better = better;
  for (const auto& [n, level] : parts) {
    for (int i = 0; i < n; ++i) {
      Point point;
      point.id = static_cast<std::int64_t>(track.points.size());
      point.commit = "c" + std::to_string(track.points.size());
      point.value = level * (1 + 0.001 * static_cast<double>((point.id * 7) % 5 - 2));
      track.points.push_back(point);
    }
  }
  return track;
}

TEST(Detect, NamesTheCommitsAroundAChange) {
  const TrackChanges found = detect(track_of(Better::lower, {{20, 1.0}, {10, 1.25}}));
  ASSERT_EQ(found.changes.size(), 1U);
  const Change& change = found.changes[0];
  EXPECT_EQ(change.at.index, 20U);
  EXPECT_EQ(change.last_good.commit, "c19");
  EXPECT_EQ(change.first_changed.commit, "c20");
  EXPECT_DOUBLE_EQ(change.at.before, 1.0);
  EXPECT_DOUBLE_EQ(change.at.after, 1.25);
  EXPECT_EQ(change.kind, ChangeKind::regression);
  EXPECT_TRUE(found.newest_is_regression());
}

TEST(Detect, TheDirectionDecidesWhatIsWorse) {
  const auto kind = [](Better better, double from, double to) {
    return detect(track_of(better, {{15, from}, {15, to}})).changes.at(0).kind;
  };
  EXPECT_EQ(kind(Better::lower, 1, 2), ChangeKind::regression);
  EXPECT_EQ(kind(Better::lower, 2, 1), ChangeKind::improvement);
  EXPECT_EQ(kind(Better::higher, 1, 2), ChangeKind::improvement);
  EXPECT_EQ(kind(Better::higher, 2, 1), ChangeKind::regression);
  EXPECT_EQ(kind(Better::higher, -1, -2), ChangeKind::regression);
}

TEST(Detect, OnlyTheNewestLevelCounts) {
  // Worse, then better again: over. Better, then a little worse: a regression from the level before.
  EXPECT_FALSE(detect(track_of(Better::lower, {{15, 1}, {15, 2}, {15, 1}})).newest_is_regression());
  EXPECT_TRUE(detect(track_of(Better::lower, {{15, 2}, {15, 1}, {15, 1.2}})).newest_is_regression());
  EXPECT_FALSE(detect(track_of(Better::lower, {{30, 1}})).newest_is_regression());
}

TEST(Detect, ARegressionBeforeSomeDateIsAccepted) {
  Track track = track_of(Better::lower, {{15, 1}, {15, 2}});
  for (std::size_t i = 0; i < track.points.size(); ++i) {
    track.points[i].created = "2026-01-" + std::to_string(10 + i / 2) + "T12:00:00Z";
  }
  const TrackChanges found = detect(track);
  ASSERT_EQ(found.changes.at(0).first_changed.created, "2026-01-17T12:00:00Z");
  EXPECT_TRUE(found.newest_is_regression("2026-01-17T12:00:00Z"));
  EXPECT_FALSE(found.newest_is_regression("2026-01-17T12:00:01Z"));
}

TEST(Detect, SaysWhenThereAreTooFewPoints) {
  for (const auto& [n, enough] : {std::pair{0, false}, {1, false}, {9, false}, {10, true}, {30, true}}) {
    const TrackChanges found = detect(track_of(Better::lower, {{n, 5}}));
    EXPECT_TRUE(found.changes.empty()) << n;
    EXPECT_EQ(found.enough_points, enough) << n;
  }
}

TEST(Detect, AChangeOfTheScatterAloneIsNeitherBetterNorWorse) {
  Track track = track_of(Better::lower, {{80, 1}});
  for (std::size_t i = 0; i < track.points.size(); ++i) {
    // Both halves have the median 1: the unrest of the second is 500 times as large.
    const double unrest = static_cast<double>((i * 7) % 5) - 2;
    track.points[i].value = 1 + (i < 40 ? 0.001 : 0.5) * unrest;
  }
  ChangePointOptions options;
  options.window = 80;
  options.min_segment = 20;
  options.min_magnitude = 0;
  std::vector<double> values;
  for (const Point& point : track.points) {
    values.push_back(point.value);
  }
  const auto changes = change_points(values, options);
  ASSERT_EQ(changes.size(), 1U);
  ASSERT_EQ(changes[0].before, changes[0].after);
  EXPECT_TRUE(detect(track, options).changes.empty());
}

TEST(Detect, SearchesTheNewestPointsOfALongTrack) {
  const TrackChanges found = detect(track_of(Better::lower, {{500, 9}, {9'980, 1}, {20, 2}}));
  ASSERT_EQ(found.changes.size(), 1U);
  EXPECT_EQ(found.changes[0].at.index, 10'480U);
  EXPECT_EQ(found.changes[0].first_changed.commit, "c10480");
}

TEST(Detect, RefusesOptionsEvenWithoutPoints) {
  ChangePointOptions options;
  options.window = 1;
  const Error error = reprise::testing::error_of([&] { detect({}, options); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace reprise::harness
