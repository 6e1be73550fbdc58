#include "harness/profile/flamegraph.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "harness/tests/support/sample_timeline.h"

namespace reprise::harness {
namespace {

using engine::kNoLayer;
using nlohmann::json;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::UnorderedElementsAre;

/// A layer in prefill, and the same one in two tokens.
Timeline sample() {
  TimelineBuilder builder;
  builder.add({"embed", {}, 0.25, 1, 10, kNoLayer}, 0);
  builder.add({"linear", {}, 0.25, 1, 10.25, 3}, 0);
  builder.add({"linear", {}, 0.5, 1, 10.75, 3}, 1);
  builder.add({"linear", {}, 0.125, 1, 11.25, 3}, 2);
  return std::move(builder).build().value();
}

/// The second event ends a rounding after the third begins: 0.1 + 0.2 > 0.3.
Timeline rounded() {
  TimelineBuilder builder;
  builder.add({"a", {}, 0.1, 1, 0, 0}, 0);
  builder.add({"b", {}, 0.2, 1, 0.1, 0}, 0);
  builder.add({"c", {}, 0.1, 1, 0.3, 1}, 0);
  return std::move(builder).build().value();
}

json document_of(const Timeline& timeline, const std::string& title = "title") {
  return json::parse(speedscope(timeline, title));
}

std::string frame_name(const json& document, const json& event) {
  return document.at("shared").at("frames").at(event.at("frame").get<std::size_t>()).at("name");
}

/// What speedscope would refuse an evented profile for; "" where it opens it.
std::string problem_with(const json& document) {
  const json& profile = document.at("profiles").at(0);
  const std::size_t n_frames = document.at("shared").at("frames").size();
  double last = profile.at("startValue").get<double>();
  std::vector<std::size_t> open;
  for (const json& event : profile.at("events")) {
    const auto frame = event.at("frame").get<std::size_t>();
    const double at = event.at("at").get<double>();
    if (frame >= n_frames) {
      return fmt::format("frame {} of {}", frame, n_frames);
    }
    if (at < last) {
      return fmt::format("{} after {}", at, last);
    }
    last = at;
    if (event.at("type") == "O") {
      open.push_back(frame);
    } else if (event.at("type") != "C" || open.empty() || open.back() != frame) {
      return "closes what is not the last opened: " + event.dump();
    } else {
      open.pop_back();
    }
  }
  return !open.empty()                                 ? "a frame that stays open"
         : last > profile.at("endValue").get<double>() ? "events after the end"
                                                       : "";
}

TEST(SpeedscopeChecker, FindsWhatIsWrong) {
  const json document = document_of(sample());
  const auto problem_after = [&](const char* pointer, const json& value) {
    json changed = document;
    changed[json::json_pointer(pointer)] = value;
    return problem_with(changed);
  };
  EXPECT_NE(problem_after("/profiles/0/events/1/frame", 99), "");
  EXPECT_NE(problem_after("/profiles/0/events/2/frame", 0), "");
  EXPECT_NE(problem_after("/profiles/0/events/2/at", -1), "");
  EXPECT_NE(problem_after("/profiles/0/events/2/type", "O"), "");
  EXPECT_NE(problem_after("/profiles/0/endValue", 0.5), "");
}

TEST(Speedscope, IsADocumentOfItsSchema) {
  const json document = document_of(sample(), "chat-1");
  EXPECT_EQ(document.at("$schema"), "https://www.speedscope.app/file-format-schema.json");
  ASSERT_EQ(document.at("profiles").size(), 1U);
  const json& profile = document.at("profiles").at(0);
  EXPECT_EQ(profile.at("type"), "evented");
  EXPECT_EQ(profile.at("name"), "chat-1");
  EXPECT_EQ(profile.at("unit"), "seconds");
  EXPECT_EQ(profile.at("startValue"), 0);
  EXPECT_EQ(profile.at("endValue"), 1.375);
  for (const json& frame : document.at("shared").at("frames")) {
    EXPECT_TRUE(frame.at("name").is_string());
  }
}

TEST(Speedscope, OpensAndClosesInTheOrderOfTime) {
  EXPECT_EQ(problem_with(document_of(sample())), "");
  EXPECT_EQ(problem_with(document_of(irregular_timeline())), "");
  EXPECT_EQ(problem_with(document_of(rounded())), "");
  EXPECT_EQ(problem_with(document_of(Timeline())), "");
}

TEST(Speedscope, HasPhaseTokenLayerKernel) {
  const json document = document_of(sample());
  std::vector<std::string> lines;
  for (const json& event : document.at("profiles").at(0).at("events")) {
    lines.push_back(fmt::format("{} {} {}", event.at("type").get<std::string>(), frame_name(document, event),
                                event.at("at").get<double>()));
  }
  EXPECT_THAT(lines, ElementsAre("O prefill 0", "O embed 0", "C embed 0.25",                          //
                                 "O layer 3 0.25", "O linear 0.25", "C linear 0.5", "C layer 3 0.5",  //
                                 "C prefill 0.5",                                                     //
                                 "O decode 0.75", "O token 1 0.75", "O layer 3 0.75", "O linear 0.75",
                                 "C linear 1.25", "C layer 3 1.25", "C token 1 1.25",  //
                                 "O token 2 1.25", "O layer 3 1.25", "O linear 1.25", "C linear 1.375",
                                 "C layer 3 1.375", "C token 2 1.375", "C decode 1.375"));
}

TEST(Speedscope, AnyNameIsText) {
  const std::pair<std::string, std::string> names[] = {{"\"}],\\ \"", "\"}],\\ \""},
                                                       {"</script><b>", "</script><b>"},
                                                       {"two\nlines", "two\nlines"},
                                                       {"bad\xFF", "bad\xEF\xBF\xBD"}};
  for (const auto& [name, found] : names) {
    Timeline timeline = sample();
    timeline.kernels[1] = name;
    const json document = document_of(timeline, name);
    EXPECT_EQ(problem_with(document), "");
    EXPECT_EQ(document.at("profiles").at(0).at("name"), found);
    EXPECT_EQ(frame_name(document, document.at("profiles").at(0).at("events").at(4)), found);
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

constexpr const char* kStackLine = "[^;\n]+(;[^;\n]+)* [0-9]+";

TEST(CollapsedStacks, AddUpOverTokens) {
  EXPECT_THAT(lines_of(collapsed_stacks(sample(), 0)),
              UnorderedElementsAre("prefill;embed 250000000", "prefill;layer 3;linear 250000000",
                                   "decode;layer 3;linear 625000000"));
}

TEST(CollapsedStacks, AreTheNanosecondsOfTheTimeline) {
  const Timeline timeline = irregular_timeline();
  const std::string text = collapsed_stacks(timeline, 0);
  EXPECT_TRUE(text.ends_with('\n'));
  const std::vector<std::string> lines = lines_of(text);
  EXPECT_THAT(lines, Each(MatchesRegex(kStackLine)));
  double nanoseconds = 0;
  for (const std::string& line : lines) {
    nanoseconds += std::stod(line.substr(line.rfind(' ')));
  }
  const std::vector<Seconds>& seconds = timeline.events.seconds;
  EXPECT_NEAR(nanoseconds, 1e9 * std::accumulate(seconds.begin(), seconds.end(), 0.0),
              0.5 * static_cast<double>(lines.size()) + 1e-3);
}

TEST(CollapsedStacks, HaveTheUnattributedRestWhereThereIsOne) {
  EXPECT_THAT(lines_of(collapsed_stacks(sample(), 0.5)), ::testing::Contains("unattributed 500000000"));
  for (const Seconds none : {0.0, -0.5}) {
    EXPECT_EQ(collapsed_stacks(sample(), none).find("unattributed"), std::string::npos);
  }
  EXPECT_THAT(lines_of(collapsed_stacks(Timeline(), 0.25)), ElementsAre("unattributed 250000000"));
  EXPECT_THAT(lines_of(collapsed_stacks(Timeline(), 0)), IsEmpty());
}

/// A semicolon would be one frame more, a line end one stack more.
TEST(CollapsedStacks, AnyNameIsOneFrameOfOneLine) {
  for (const char* const name :
       {"a;b", ";", "two\nlines", "a\r", "\"</script>", "bad\xFF", "with space 12"}) {
    Timeline timeline = sample();
    timeline.kernels[1] = name;
    const std::vector<std::string> lines = lines_of(collapsed_stacks(timeline, 0));
    EXPECT_EQ(lines.size(), 3U) << name;
    EXPECT_THAT(lines, Each(MatchesRegex(kStackLine)));
    for (const std::string& line : lines) {
      EXPECT_EQ(std::count(line.begin(), line.end(), ';'), line.starts_with("prefill;embed") ? 1 : 2) << line;
    }
  }
}

}  // namespace
}  // namespace reprise::harness
