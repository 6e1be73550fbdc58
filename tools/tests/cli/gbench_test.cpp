/// reprise-gbench, as people run Google Benchmarks. Nothing here depends on how fast the machine is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Gbench : public CliTest {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(REPRISE_BINARY_DIR "/bin/reprise-gbench")) {
      GTEST_SKIP() << "reprise-gbench is not built here (REPRISE_BUILD_BENCHMARKS)";
    }
    make_capture("call.safetensors");
    testing::write_file(path("spec.json"),
                        R"({"schema": "reprise.spec/1", "name": "s",
                            "placements": [{"precision": ["f32", "bf16"], "threads": [1]}]})");
    use_program("reprise-gbench");
  }
  [[nodiscard]] json results(Arguments arguments) const {
    arguments.insert(arguments.end(), {"--benchmark_format=json", "--benchmark_min_time=0.01"});
    return json::parse(output(arguments));
  }
};

TEST_F(Gbench, RunsEveryCaptureAtEveryPlacement) {
  const json document = results({"spec.json", "call.safetensors"});
  EXPECT_TRUE(document["context"].contains("caches"));
  EXPECT_TRUE(document["context"].contains("reprise_version"));
  ASSERT_EQ(document["benchmarks"].size(), 2U);
  std::set<std::string> names;
  for (const json& benchmark : document["benchmarks"]) {
    names.insert(benchmark["name"].get<std::string>());
    EXPECT_GT(benchmark["real_time"], 0);
    EXPECT_EQ(benchmark["time_unit"], "us");
    EXPECT_GT(benchmark["time_to_first_token_seconds"], 0);
    EXPECT_GT(benchmark["decode_tokens_per_second"], 0);
    // Restoring and verifying are not in it.
    const double seconds = benchmark["real_time"].get<double>() * 1e-6;
    EXPECT_LT(benchmark["time_to_first_token_seconds"], seconds);
  }
  EXPECT_EQ(names.size(), 2U);
  EXPECT_THAT(*names.begin(), HasSubstr("call/cpu/"));
  EXPECT_THAT(*names.begin(), HasSubstr("/threads:1/exact/manual_time"));
}

TEST_F(Gbench, EveryCaptureIsReplayedItself) {
  // Without its twin's tokens: one of them must differ where one replay stood for both.
  use_program("reprise");
  output({"generate", "synthetic:microgpt-tiny", "--prompt-ids", "1,2,3,4", "--max-new-tokens", "24",
          "--capture", "long.safetensors"});
  use_program("reprise-gbench");
  const json document = results({"call.safetensors", "long.safetensors", "--threads", "1"});
  ASSERT_EQ(document["benchmarks"].size(), 2U);
  EXPECT_NE(document["benchmarks"][0]["name"], document["benchmarks"][1]["name"]);
  EXPECT_NE(document["benchmarks"][0]["generated_tokens"], document["benchmarks"][1]["generated_tokens"]);
}

TEST_F(Gbench, ItsFiltersWork) {
  const json document = results({"spec.json", "call.safetensors", "--benchmark_filter=bf16"});
  ASSERT_EQ(document["benchmarks"].size(), 1U);
  EXPECT_THAT(document["benchmarks"][0]["name"].get<std::string>(), HasSubstr("/bf16/"));
}

TEST_F(Gbench, TakesPlacementFlagsWithoutASpecification) {
  const json document = results({"call.safetensors", "--backend", "reference", "--kv-cache", "off"});
  ASSERT_EQ(document["benchmarks"].size(), 1U);
  EXPECT_THAT(document["benchmarks"][0]["name"].get<std::string>(), HasSubstr("call/reference/"));
  EXPECT_THAT(document["benchmarks"][0]["name"].get<std::string>(), HasSubstr("/kv:off/"));
}

TEST_F(Gbench, OutputsThatDifferAreNoFigure) {
  // What bf16 gives must be the captured bits of f32: they are not.
  const Outcome outcome =
      run({"call.safetensors", "--precision", "bf16", "--free", "--benchmark_format=json"});
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  const json document = json::parse(outcome.out);
  EXPECT_EQ(document["benchmarks"][0]["error_occurred"], true);
  EXPECT_EQ(document["benchmarks"][0]["error_message"], "outputs differ from the capture");
}

TEST_F(Gbench, ErrorsAreOneLineAndExitCode4) {
  const auto expect = [&](const Arguments& arguments, const std::string& text) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 4) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(text));
    // Google Benchmark may have described the machine before.
    const std::size_t at = outcome.err.find("reprise-gbench: ");
    EXPECT_TRUE(at == 0 || (at != std::string::npos && outcome.err[at - 1] == '\n')) << outcome.err;
  };
  expect({}, "FILE");
  expect({"missing.safetensors"}, "missing.safetensors");
  expect({"spec.json"}, "spec.json: captures: expected at least one");
  expect({"spec.json", "call.safetensors", "--precision", "f32"}, "spec.json: expected no flags of a placement");
  expect({"call.safetensors", "--precision", "f13"}, "f13");
  expect({"call.safetensors", "--benchmark_filter=nothing"}, "--benchmark_filter: expected a pattern");
  expect({"call.safetensors", "--model", "synthetic:llama-tiny"}, "call: ");
}

TEST_F(Gbench, HelpTeaches) {
  const std::string help = output({"--help"});
  EXPECT_THAT(help, HasSubstr("reprise-gbench specs/quickstart.json call.safetensors"));
}

}  // namespace
}  // namespace reprise::cli
