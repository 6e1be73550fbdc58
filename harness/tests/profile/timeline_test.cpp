#include "harness/profile/timeline.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace reprise::harness {
namespace {

using engine::KernelRecord;
using engine::kNoLayer;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::StartsWith;

KernelRecord record(const char* name, double start, double seconds, int layer = kNoLayer) {
  return {.name = name, .cost = {}, .seconds = seconds, .start_seconds = start, .layer = layer};
}

Timeline built(TimelineBuilder&& builder) {
  return std::move(builder).build().value();
}

/// Three events, of two kernels, one right after the other.
Timeline sample() {
  TimelineBuilder builder;
  builder.add(record("embed", 0, 0.25), 0);
  builder.add(record("linear", 0.25, 0.25, 0), 0);
  builder.add(record("linear", 0.5, 0.25, 1), 1);
  return built(std::move(builder));
}

TEST(Timeline, PhaseIsThatOfTheToken) {
  EXPECT_EQ(phase_of_token(0), "prefill");
  EXPECT_EQ(phase_of_token(1), "decode");
  EXPECT_EQ(phase_of_token(1000), "decode");
}

TEST(TimelineBuilder, CountsTimeFromTheFirstEvent) {
  TimelineBuilder builder;
  builder.add(record("a", 1000.25, 0.125), 0);
  builder.add(record("b", 1000.5, 0.25), 0);
  builder.add(record("a", 1002, 0.5), 1);
  const Timeline timeline = built(std::move(builder));
  EXPECT_THAT(timeline.events.start_seconds, ElementsAre(0, 0.25, 1.75));
  EXPECT_THAT(timeline.events.seconds, ElementsAre(0.125, 0.25, 0.5));
}

/// Names are valid only while add() is called.
TEST(TimelineBuilder, KeepsEachKernelsNameOnce) {
  TimelineBuilder builder;
  double start = 0;
  for (const char* const name : {"linear", "rope", "linear", "copy", "rope"}) {
    std::string passing = name;
    builder.add(record(passing.c_str(), start++, 0.5), 0);
    passing.assign(passing.size(), '?');
  }
  const Timeline timeline = built(std::move(builder));
  EXPECT_THAT(timeline.kernels, ElementsAre("linear", "rope", "copy"));
  EXPECT_THAT(timeline.events.kernel, ElementsAre(0, 1, 0, 2, 1));
  EXPECT_EQ(timeline.size(), 5U);
  EXPECT_EQ(timeline.kernel(2), "linear");
  EXPECT_EQ(timeline.kernel(3), "copy");
}

TEST(TimelineBuilder, KeepsWhatRecordsSay) {
  TimelineBuilder builder;
  KernelRecord linear = record("linear", 0, 0.5, 7);
  linear.cost = {100, 200};
  linear.shape = {3, 4, 5};
  builder.add(record("embed", 0, 0), 0);
  builder.add(linear, 9);
  builder.add(record("linear", 0.5, 0.5, 0), 10);
  const TimelineEvents events = built(std::move(builder)).events;
  EXPECT_THAT(events.token, ElementsAre(0, 9, 10));
  EXPECT_THAT(events.layer, ElementsAre(std::nullopt, 7, 0));  // layer 0 is one, too
  EXPECT_THAT(events.bytes, ElementsAre(0, 100, 0));
  EXPECT_THAT(events.flops, ElementsAre(0, 200, 0));
  EXPECT_THAT(events.rows, ElementsAre(0, 3, 0));
  EXPECT_THAT(events.columns, ElementsAre(0, 4, 0));
  EXPECT_THAT(events.terms, ElementsAre(0, 5, 0));
}

TEST(TimelineBuilder, OfNothingIsATimelineOfNothing) {
  const Timeline timeline = built(TimelineBuilder());
  EXPECT_EQ(timeline.size(), 0U);
  EXPECT_EQ(problem_of(timeline), "");
}

TEST(TimelineBuilder, OfTooManyEventsIsNoTimeline) {
  TimelineBuilder full;
  for (std::size_t i = 0; i < kMaxTimelineEvents; ++i) {
    full.add(record("relu", static_cast<double>(i), 1), 0);
  }
  TimelineBuilder over = full;
  over.add(record("relu", static_cast<double>(kMaxTimelineEvents), 1), 0);
  EXPECT_FALSE(std::move(over).build().has_value());
  EXPECT_EQ(built(std::move(full)).size(), kMaxTimelineEvents);
}

TEST(TimelineProblem, IsNoneOfWhatWasBuilt) {
  EXPECT_EQ(problem_of(sample()), "");
}

TEST(TimelineProblem, NamesTheColumnThatIsShortOrLong) {
  const std::pair<const char*, std::function<void(TimelineEvents&, std::size_t)>> columns[] = {
      {"token", [](auto& events, std::size_t n) { events.token.resize(n); }},
      {"layer", [](auto& events, std::size_t n) { events.layer.resize(n); }},
      {"start_seconds", [](auto& events, std::size_t n) { events.start_seconds.resize(n); }},
      {"seconds", [](auto& events, std::size_t n) { events.seconds.resize(n); }},
      {"bytes", [](auto& events, std::size_t n) { events.bytes.resize(n); }},
      {"flops", [](auto& events, std::size_t n) { events.flops.resize(n); }},
      {"rows", [](auto& events, std::size_t n) { events.rows.resize(n); }},
      {"columns", [](auto& events, std::size_t n) { events.columns.resize(n); }},
      {"terms", [](auto& events, std::size_t n) { events.terms.resize(n); }},
  };
  for (const auto& [name, resize] : columns) {
    for (const std::size_t n : {2, 4}) {
      Timeline timeline = sample();
      resize(timeline.events, n);
      const std::string problem = problem_of(timeline);
      EXPECT_THAT(problem, StartsWith("events." + std::string(name) + ": expected 3 entries"));
      EXPECT_THAT(problem, EndsWith("found " + std::to_string(n)));
    }
  }
}

TEST(TimelineProblem, IsAKernelWithoutAName) {
  for (const std::int64_t index : {std::int64_t{2}, std::int64_t{-1}, std::int64_t{1} << 62}) {
    Timeline timeline = sample();
    timeline.events.kernel[1] = index;
    EXPECT_EQ(problem_of(timeline),
              "events.kernel[1]: expected index of one of 2 kernels, found " + std::to_string(index));
  }
}

TEST(TimelineProblem, IsATimeBelowZeroOrNone) {
  for (const double seconds : {-1e-12, -1.0, std::nan("")}) {
    Timeline timeline = sample();
    timeline.events.seconds[1] = seconds;
    EXPECT_THAT(problem_of(timeline), StartsWith("events.seconds[1]: expected at least 0, found "));
  }
  Timeline timeline = sample();
  timeline.events.seconds[1] = 0;
  EXPECT_EQ(problem_of(timeline), "");
}

TEST(TimelineProblem, IsAnEventThatBeginsBeforeTheEndOfTheOneBefore) {
  for (const double start : {0.25, 0.499999, -1.0, std::nan("")}) {
    Timeline timeline = sample();
    timeline.events.start_seconds[2] = start;
    EXPECT_THAT(problem_of(timeline), StartsWith("events.start_seconds[2]: expected at least 0.5"));
  }
  Timeline timeline = sample();
  timeline.events.start_seconds[2] = 0.75;  // nothing happened in between
  EXPECT_EQ(problem_of(timeline), "");
}

/// 0.1 + 0.2 is more than 0.3.
TEST(TimelineProblem, IsNotTheRoundingOfASum) {
  TimelineBuilder builder;
  builder.add(record("a", 0, 0.1), 0);
  builder.add(record("a", 0.1, 0.2), 0);
  builder.add(record("a", 0.3, 0.1), 0);
  EXPECT_EQ(problem_of(built(std::move(builder))), "");
}

}  // namespace
}  // namespace reprise::harness
