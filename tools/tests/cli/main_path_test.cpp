/// What the program is for: generate and capture, look at captures, replay, bench, profile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "harness/report/report_json.h"
#include "harness/tests/support/json_schema.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::quick;

class MainPath : public CliTest {
 protected:
  /// The report of a file, after the schema has accepted it.
  [[nodiscard]] harness::Report report(const std::string& text) const {
    EXPECT_EQ(reprise::testing::JsonSchema("report.schema.json").complaint(json::parse(text)), "");
    return harness::parse_report(text, "report");
  }
};

TEST_F(MainPath, GeneratePrintsTextAndKeepsStandardOutputClean) {
  const Outcome outcome =
      run({"generate", "synthetic:microgpt-tiny", "--prompt", "ab", "--max-new-tokens", "5"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_TRUE(outcome.out.ends_with('\n'));
  EXPECT_THAT(outcome.err, HasSubstr("2 prompt tokens (0 cached), first token after"));
  EXPECT_THAT(outcome.err, HasSubstr("4 more at"));
}

TEST_F(MainPath, OneTokenHasNoRate) {
  const Outcome outcome =
      run({"generate", "synthetic:microgpt-tiny", "--prompt", "ab", "--max-new-tokens", "1"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, Not(HasSubstr("tokens/s")));
  const json call = json::parse(
      output({"generate", "synthetic:microgpt-tiny", "--prompt", "ab", "--max-new-tokens", "1", "--json"}));
  EXPECT_TRUE(call["metrics"]["decode_tokens_per_second"].is_null());
}

TEST_F(MainPath, GenerateAsJsonHasEveryField) {
  const json call =
      json::parse(output({"generate", "--json", "--prompt-ids", "1,2,3", "synthetic:microgpt-tiny",
                          "--max-new-tokens", "5", "--cached", "2"}));
  EXPECT_EQ(call["prompt_ids"], json({1, 2, 3}));
  EXPECT_EQ(call["generated_ids"].size(), 5U);
  EXPECT_TRUE(call["text"].is_string());
  EXPECT_EQ(call["finish_reason"], "length");
  EXPECT_EQ(call["metrics"]["n_cached"], 2);
  EXPECT_EQ(call["metrics"]["n_prompt_processed"], 1);
  for (const char* metric : {"total_seconds", "time_to_first_token_seconds", "prefill_tokens_per_second",
                             "decode_tokens_per_second"}) {
    EXPECT_GT(call["metrics"][metric].get<double>(), 0) << metric;
  }
}

TEST_F(MainPath, SeedsDecideDraws) {
  const auto drawn = [&](const char* seed) {
    return json::parse(output({"generate", "synthetic:microgpt-tiny", "--prompt", "ab", "--max-new-tokens",
                               "20", "--temperature", "1.5", "--json", "--seed", seed}))["generated_ids"];
  };
  EXPECT_EQ(drawn("7"), drawn("7"));
  EXPECT_NE(drawn("7"), drawn("18446744073709551615"));
}

TEST_F(MainPath, ACaptureThatCannotBeWrittenIsAWarning) {
  testing::write_file(path("file"), "");
  for (const char* target : {"missing/call.safetensors", "file/call.safetensors", "."}) {
    const Outcome outcome = run({"generate", "synthetic:microgpt-tiny", "--prompt", "ab", "--max-new-tokens",
                                 "5", "--capture", target});
    EXPECT_EQ(outcome.exit_code, 0) << target;
    EXPECT_GT(outcome.out.size(), 1U) << target;
    EXPECT_THAT(outcome.err, HasSubstr("warning: not captured: ")) << target;
    EXPECT_EQ(files(), std::vector<std::string>{"file"});
  }
}

TEST_F(MainPath, CapturesAreShownVerifiedAndListed) {
  make_capture("a.safetensors", {"--cached", "2"});
  make_capture("b.safetensors", {"--temperature", "0.5", "--seed", "9"});
  testing::write_file(path("notes.txt"), "not a capture");

  const std::string shown = output({"capture", "show", "a.safetensors"});
  for (const char* part : {"a.safetensors", "synthetic:microgpt-tiny", "4 tokens: 1 2 3 4",
                           "2 tokens, f32 rows", "6 tokens: ", "greedy", "policy explicit"}) {
    EXPECT_THAT(shown, HasSubstr(part));
  }
  const json both = json::parse(output({"capture", "show", "--json", "a.safetensors", "b.safetensors"}));
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0]["prompt_ids"], json({1, 2, 3, 4}));
  EXPECT_EQ(both[0]["n_cached"], 2);
  EXPECT_EQ(both[1]["sampling"]["temperature"], 0.5);
  EXPECT_EQ(both[1]["sampling"]["seed"], "9");
  EXPECT_EQ(both[1]["token_seconds"].size(), 6U);

  EXPECT_EQ(output({"capture", "verify", "a.safetensors"}),
            "a.safetensors: whole (" + both[0]["id"].get<std::string>() + ", 6 tokens generated)\n");

  const std::string listed = output({"capture", "list", "."});
  EXPECT_THAT(listed, HasSubstr("a.safetensors\n"));
  EXPECT_THAT(listed, HasSubstr("b.safetensors\n"));
  EXPECT_THAT(listed, Not(HasSubstr("notes.txt")));
  const json list = json::parse(output({"capture", "list", "--json", "."}));
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0]["id"], both[0]["id"]);
}

