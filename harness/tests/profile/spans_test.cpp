#include "harness/profile/spans.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

namespace reprise::harness {
namespace {

using engine::kNoLayer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Event {
  std::string kernel;
  std::int64_t token;
  int layer;
  Seconds start;
  Seconds seconds;
};

Timeline timeline_of(const std::vector<Event>& events) {
  TimelineBuilder builder;
  for (const Event& e : events) {
    builder.add(
        {.name = e.kernel, .cost = {}, .seconds = e.seconds, .start_seconds = e.start, .layer = e.layer},
        e.token);
  }
  return std::move(builder).build().value();
}

/// "depth name begin..end", and of a kernel "#event".
std::vector<std::string> lines_of(const std::vector<Span>& spans) {
  std::vector<std::string> lines;
  for (const Span& span : spans) {
    lines.push_back(fmt::format("{} {} {}..{}{}", span.depth, span.name, span.begin, span.end,
                                span.event ? fmt::format(" #{}", *span.event) : ""));
  }
  return lines;
}

TEST(Spans, OfNothingAreNone) {
  EXPECT_THAT(spans_of(Timeline()), IsEmpty());
}

TEST(Spans, ArePhaseTokenLayerKernel) {
  const Timeline timeline = timeline_of({{"embed", 0, kNoLayer, 0, 0.25},
                                         {"linear", 0, 0, 0.25, 0.25},
                                         {"rms_norm", 0, 0, 0.75, 0.25},
                                         {"linear", 0, 11, 1, 0.25},
                                         {"linear", 7, 3, 1.5, 0.25},
                                         {"copy", 7, kNoLayer, 1.75, 0.5}});
  EXPECT_THAT(lines_of(spans_of(timeline)),
              ElementsAre("0 prefill 0..1.25",       //
                          "1 embed 0..0.25 #0",      //
                          "1 layer 0 0.25..1",       // with the gap between its kernels
                          "2 linear 0.25..0.5 #1",   //
                          "2 rms_norm 0.75..1 #2",   //
                          "1 layer 11 1..1.25",      //
                          "2 linear 1..1.25 #3",     //
                          "0 decode 1.5..2.25",      //
                          "1 token 7 1.5..2.25",     //
                          "2 layer 3 1.5..1.75",     //
                          "3 linear 1.5..1.75 #4",   //
                          "2 copy 1.75..2.25 #5"));  //
}

/// The same layer of the next token is another scope, though no other layer came between.
TEST(Spans, OfAnotherTokenAreOthers) {
  const Timeline timeline =
      timeline_of({{"a", 0, 0, 0, 1}, {"a", 1, 0, 1, 1}, {"a", 2, 0, 2, 1}, {"a", 2, 0, 3, 1}});
  EXPECT_THAT(lines_of(spans_of(timeline)),
              ElementsAre("0 prefill 0..1",  //
                          "1 layer 0 0..1",  //
                          "2 a 0..1 #0",     //
                          "0 decode 1..4",   //
                          "1 token 1 1..2",  //
                          "2 layer 0 1..2",  //
                          "3 a 1..2 #1",     //
                          "1 token 2 2..4",  //
                          "2 layer 0 2..4",  //
                          "3 a 2..3 #2",     //
                          "3 a 3..4 #3"));
}

TEST(Spans, OfALayerEndWhereWorkOutsideOfItBegins) {
  const Timeline timeline =
      timeline_of({{"a", 0, 5, 0, 1}, {"host_gap", 0, kNoLayer, 1, 1}, {"a", 0, 5, 2, 1}});
  EXPECT_THAT(lines_of(spans_of(timeline)), ElementsAre("0 prefill 0..3",      //
                                                        "1 layer 5 0..1",      //
                                                        "2 a 0..1 #0",         //
                                                        "1 host_gap 1..2 #1",  //
                                                        "1 layer 5 2..3",      //
                                                        "2 a 2..3 #2"));
}

/// Events of any tokens and layers, some of no time, some right after the one before.
Timeline random_timeline(unsigned seed) {
  std::mt19937 random(seed);
  const auto time = [&] { return 1e-7 * static_cast<double>(random() % 1000) / 3; };
  std::vector<Event> events;
  Seconds start = 0;
  std::int64_t token = 0;
  for (int i = 0; i < 200; ++i) {
    token += random() % 10 == 0 ? 1 : 0;
    const Seconds seconds = random() % 8 == 0 ? 0 : time();
    events.push_back(
        {std::to_string(random() % 5), token, static_cast<int>(random() % 4) - 1, start, seconds});
    start += seconds;
    start += random() % 2 == 0 ? 0 : time();
  }
  return timeline_of(events);
}

TEST(Spans, LieWithinTheirParentsAndBesideTheirSiblings) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const Timeline timeline = random_timeline(seed);
    std::vector<const Span*> path;  // the last span of each depth
    std::size_t n_events = 0;
    const std::vector<Span> spans = spans_of(timeline);
    for (const Span& span : spans) {
      ASSERT_LE(span.begin, span.end);
      ASSERT_LE(span.depth, path.size()) << span.name << " lies in no span";
      if (span.depth < path.size()) {
        ASSERT_GE(span.begin, path[span.depth]->end) << span.name << " overlaps what comes before it";
      }
      path.resize(span.depth);
      if (!path.empty()) {
        const Span& parent = *path.back();
        ASSERT_FALSE(parent.event.has_value()) << span.name << " lies in a kernel";
        ASSERT_TRUE(parent.begin <= span.begin && span.end <= parent.end) << span.name;
      }
      path.push_back(&span);
      if (span.event) {
        ASSERT_EQ(*span.event, n_events++) << "every event once, in order";
        ASSERT_EQ(span.name, timeline.kernel(*span.event));
        ASSERT_EQ(span.begin, timeline.events.start_seconds[*span.event]);
      }
    }
    EXPECT_EQ(n_events, timeline.size());
  }
}

/// A scope begins and ends with what it holds: it claims no time of others.
TEST(Spans, OfScopesAreAsLongAsWhatTheyHold) {
  const std::vector<Span> spans = spans_of(random_timeline(31));
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].event) {
      continue;
    }
    Seconds end = -1;
    std::size_t inner = i + 1;
    for (; inner < spans.size() && spans[inner].depth > spans[i].depth; ++inner) {
      end = spans[inner].end;
    }
    ASSERT_GT(inner, i + 1) << spans[i].name << " is empty";
    EXPECT_EQ(spans[i].begin, spans[i + 1].begin) << spans[i].name;
    EXPECT_EQ(spans[i].end, end) << spans[i].name;
  }
}

}  // namespace
}  // namespace reprise::harness
