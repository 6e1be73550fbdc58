/// Capturing many calls, giving captures away, and choosing representative ones, by the program.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "engine/capture/call_log.h"
#include "engine/capture/capture.h"
#include "engine/capture/capture_folder.h"
#include "engine/core/error.h"
#include "harness/tests/support/json_schema.h"
#include "tools/cli/byte_size.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class CaptureFieldTest : public CliTest {
 protected:
  [[nodiscard]] static Arguments generate(const std::string& ids, const std::string& n,
                                          const Arguments& more) {
    Arguments arguments = {"generate", "synthetic:microgpt-tiny", "--prompt-ids", ids, "--max-new-tokens", n};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  [[nodiscard]] std::vector<std::string> captures() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path("captures"))) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] engine::Capture read(const std::string& name) const {
    return engine::read_capture(path(name));
  }

  /// A log of calls of several lengths, with their captures.
  void make_log() const {
    for (const char* ids : {"1,2,3", "5,6,7,8,9,10,11,12", "20,21,22,23,24,25,26,27,28,29,30,31"}) {
      for (const char* n : {"2", "9"}) {
        output(generate(ids, n, {"--capture-dir", "captures", "--call-log", "calls.jsonl"}));
      }
    }
  }
};

TEST_F(CaptureFieldTest, GenerateCapturesAndLogs) {
  const std::string plain = output(generate("1,2,3,4", "6", {}));
  const Outcome outcome = run(
      generate("1,2,3,4", "6",
               {"--capture-dir", "captures", "--call-log", "calls.jsonl", "--capture", "one.safetensors"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, plain);
  EXPECT_THAT(outcome.err, HasSubstr("captured 1 of 1 call\n"));
  ASSERT_THAT(captures(), SizeIs(1));
  EXPECT_EQ(engine::captured_number(captures()[0]), 1);
  const engine::Capture kept = read("captures/" + captures()[0]);
  const engine::Capture one = read("one.safetensors");
  EXPECT_EQ(kept.steps.logits_digests, one.steps.logits_digests);
  EXPECT_EQ(kept.model.tokenizer_sha256, one.model.tokenizer_sha256);
  EXPECT_EQ(kept.origin.policy, "all");
  const auto log = engine::read_call_log(path("calls.jsonl")).calls;
  ASSERT_THAT(log, SizeIs(1));
  EXPECT_EQ(log[0].capture, captures()[0]);
  EXPECT_EQ(log[0].n_generated, 6);
  output(quick({"replay", "captures/" + captures()[0], "--free"}));
}

TEST_F(CaptureFieldTest, EveryCountsAcrossRuns) {
  for (int i = 0; i < 4; ++i) {
    output(
        generate("1,2", "2",
                 {"--capture-dir", "captures", "--capture-policy", "every:2", "--call-log", "calls.jsonl"}));
  }
  std::vector<std::int64_t> numbers;
  for (const std::string& name : captures()) {
    numbers.push_back(engine::captured_number(name).value_or(-1));
  }
  EXPECT_THAT(numbers, ElementsAre(2, 4));
}

TEST_F(CaptureFieldTest, ABudgetOfFilesIsKept) {
  for (int i = 0; i < 4; ++i) {
    output(generate("1,2", "2", {"--capture-dir", "captures", "--capture-max-count", "2"}));
  }
  EXPECT_THAT(captures(), SizeIs(2));
  EXPECT_EQ(engine::captured_number(captures()[0]), 3);
}

TEST_F(CaptureFieldTest, WhatCannotBeWrittenIsAWarning) {
  write_file(path("file"), "x");
  const Outcome outcome =
      run(generate("1,2", "2", {"--capture-dir", "file/captures", "--call-log", "file/calls.jsonl"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("warning: file/captures: expected a folder that can be made"));
  EXPECT_THAT(outcome.err, HasSubstr("warning: call 1: not captured: "));
  EXPECT_THAT(outcome.err, HasSubstr("warning: file/calls.jsonl: expected a call log that can be written"));
}

TEST_F(CaptureFieldTest, FlagsThatCannotBeMet) {
  expect_error(generate("1", "1", {"--capture-policy", "all"}),
               {"--capture-policy: expected together with --capture-dir, found it alone"});
  expect_error(generate("1", "1", {"--capture-dir", "c", "--capture-policy", "some"}),
               {"--capture-policy: expected nth:N, every:N, sample:P, slowest:K or all, found 'some'"});
  expect_error(generate("1", "1", {"--capture-dir", "c", "--capture-budget", "2 gigs"}),
               {"--capture-budget: expected a size such as 2GiB, 500MB or plain bytes, found '2 gigs'"});
  expect_error(generate("1", "1", {"--capture-dir", "c", "--capture-max-count", "0"}),
               {"--capture-max-count"});
  expect_error(generate("1", "1", {"--capture-dir", "c", "--capture-interval", "-1"}),
               {"--capture-interval"});
}

TEST(ByteSize, ReadsWhatPeopleWrite) {
  const std::pair<const char*, std::uint64_t> sizes[] = {{"0", 0},
                                                         {"123", 123},
                                                         {"7B", 7},
                                                         {"2GiB", std::uint64_t{2} << 30},
                                                         {"500MB", 500'000'000},
                                                         {"1.5 GiB", std::uint64_t{3} << 29},
                                                         {"64KiB", 65536},
                                                         {"3kB", 3000},
                                                         {"1TB", 1'000'000'000'000}};
  for (const auto& [text, bytes] : sizes) {
    EXPECT_EQ(parse_byte_size(text, "--x"), bytes) << text;
  }
  for (const char* text : {"", "GiB", "-1", "1e9", "2gib", "2 GiBs", "2  GiB", "inf", "nan", "99999999999TiB",
                           "0x10", "1,5GiB"}) {
    EXPECT_THROW(parse_byte_size(text, "--x"), Error) << text;
  }
}

TEST_F(CaptureFieldTest, RedactGivesNothingAway) {
  make_capture("a.safetensors", {"--cached", "2"});
  const std::string said =
      output({"capture", "redact", "a.safetensors", "--out", "r.safetensors", "--seed", "5"});
  EXPECT_THAT(said, HasSubstr("r.safetensors: redacted " + read("a.safetensors").id + " as "));
  const engine::Capture original = read("a.safetensors");
  const engine::Capture redacted = read("r.safetensors");
  EXPECT_NE(redacted.request.prompt_ids, original.request.prompt_ids);
  EXPECT_EQ(redacted.n_prompt(), original.n_prompt());
  EXPECT_EQ(redacted.n_cached, original.n_cached);
  EXPECT_EQ(redacted.n_generated(), original.n_generated());
  EXPECT_FALSE(redacted.kv.has_value());
  EXPECT_THAT(output({"capture", "show", "r.safetensors"}), HasSubstr("machine      {}\n"));
  output(quick({"replay", "r.safetensors", "--free"}));

  output({"capture", "redact", "a.safetensors", "--out", "same.safetensors", "--seed", "5"});
  EXPECT_EQ(read("same.safetensors").request.prompt_ids, redacted.request.prompt_ids);
  output({"capture", "redact", "a.safetensors", "--out", "x.safetensors"});
  output({"capture", "redact", "a.safetensors", "--out", "y.safetensors"});  // a random seed each time
  EXPECT_NE(read("x.safetensors").request.prompt_ids, read("y.safetensors").request.prompt_ids);
}

TEST_F(CaptureFieldTest, RedactForgetsWhereTheModelWas) {
  output({"model", "synthesize", "microgpt-tiny", "secret-place"});
  json config = json::parse(read_file(path("secret-place/config.json")));
  config["_name_or_path"] = "/home/somebody/models";
  write_file(path("secret-place/config.json"), config.dump());
  output({"generate", "secret-place", "--prompt-ids", "1,2,3", "--max-new-tokens", "3", "--capture",
          "a.safetensors"});
  ASSERT_THAT(read_file(path("a.safetensors")), HasSubstr("somebody"));
  ASSERT_THAT(read_file(path("a.safetensors")), HasSubstr(folder().string()));
  output({"capture", "redact", "a.safetensors", "--out", "r.safetensors"});
  const std::string bytes = read_file(path("r.safetensors"));
  EXPECT_THAT(bytes, Not(HasSubstr("somebody")));
  EXPECT_THAT(bytes, Not(HasSubstr(folder().string())));
  EXPECT_THAT(bytes, Not(HasSubstr("memory_bytes")));
  output(quick({"replay", "r.safetensors", "--free", "--model", "secret-place"}));
  std::filesystem::rename(path("secret-place"), path("elsewhere"));
  expect_error({"capture", "redact", "a.safetensors", "--out", "s.safetensors"},
               {"redacting performs the call again", "--model"});
  output({"capture", "redact", "a.safetensors", "--out", "s.safetensors", "--model", "elsewhere"});
}

TEST_F(CaptureFieldTest, RedactRefuses) {
  make_capture("a.safetensors");
  expect_error({"capture", "redact", "a.safetensors", "--out", "a.safetensors"},
               {"--out: expected another file than the capture, found a.safetensors"});
  expect_error(
      {"capture", "redact", "a.safetensors", "--out", "r.safetensors", "--model", "synthetic:llama-tiny"},
      {"synthetic:llama-tiny: expected the captured model, digest "});
  expect_error({"capture", "redact", "none.safetensors", "--out", "r.safetensors"}, {"none.safetensors"});
  expect_error({"capture", "redact", "a.safetensors"}, {"--out"});
}

TEST_F(CaptureFieldTest, SelectsAndPredicts) {
  make_log();
  const std::string text = output({"capture", "select", "--log", "calls.jsonl", "--k", "3", "--captures",
                                   "captures", "--json", "selection.json"});
  EXPECT_THAT(text, HasSubstr("The log: 6 calls of microgpt-tiny, "));
  EXPECT_THAT(text, HasSubstr("Predicted from the logged times of 3 calls: "));
  const reprise::testing::JsonSchema schema("selection.schema.json");
  json selection = json::parse(read_file(path("selection.json")));
  EXPECT_EQ(schema.complaint(selection), "");
  EXPECT_EQ(selection["n_calls"], 6);
  ASSERT_THAT(selection["calls"], SizeIs(3));
  for (const json& call : selection["calls"]) {
    EXPECT_TRUE(std::filesystem::exists(path("captures/" + call["capture"].get<std::string>())));
  }

  const json replayed =
      json::parse(output(quick({"capture", "select", "--log", "calls.jsonl", "--k", "3", "--captures",
                                "captures", "--json", "-", "--replay", "--threads", "1"})));
  EXPECT_EQ(schema.complaint(replayed), "");
  EXPECT_GT(replayed["from_replays"]["total_seconds"], 0);
  for (const json& call : replayed["calls"]) {
    EXPECT_GT(call["replayed_seconds"], 0);
  }
  EXPECT_EQ(replayed["calls"][0]["call"], selection["calls"][0]["call"]);
}

TEST_F(CaptureFieldTest, SelectTakesCallsWhoseCaptureIsThere) {
  make_log();
  const std::vector<std::string> all = captures();
  for (std::size_t i = 1; i < all.size(); ++i) {
    std::filesystem::remove(path("captures/" + all[i]));
  }
  const json selection = json::parse(
      output({"capture", "select", "--log", "calls.jsonl", "--captures", "captures", "--json", "-"}));
  ASSERT_THAT(selection["calls"], SizeIs(1));
  EXPECT_EQ(selection["calls"][0]["capture"], all[0]);
  EXPECT_EQ(selection["calls"][0]["n_calls"], 6);
  std::filesystem::remove(path("captures/" + all[0]));
  expect_error({"capture", "select", "--log", "calls.jsonl", "--captures", "captures"},
               {"captures: expected captures of logged calls, found none of 6 calls there"});
}

TEST_F(CaptureFieldTest, SelectRefuses) {
  expect_error({"capture", "select", "--log", "none.jsonl"}, {"none.jsonl"});
  write_file(path("bad.jsonl"), "hello\n");
  expect_error({"capture", "select", "--log", "bad.jsonl"}, {"bad.jsonl: line 1: "});
  write_file(path("empty.jsonl"), "");
  expect_error({"capture", "select", "--log", "empty.jsonl"},
               {"empty.jsonl: expected calls that took time, found none of 0"});
  engine::CallRecord record{1, "", 2, 0, 2, 1, "eos", 0.5, 1, std::nullopt, "a", "cpu"};
  std::string lines = to_line(record);
  record.model = "b";
  lines += to_line(record);
  write_file(path("two.jsonl"), lines);
  expect_error(
      {"capture", "select", "--log", "two.jsonl"},
      {"expected calls of one model at one placement, found 1 of a at cpu, 1 of b at cpu; choose with "
       "--of-model and --of-placement"});
  output({"capture", "select", "--log", "two.jsonl", "--of-model", "b"});
  expect_error({"capture", "select", "--log", "two.jsonl", "--replay"}, {"--captures"});
  expect_error({"capture", "select", "--log", "two.jsonl", "--k", "0"}, {"--k"});
}

TEST_F(CaptureFieldTest, SelectNotesHalfALine) {
  make_log();
  write_file(path("calls.jsonl"), read_file(path("calls.jsonl")) + R"({"call":7,"at")");
  const Outcome outcome = run({"capture", "select", "--log", "calls.jsonl", "--k", "2"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "note: calls.jsonl: line 7: half a line, ignored\n");
}

/// Seconds that belong to no token must not reach the fit.
TEST_F(CaptureFieldTest, SelectLeavesOutCallsStoppedInTheirPrompts) {
  std::string lines;
  for (std::int64_t i = 1; i <= 12; ++i) {
    const double seconds = 0.01 * static_cast<double>(100 * i + 3);
    lines += to_line(
        engine::CallRecord{i, "", 100 * i, 0, 100 * i, 3, "eos", seconds, seconds, std::nullopt, "a", "cpu"});
  }
  write_file(path("whole.jsonl"), lines);
  engine::CallRecord stopped{13,           "",   90'000,       0,   90'000, 0, "stopped",
                             std::nullopt, 1e-3, std::nullopt, "a", "cpu"};
  lines += to_line(stopped);
  stopped.n_processed = 512;  // of the whole prompt
  lines += to_line(stopped);
  write_file(path("stopped.jsonl"), lines);
  const Arguments select = {"capture", "select", "--k", "3", "--json", "-", "--log"};
  const auto selected = [&](const std::string& log) {
    Arguments arguments = select;
    arguments.push_back(log);
    return run(arguments);
  };
  const Outcome with = selected("stopped.jsonl");
  EXPECT_EQ(with.err, "note: stopped.jsonl: 2 calls stopped before the first token, left out\n");
  const json found = json::parse(with.out);
  const json whole = json::parse(selected("whole.jsonl").out);
  EXPECT_EQ(found["n_calls"], 12);
  EXPECT_EQ(found["cost_model"], whole["cost_model"]);
  EXPECT_EQ(found["from_log"], whole["from_log"]);
  write_file(path("none.jsonl"), to_line(stopped));
  expect_error({"capture", "select", "--log", "none.jsonl"},
               {"expected calls that took time, found none of 1; 1 call stopped before the first token"});
}

TEST_F(CaptureFieldTest, DiffTellsWhatDiffers) {
  make_capture("a.safetensors");
  EXPECT_EQ(output({"capture", "diff", "a.safetensors", "a.safetensors"}), "no difference\n");
  make_capture("same.safetensors", {"--threads", "1", "--isa", "scalar"});
  const Outcome same = run({"capture", "diff", "a.safetensors", "same.safetensors"});
  EXPECT_EQ(same.exit_code, 0);
  EXPECT_THAT(same.out, HasSubstr("placement: "));
  output(generate("1,2,3,4", "7", {"--capture", "longer.safetensors"}));
  const Outcome longer = run({"capture", "diff", "a.safetensors", "longer.safetensors"});
  EXPECT_EQ(longer.exit_code, 3);
  EXPECT_THAT(longer.out, HasSubstr("max_new_tokens: 6 | 7\ngenerated_ids[6]: the end | "));
  output({"generate", "synthetic:microgpt-tiny", "--prompt-ids", "1,2,9,4", "--max-new-tokens", "6",
          "--capture", "other.safetensors"});
  const Outcome other = run({"capture", "diff", "a.safetensors", "other.safetensors"});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.out, HasSubstr("prompt_ids[2]: 3 | 9\n"));
  EXPECT_THAT(other.out, HasSubstr("steps.logits_xxh3[0]: "));
  expect_error({"capture", "diff", "a.safetensors", "none.safetensors"}, {"none.safetensors"});
}

TEST_F(CaptureFieldTest, TrimMakesSmallerOnes) {
  make_capture("a.safetensors", {"--cached", "2"});
  output(
      {"capture", "trim", "a.safetensors", "--out", "t.safetensors", "--max-new-tokens", "2", "--drop-kv"});
  EXPECT_EQ(read("t.safetensors").n_generated(), 2);
  EXPECT_LT(std::filesystem::file_size(path("t.safetensors")),
            std::filesystem::file_size(path("a.safetensors")));
  output(quick({"replay", "t.safetensors", "--free"}));
  expect_error({"capture", "trim", "a.safetensors", "--out", "u.safetensors"},
               {"trim: expected --max-new-tokens, --drop-kv or both, found neither"});
  expect_error({"capture", "trim", "a.safetensors", "--out", "u.safetensors", "--max-new-tokens", "7"},
               {"--max-new-tokens: expected 1 to 6, the tokens generated, found 7"});
}

}  // namespace
}  // namespace reprise::cli::testing