TEST_F(MainPath, VerifyGoesOnAfterADamagedFile) {
  make_capture("good.safetensors");
  testing::write_file(path("bad.safetensors"), testing::read_file(path("good.safetensors")).substr(0, 900));
  for (const char* verb : {"verify", "list"}) {
    const Outcome outcome = run({"capture", verb, "bad.safetensors", "good.safetensors"});
    EXPECT_EQ(outcome.exit_code, 4);
    EXPECT_THAT(outcome.out, HasSubstr("good.safetensors"));
    EXPECT_THAT(outcome.out, Not(HasSubstr("bad.safetensors")));
    EXPECT_THAT(outcome.err, HasSubstr("reprise: bad.safetensors: "));
  }
}

TEST_F(MainPath, ReplaysOnEveryPlacement) {
  make_capture("call.safetensors", {"--cached", "2"});
  struct Case {
    Arguments flags;
    harness::OutputVerdict verdict;
  };
  const Case cases[] = {
      {{}, harness::OutputVerdict::identical},
      {{"--backend", "reference"}, harness::OutputVerdict::identical},
      {{"--isa", "scalar", "--threads", "1"}, harness::OutputVerdict::identical},
      {{"--kv-cache", "off"}, harness::OutputVerdict::identical},
      {{"--precision", "bf16", "--kv-precision", "f16"}, harness::OutputVerdict::same_tokens}};
  for (const Case& c : cases) {
    Arguments arguments = quick({"replay", "call.safetensors", "--json", "-"});
    arguments.insert(arguments.end(), c.flags.begin(), c.flags.end());
    const harness::Report replayed = report(output(arguments));
    ASSERT_EQ(replayed.rows.size(), 1U);
    const harness::Row& row = replayed.rows[0];
    EXPECT_EQ(row.verification.verdict, c.verdict);
    EXPECT_EQ(row.capture.name, "call");
    EXPECT_EQ(row.capture.n_cached, 2);
    EXPECT_GE(row.samples.total_seconds.size(), 1U);
    EXPECT_GT(row.metrics.at("decode_tokens_per_second").value, 0);
    EXPECT_NE(row.placement.isa, "auto");
  }
}

TEST_F(MainPath, ReplayPrintsATableAndWritesFiles) {
  make_capture("call.safetensors", {"--capture-history", "--cached", "2"});
  const std::string table = output(quick({"replay", "--json", "report.json", "--markdown", "table.md",
                                          "--profile", "--threads", "1", "call.safetensors"}));
  EXPECT_THAT(table, HasSubstr("identical"));
  EXPECT_THAT(table, HasSubstr("Kernels of the fastest row:"));
  EXPECT_THAT(table, HasSubstr("linear"));
  const harness::Report written = report(testing::read_file(path("report.json")));
  EXPECT_FALSE(written.rows.at(0).cost_centres.empty());
  EXPECT_THAT(testing::read_file(path("table.md")), HasSubstr("| call "));
}

TEST_F(MainPath, OutputsThatDifferAreExitCode3AndSaidInTheTable) {
  make_capture("call.safetensors");
  for (const char* command : {"replay", "profile"}) {
    const Outcome outcome =
        run({command, "call.safetensors", "--free", "--precision", "bf16", "--json", "report.json"});
    EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("FAILED"));
    EXPECT_THAT(outcome.out, HasSubstr("call: cpu"));
    EXPECT_THAT(outcome.out, HasSubstr("expected every bit as captured (free replay), found"));
    EXPECT_THAT(outcome.out, HasSubstr("logits off by up to 0.0"));
    const harness::Report written = report(testing::read_file(path("report.json")));
    EXPECT_EQ(written.rows.at(0).stop, harness::StopReason::failed);
    EXPECT_TRUE(written.rows.at(0).metrics.empty());
  }
}

