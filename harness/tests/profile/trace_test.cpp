#include "harness/profile/trace.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "harness/profile/spans.h"
#include "harness/tests/support/sample_timeline.h"

namespace reprise::harness {
namespace {

using engine::kNoLayer;
using nlohmann::json;
using ::testing::ElementsAre;

Timeline sample() {
  TimelineBuilder builder;
  builder.add({"embed", {64, 0}, 0.25, 1, 10, kNoLayer, {11, 32, 0}}, 0);
  builder.add({"linear", {1000, 2000}, 0.25, 1, 10.25, 0, {11, 48, 32}}, 0);
  builder.add({"rms_norm+linear", {3000, 4000}, 0.5, 2, 10.75, 5, {}}, 1);
  return std::move(builder).build().value();
}

json events_of(const Timeline& timeline, const std::string& title = "title",
               const std::string& track = "track") {
  return json::parse(chrome_trace(timeline, title, track)).at("traceEvents");
}

struct Box {
  double begin;
  double end;
};

/// The first box that begins in another one and ends after it; "" where all lie within or beside each other.
std::string crossing(std::vector<Box> boxes) {
  constexpr double kRounding = 1e-6;  // microseconds
  std::stable_sort(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) {
    return std::pair(a.begin, -a.end) < std::pair(b.begin, -b.end);
  });
  std::vector<Box> open;
  for (const Box& box : boxes) {
    while (!open.empty() && open.back().end <= box.begin + kRounding) {
      open.pop_back();
    }
    if (!open.empty() && box.end > open.back().end + kRounding) {
      return fmt::format("{}..{} in {}..{}", box.begin, box.end, open.back().begin, open.back().end);
    }
    open.push_back(box);
  }
  return "";
}

std::string crossing(const json& events) {
  std::vector<Box> boxes;
  for (const json& event : events) {
    if (event.at("ph") == "X") {
      const double begin = event.at("ts").get<double>();
      boxes.push_back({begin, begin + event.at("dur").get<double>()});
    }
  }
  return crossing(std::move(boxes));
}

TEST(TraceChecker, FindsIntervalsThatCross) {
  EXPECT_EQ(crossing(std::vector<Box>{{0, 10}, {5, 15}}), "5..15 in 0..10");
  EXPECT_EQ(crossing(std::vector<Box>{{0, 10}, {2, 8}, {7, 9}}), "7..9 in 2..8");
  EXPECT_EQ(crossing(std::vector<Box>{{0, 10}, {9, 10.00001}}), "9..10.00001 in 0..10");
  EXPECT_EQ(crossing(std::vector<Box>{{0, 10}, {0, 5}, {5, 5}, {5, 10}, {10, 12}, {10, 12}}), "");
}

TEST(ChromeTrace, EveryEventHasTheFieldsOfItsType) {
  const json document = json::parse(chrome_trace(irregular_timeline(), "title", "track"));
  ASSERT_TRUE(document.is_object());
  EXPECT_TRUE(document.at("displayTimeUnit") == "ms" || document.at("displayTimeUnit") == "ns");
  std::size_t n_complete = 0;
  for (const json& event : document.at("traceEvents")) {
    SCOPED_TRACE(event.dump());
    EXPECT_TRUE(event.at("name").is_string());
    EXPECT_TRUE(event.at("pid").is_number_integer());
    EXPECT_TRUE(event.at("tid").is_number_integer());
    if (event.at("ph") == "X") {
      ++n_complete;
      ASSERT_TRUE(event.at("ts").is_number() && event.at("dur").is_number());
      EXPECT_GE(event["ts"], 0);
      EXPECT_GE(event["dur"], 0);
    } else {
      EXPECT_EQ(event.at("ph"), "M");
      EXPECT_TRUE(event.at("args").at("name").is_string());
    }
  }
  EXPECT_EQ(n_complete, spans_of(irregular_timeline()).size());
}

/// In microseconds, the first event at 0.
TEST(ChromeTrace, ScopesAndKernelsAreCompleteEvents) {
  std::vector<std::string> complete;
  for (const json& event : events_of(sample())) {
    if (event.at("ph") == "X") {
      complete.push_back(fmt::format("{} {}+{}", event.at("name").get<std::string>(),
                                     event.at("ts").get<double>(), event.at("dur").get<double>()));
    }
  }
  EXPECT_THAT(complete, ElementsAre("prefill 0+500000",       //
                                    "embed 0+250000",         //
                                    "layer 0 250000+250000",  //
                                    "linear 250000+250000",   //
                                    "decode 750000+500000",   //
                                    "token 1 750000+500000",  //
                                    "layer 5 750000+500000",  //
                                    "rms_norm+linear 750000+500000"));
}

TEST(ChromeTrace, NestsOnOneTrack) {
  for (const Timeline& timeline : {sample(), irregular_timeline()}) {
    const json events = events_of(timeline);
    EXPECT_EQ(crossing(events), "");
    for (const json& event : events) {
      EXPECT_EQ(event.at("pid"), events.at(0).at("pid"));
      EXPECT_EQ(event.at("tid"), events.at(0).at("tid"));
    }
  }
}

TEST(ChromeTrace, NamesItsProcessAndItsThread) {
  const json events = events_of(sample(), "chat-1", "cpu avx2");
  std::vector<std::string> names;
  for (const json& event : events) {
    if (event.at("ph") == "M") {
      names.push_back(event.at("name").get<std::string>() + ": " +
                      event.at("args").at("name").get<std::string>());
    }
  }
  EXPECT_THAT(names, ElementsAre("process_name: chat-1", "thread_name: cpu avx2"));
}

TEST(ChromeTrace, KernelsCarryTheirWorkAndScopesDoNot) {
  for (const json& event : events_of(sample())) {
    const std::string name = event.at("name").get<std::string>();
    if (name == "linear") {
      EXPECT_EQ(event.at("args"),
                json({{"bytes", 1000}, {"flops", 2000}, {"rows", 11}, {"columns", 48}, {"terms", 32}}));
    } else if (name == "embed") {
      EXPECT_EQ(event.at("args").at("bytes"), 64);
      EXPECT_EQ(event.at("args").at("rows"), 11);
      EXPECT_EQ(event.at("args").at("columns"), 32);
    } else if (name == "rms_norm+linear") {
      EXPECT_EQ(event.at("args").at("bytes"), 3000);
      EXPECT_EQ(event.at("args").at("flops"), 4000);
    } else if (event.at("ph") == "X") {
      EXPECT_FALSE(event.contains("args")) << name;
    }
  }
}

TEST(ChromeTrace, OfNothingIsATrackWithoutEvents) {
  for (const json& event : events_of(Timeline())) {
    EXPECT_EQ(event.at("ph"), "M");
  }
}

TEST(ChromeTrace, AnyNameIsText) {
  const std::pair<std::string, std::string> names[] = {{"\"}],\\ \"", "\"}],\\ \""},
                                                       {"</script><b>", "</script><b>"},
                                                       {"two\nlines\t\x01", "two\nlines\t\x01"},
                                                       {"\xCE\xBC", "\xCE\xBC"},
                                                       {"bad\xFF", "bad\xEF\xBF\xBD"}};
  for (const auto& [name, found] : names) {
    Timeline timeline = sample();
    timeline.kernels[1] = name;
    const json events = events_of(timeline, name, name);
    const auto is_found = [&found = found](const json& event) { return event.at("name") == found; };
    EXPECT_EQ(std::count_if(events.begin(), events.end(), is_found), 1) << found;
    EXPECT_EQ(events.at(0).at("args").at("name"), found);
    EXPECT_EQ(events.at(1).at("args").at("name"), found);
  }
}

}  // namespace
}  // namespace reprise::harness
