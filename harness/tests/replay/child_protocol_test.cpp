#include "harness/replay/child_protocol.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/tests/io/io_test_support.h"
#include "harness/tests/support/sample_child.h"

namespace reprise::harness {
namespace {

using engine::error_of;
using nlohmann::json;
using testing::HasSubstr;
using Do = ChildRequest::Do;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A reader of one kind of answer.
using Parse = std::function<void(const std::string&)>;
const Parse kHandshake = [](const std::string& line) { parse_handshake(line, "child"); };
const Parse kSample = [](const std::string& line) { parse_sample(line, "child"); };
const Parse kSamples = [](const std::string& line) { parse_samples(line, 2, "child"); };
const Parse kProfiles = [](const std::string& line) { parse_profiles(line, 1, "child"); };
const Parse kCounts = [](const std::string& line) { parse_counts(line, "child"); };
const Parse kRequest = [](const std::string& line) { parse_request(line); };

struct Answer {
  Parse parse;
  json line;
};

/// One of each, whole.
std::vector<Answer> answers() {
  return {{kHandshake, json::parse(to_line(sample_handshake()))},
          {kSample, json::parse(to_line(sample_run()))},
          {kSamples, json::parse(to_line(std::vector<Sample>(2, sample_run())))},
          {kProfiles, json::parse(to_line(std::vector<ChildProfile>(1, sample_profile())))},
          {kCounts, json::parse(to_line(sample_counts()))}};
}

/// Every number, string, boolean, object and array below `value`, as a pointer to it.
void add_pointers(const json& value, const json::json_pointer& at, std::vector<json::json_pointer>& found) {
  for (const auto& [key, element] : value.items()) {
    const json::json_pointer here = value.is_array() ? at / std::stoul(key) : at / key;
    found.push_back(here);
    if (element.is_structured()) {
      add_pointers(element, here, found);
    }
  }
}

std::vector<json::json_pointer> pointers_of(const json& value) {
  std::vector<json::json_pointer> found;
  add_pointers(value, json::json_pointer(), found);
  return found;
}

/// "/runs/1/verified" as errors say it: "runs[1].verified".
std::string path_of(const json::json_pointer& pointer) {
  std::string path;
  const std::string text = pointer.to_string();
  for (std::size_t at = 1; at <= text.size();) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    const std::string part = text.substr(at, end - at);
    const bool index = std::isdigit(static_cast<unsigned char>(part[0])) != 0;
    path += index ? "[" + part + "]" : (path.empty() ? "" : ".") + part;
    at = end + 1;
  }
  return path;
}

void expect_same(const Sample& a, const Sample& b) {
  EXPECT_EQ(to_line(a), to_line(b));
  EXPECT_EQ(a.token_seconds, b.token_seconds);
  ASSERT_EQ(a.conditions.has_value(), b.conditions.has_value());
}

TEST(ChildProtocol, WhatIsWrittenIsRead) {
  const ChildHandshake handshake = parse_handshake(to_line(sample_handshake()), "child");
  EXPECT_EQ(to_line(handshake), to_line(sample_handshake()));
  EXPECT_EQ(handshake.tool.git_commit, "0123abc");
  EXPECT_EQ(handshake.capture.model.parameters, 1234);
  EXPECT_EQ(handshake.placement.threads, 2);
  EXPECT_EQ(handshake.verification.verdict, OutputVerdict::within_tolerance);
  EXPECT_EQ(handshake.n_prompt_processed, 3);
  EXPECT_EQ(handshake.memory.peak_rss_bytes, 1 << 20);

  const Sample sample = parse_sample(to_line(sample_run()), "child");
  expect_same(sample, sample_run());
  EXPECT_TRUE(sample.verified);
  EXPECT_EQ(sample.conditions->minor_page_faults, 12);
  EXPECT_EQ(sample.conditions->involuntary_switches, 3);
  EXPECT_EQ(sample.conditions->clock_hz_change, -1e8);

  const auto samples = parse_samples(to_line({sample_run(), sample_run()}), 2, "child");
  ASSERT_EQ(samples.size(), 2U);
  expect_same(samples[1], sample_run());

  const auto profiles = parse_profiles(to_line(std::vector{sample_profile()}), 1, "child");
  EXPECT_EQ(profiles[0].wall_seconds, 1);
  EXPECT_EQ(profiles[0].unattributed_seconds, 0.125);
  EXPECT_EQ(profiles[0].cost_centres[1].name, "attention");
  EXPECT_EQ(profiles[0].cost_centres[0].flops, 2000);

  const ChildCounts counts = parse_counts(to_line(sample_counts()), "child");
  EXPECT_EQ(counts.kernels[1].phase, "prefill");
  EXPECT_EQ(counts.kernels[0].calls, 14);
  EXPECT_EQ(counts.allocations, 42);
  EXPECT_EQ(counts.peak_kv_bytes, 512);
  EXPECT_EQ(counts.weights_bytes, 4096);
}

/// The lines as they stand in harness/README.md.
TEST(ChildProtocol, RequestsAreThePublishedLines) {
  const auto expect_line = [](const ChildRequest& request, const std::string& line) {
    EXPECT_EQ(to_line(request), line);
    const ChildRequest read = parse_request(line);
    EXPECT_EQ(read.what, request.what);
    EXPECT_EQ(read.n, request.n);
  };
  expect_line({Do::run, 1}, R"({"do":"run"})");
  expect_line({Do::runs, 20}, R"({"do":"runs","n":20})");
  expect_line({Do::profile, 3}, R"({"do":"profile","runs":3})");
  expect_line({Do::counts, 1}, R"({"do":"counts"})");
  expect_line({Do::quit, 1}, R"({"do":"quit"})");
  EXPECT_EQ(error_line("no such file", 4), R"({"error":"no such file","exit_code":4})");
  EXPECT_EQ(error_line("two\nlines"), R"({"error":"two\nlines"})");
}

TEST(ChildProtocol, EveryLineIsOneLine) {
  ChildHandshake handshake = sample_handshake();
  handshake.capture.name = "two\nlines\xff";
  EXPECT_EQ(to_line(handshake).find('\n'), std::string::npos);
  EXPECT_EQ(parse_handshake(to_line(handshake), "child").capture.name, "two\nlines\xef\xbf\xbd");
}

/// So that a newer child serves an older parent.
TEST(ChildProtocol, FieldsThatAreNotKnownArePassedOver) {
  for (Answer& answer : answers()) {
    std::vector<json::json_pointer> objects = {json::json_pointer()};
    for (const json::json_pointer& pointer : pointers_of(answer.line)) {
      if (answer.line[pointer].is_object()) {
        objects.push_back(pointer);
      }
    }
    for (const json::json_pointer& object : objects) {
      answer.line[object]["a_new_field"] = {1, "two"};
    }
    EXPECT_NO_THROW(answer.parse(answer.line.dump())) << answer.line;
  }
  EXPECT_EQ(parse_request(R"({"do":"run","priority":1})").what, Do::run);
}

/// And an older child a newer parent.
TEST(ChildProtocol, WhatAChildMayNotKnowMayBeMissing) {
  json run = json::parse(to_line(sample_run()));
  run.erase("conditions");
  EXPECT_FALSE(parse_sample(run.dump(), "child").conditions.has_value());
  json counts = json::parse(to_line(sample_counts()));
  counts.erase("allocations");
  EXPECT_FALSE(parse_counts(counts.dump(), "child").allocations.has_value());
  Sample bare = sample_run();
  bare.conditions = RunConditions{};
  EXPECT_FALSE(parse_sample(to_line(bare), "child").conditions->steal_seconds.has_value());
}

/// Each field of each answer in turn.
TEST(ChildProtocol, MissingFieldsAreNamed) {
  const auto may_be_missing = [](const std::string& name) {
    return testing::Matches(testing::AnyOf(
        "stored_precision", "first_divergence", "max_abs_logit_error", "mean_kl_divergence", "logits_digest",
        "conditions", "steal_seconds", "clock_hz", "clock_hz_change", "allocations"))(name);
  };
  for (const Answer& answer : answers()) {
    for (const json::json_pointer& pointer : pointers_of(answer.line)) {
      const json& parent = answer.line[pointer.parent_pointer()];
      if (parent.is_array() || may_be_missing(pointer.back())) {
        continue;
      }
      json line = answer.line;
      line[pointer.parent_pointer()].erase(pointer.back());
      EXPECT_THAT(error_of([&] { answer.parse(line.dump()); }),
                  HasSubstr("child: " + path_of(pointer) + ": expected "))
          << line;
    }
  }
}

TEST(ChildProtocol, FieldsOfAnotherTypeAreNamed) {
  for (const Answer& answer : answers()) {
    for (const json::json_pointer& pointer : pointers_of(answer.line)) {
      for (const json& other :
           {json(true), json("text"), json(1.5), json::array({nullptr}), json::object()}) {
        const json& whole = answer.line[pointer];
        const bool same_kind = other.type() == whole.type() || (other.is_number() && whole.is_number_float());
        if (same_kind) {
          continue;
        }
        json line = answer.line;
        line[pointer] = other;
        EXPECT_THAT(error_of([&] { answer.parse(line.dump()); }), HasSubstr("child: " + path_of(pointer)))
            << line;
      }
    }
  }
}

TEST(ChildProtocol, NumbersOutOfRangeAreNamed) {
  const auto expect = [](const Parse& parse, json line, const char* pointer, const json& value,
                         const std::string& error) {
    line[json::json_pointer(pointer)] = value;
    EXPECT_EQ(error_of([&] { parse(line.dump()); }), "child: " + error);
  };
  const json run = json::parse(to_line(sample_run()));
  expect(kSample, run, "/total_seconds", -0.5, "total_seconds: expected seconds, at least 0, found -0.5");
  expect(kSample, run, "/time_to_first_token_seconds", -1,
         "time_to_first_token_seconds: expected seconds, at least 0, found -1");
  expect(kSample, run, "/token_seconds/2", -1e-9,
         "token_seconds[2]: expected seconds, at least 0, found -1e-09");
  expect(kSample, run, "/token_seconds", json::array(),
         "token_seconds: expected at least one token, found none");
  expect(kSample, run, "/conditions/steal_seconds", -1,
         "conditions.steal_seconds: expected seconds, at least 0, found -1");
  expect(kSample, run, "/conditions/minor_page_faults", -1,
         "conditions.minor_page_faults: expected whole number from 0 to 9223372036854775807, found -1");
  const json runs = json::parse(to_line(std::vector<Sample>(2, sample_run())));
  expect(kSamples, runs, "/runs/1/total_seconds", -1,
         "runs[1].total_seconds: expected seconds, at least 0, found -1");
  const json profiles = json::parse(to_line(std::vector{sample_profile()}));
  expect(kProfiles, profiles, "/profiles/0/wall_seconds", -1,
         "profiles[0].wall_seconds: expected seconds, at least 0, found -1");
  expect(kProfiles, profiles, "/profiles/0/cost_centres/1/seconds", -0.375,
         "profiles[0].cost_centres[1].seconds: expected seconds, at least 0, found -0.375");
  const json counts = json::parse(to_line(sample_counts()));
  expect(kCounts, counts, "/kernels/0/calls", -1,
         "kernels[0].calls: expected whole number from 0 to 9223372036854775807, found -1");
  expect(kHandshake, json::parse(to_line(sample_handshake())), "/verification/verdict", "perfect",
         "verification.verdict: expected identical|same_tokens|within_tolerance|differs, found perfect");
}

/// JSON has no such numbers, but text that would become one.
TEST(ChildProtocol, NumbersAreFinite) {
  std::string line = to_line(sample_run());
  line.replace(line.find("0.375"), 5, "1e999");
  EXPECT_THAT(error_of([&] { parse_sample(line, "child"); }),
              HasSubstr("expected JSON, found a number out of range"));
  Sample sample = sample_run();
  for (const double bad : {kInfinity, std::numeric_limits<double>::quiet_NaN()}) {
    sample.token_seconds[1] = bad;
    EXPECT_THAT(error_of([&] { to_line(sample); }), HasSubstr("token_seconds[1]: expected a finite number"));
  }
  // Logits may be: they are then unknown.
  ChildHandshake handshake = sample_handshake();
  handshake.verification.max_abs_logit_error = kInfinity;
  EXPECT_FALSE(parse_handshake(to_line(handshake), "child").verification.max_abs_logit_error.has_value());
}

TEST(ChildProtocol, ProfilesAddUp) {
  ChildProfile profile = sample_profile();
  profile.unattributed_seconds = -0.25;  // records overlap: shown, not repaired
  profile.cost_centres[0].seconds = 0.875;
  EXPECT_EQ(parse_profiles(to_line(std::vector{profile}), 1, "child")[0].unattributed_seconds, -0.25);
  profile.cost_centres[0].seconds = 0.75;
  EXPECT_EQ(error_of([&] { parse_profiles(to_line(std::vector{profile}), 1, "child"); }),
            "child: profiles[0].wall_seconds: expected 0.875, the sum of its parts, found 1");
}

TEST(ChildProtocol, AsManyAnswersAsWereAsked) {
  const std::string two = to_line(std::vector<Sample>(2, sample_run()));
  for (const std::int64_t n : {1, 3}) {
    EXPECT_EQ(error_of([&] { parse_samples(two, n, "child"); }),
              "child: runs: expected " + std::to_string(n) + ", as asked, found 2");
  }
  EXPECT_THAT(error_of([&] { parse_profiles(R"({"profiles":[]})", 1, "child"); }),
              HasSubstr("profiles: expected 1, as asked, found 0"));
}

TEST(ChildProtocol, AnotherProtocolIsRefusedBeforeItsFieldsAreRead) {
  EXPECT_EQ(error_of([] { parse_handshake(R"({"protocol":2})", "child"); }),
            "child: protocol: expected 1, found 2");
  EXPECT_EQ(error_of([] { parse_handshake(R"({"tool":{}})", "child"); }),
            "child: protocol: expected whole number, found nothing");
}

TEST(ChildProtocol, ErrorLinesAreTheChildsOwnWords) {
  for (const Answer& answer : answers()) {
    ErrorCode code{};
    EXPECT_EQ(error_of([&] { answer.parse(error_line("call.safetensors: no such file", 4)); }, &code),
              "child: call.safetensors: no such file");
    EXPECT_EQ(code, ErrorCode::invalid_argument);
    EXPECT_EQ(error_of([&] { answer.parse(error_line("two\nlines")); }), "child: two\\x0alines");
    EXPECT_EQ(error_of([&] { answer.parse(R"({"error":4})"); }),
              "child: error: expected string, found number");
  }
}

TEST(ChildProtocol, LinesThatAreNoJsonAreShown) {
  for (const Answer& answer : answers()) {
    const auto expect = [&](const std::string& line, const std::string& error) {
      EXPECT_EQ(error_of([&] { answer.parse(line); }), error);
    };
    expect("", "child: answer '': expected JSON, found a syntax error at byte 1");
    expect("Segmentation\tfault",
           "child: answer 'Segmentation\\x09fault': expected JSON, found a syntax error at byte 1");
    expect(R"({"protocol":1)",
           R"(child: answer '{"protocol":1': expected JSON, found a syntax error at byte 14)");
    expect(R"({"error":"a","error":"b"})",
           R"(child: answer '{"error":"a","error":"b"}': expected the key 'error' once in its object, )"
           "found it twice");
    expect("[]", "child: document: expected object, found array");
    expect("7", "child: document: expected object, found number");
    EXPECT_THAT(error_of([&] { answer.parse(std::string(100'000, '[')); }),
                HasSubstr("expected JSON nested at most 64 deep"));
  }
}

TEST(ChildProtocol, BadRequestsAreNamed) {
  const auto expect = [](const std::string& line, const std::string& error) {
    EXPECT_EQ(error_of([&] { kRequest(line); }), "request: " + error);
  };
  expect("", "expected JSON, found a syntax error at byte 1");
  expect("run", "expected JSON, found a syntax error at byte 1");
  expect("[]", "document: expected object, found array");
  expect("{}", "do: expected string, found nothing");
  expect(R"({"do":1})", "do: expected string, found number");
  expect(R"({"do":"dance"})", "do: expected run|runs|profile|counts|quit, found dance");
  expect(R"({"do":"runs"})", "n: expected whole number, found nothing");
  expect(R"({"do":"runs","runs":3})", "n: expected whole number, found nothing");
  expect(R"({"do":"runs","n":1.5})", "n: expected whole number, found 1.5");
  expect(R"({"do":"runs","n":"3"})", "n: expected whole number, found string");
  expect(R"({"do":"runs","n":0})", "n: expected from 1 to 100000, found 0");
  expect(R"({"do":"runs","n":100001})", "n: expected from 1 to 100000, found 100001");
  expect(R"({"do":"runs","n":-1})", "n: expected whole number from 0 to 9223372036854775807, found -1");
  expect(R"({"do":"profile","runs":0})", "runs: expected from 1 to 100000, found 0");
}

}  // namespace
}  // namespace reprise::harness