TEST_F(MainPath, BenchMeasuresTheMatrixOfItsSpecification) {
  std::filesystem::create_directory(path("specs"));
  make_capture("specs/call.safetensors");
  testing::write_file(path("specs/two.json"), R"({
    "schema": "reprise.spec/1", "name": "two by two", "captures": ["call.safetensors"],
    "placements": [{"threads": 1, "kv_cache": ["on", "off"], "precision": ["f32", "bf16"]},
                   {"backend": "reference"}],
    "measure": {"budget_seconds": 0.2, "min_runs": 3, "target_half_width": 0.5}, "profile": true})");
  const std::string table = output({"bench", "specs/two.json", "--json", "report.json"});
  EXPECT_THAT(table, HasSubstr("Kernels of the fastest row:"));
  const harness::Report benched = report(testing::read_file(path("report.json")));
  std::vector<std::string> rows;
  for (const harness::Row& row : benched.rows) {
    rows.push_back(row.placement.backend + " " + row.placement.precision +
                   (row.placement.kv_cache ? " on" : " off"));
    EXPECT_FALSE(row.cost_centres.empty());
    EXPECT_GT(row.memory->weights_bytes, 0);
  }
  EXPECT_THAT(rows, ::testing::ElementsAre("cpu f32 on", "cpu f32 off", "cpu bf16 on", "cpu bf16 off",
                                           "reference f32 on"));
}

TEST_F(MainPath, BenchTakesCapturesFromTheCommandLineToo) {
  make_capture("a.safetensors");
  make_capture("b.safetensors");
  testing::write_file(path("spec.json"), R"({
    "schema": "reprise.spec/1", "name": "s", "captures": ["a.safetensors"], "placements": [{"threads": 1}],
    "measure": {"budget_seconds": 0.1, "target_half_width": 0.5}})");
  const Outcome outcome = run({"bench", "spec.json", "b.safetensors", "--markdown", "-"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("| capture")) << outcome.out;
  EXPECT_LT(outcome.out.find("| a "), outcome.out.find("| b "));
}

TEST_F(MainPath, ProfileShowsKernelsThatAddUp) {
  make_capture("call.safetensors");
  const std::string table = output({"profile", "call.safetensors", "--runs", "2", "--threads", "1"});
  EXPECT_THAT(table, HasSubstr("unattributed"));
  EXPECT_THAT(table, HasSubstr(" operations, each recorded"));
  EXPECT_THAT(table, Not(HasSubstr("MISSING")));
  const harness::Report profiled =
      report(output({"profile", "call.safetensors", "--runs", "2", "--threads", "1", "--json", "-"}));
  std::set<std::string> kernels;
  for (const harness::CostCentre& centre : profiled.rows.at(0).cost_centres) {
    kernels.insert(centre.name);
  }
  EXPECT_TRUE(kernels.contains("linear") && kernels.contains("attention"));
}

TEST_F(MainPath, EveryCommandExplainsItself) {
  for (const Arguments& command :
       {Arguments{}, {"generate"}, {"capture"}, {"capture", "show"}, {"replay"}, {"bench"}, {"profile"}}) {
    Arguments arguments = command;
    arguments.emplace_back("--help");
    const std::string help = output(arguments);
    EXPECT_THAT(help, HasSubstr("Usage: reprise"));
    EXPECT_THAT(help, HasSubstr("Exit codes: 0 pass"));
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 120U) << line;
    }
  }
  EXPECT_THAT(output({"--version"}), HasSubstr("reprise 0."));
}

TEST_F(MainPath, AFullDiskIsAnError) {
  make_capture("call.safetensors");
  const std::string program = REPRISE_BINARY_DIR "/bin/reprise";
  for (const char* command : {"capture verify", "capture show"}) {
    const std::string line = "cd " + folder().string() + " && " + program + " " + command +
                             " call.safetensors >/dev/full 2>../message";
    EXPECT_EQ(WEXITSTATUS(std::system(line.c_str())), 4) << command;
    EXPECT_THAT(testing::read_file(folder() / "../message"), HasSubstr("reprise: standard output: "));
  }
}

}  // namespace
}  // namespace reprise::cli
