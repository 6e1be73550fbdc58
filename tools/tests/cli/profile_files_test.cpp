/// What `reprise profile` writes for other programs, and two profiles side by side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "harness/report/html_page.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::read_file;
using testing::write_file;

class ProfileFilesTest : public CliTest {
 protected:
  void SetUp() override { make_capture("call.safetensors"); }

  std::string profile(const Arguments& more) const {
    Arguments arguments = {"profile", "call.safetensors", "--runs", "1", "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return output(arguments);
  }
};

std::string unzipped(const std::filesystem::path& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  char buffer[4096];
  for (int n = gzread(file, buffer, sizeof buffer); n > 0; n = gzread(file, buffer, sizeof buffer)) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  EXPECT_EQ(gzdirect(file), 0) << "not compressed";
  gzclose(file);
  return text;
}

TEST_F(ProfileFilesTest, TracesHoldEveryKernelInItsLayer) {
  const std::string table = profile({"--trace", "trace.json", "--flamegraph", "flame.json"});
  EXPECT_THAT(table, HasSubstr("profiling cost "));
  EXPECT_THAT(table, HasSubstr("of too few pairs for an interval"));
  EXPECT_THAT(table, HasSubstr("hardware counters"));  // counts, or why there are none
  const json trace = json::parse(read_file(path("trace.json")));
  std::set<std::string> layers;
  std::size_t kernels = 0;
  for (const json& event : trace["traceEvents"]) {
    kernels += event.value("cat", "") == "kernel" ? 1U : 0U;
    if (event.value("cat", "") == "layer") {
      layers.insert(event["name"].get<std::string>());
    }
  }
  // microgpt-tiny: 25 operations a pass, in 2 layers; 6 generated tokens, so 6 passes.
  EXPECT_EQ(kernels, 25U * 6);
  EXPECT_EQ(layers, (std::set<std::string>{"layer 0", "layer 1"}));
  EXPECT_EQ(json::parse(read_file(path("flame.json")))["profiles"][0]["type"], "evented");
}

TEST_F(ProfileFilesTest, TheNameDecidesTheForm) {
  profile({"--trace", "trace.json.gz", "--flamegraph", "stacks.txt"});
  EXPECT_TRUE(json::parse(unzipped(path("trace.json.gz"))).contains("traceEvents"));
  EXPECT_THAT(read_file(path("stacks.txt")), HasSubstr("\ndecode;layer 1;relu "));
}

TEST_F(ProfileFilesTest, AFolderHasAllOfIt) {
  profile({"--out", "new/folder"});
  const std::filesystem::path folder = path("new/folder");
  EXPECT_THAT(read_file(folder / "summary.txt"), HasSubstr("profiling cost "));
  EXPECT_THAT(read_file(folder / "summary.txt"), HasSubstr("call: cpu "));
  const json report = json::parse(read_file(folder / "report.json"));
  EXPECT_EQ(report["rows"][0]["timeline"]["events"]["kernel"].size(), 25U * 6);
  EXPECT_THAT(read_file(folder / "timeline.csv"), HasSubstr(",decode,1,0,linear,1,"));
  EXPECT_TRUE(json::parse(unzipped(folder / "trace.json.gz")).contains("traceEvents"));
  EXPECT_TRUE(json::parse(read_file(folder / "speedscope.json")).contains("$schema"));
  EXPECT_THAT(read_file(folder / "stacks.txt"), HasSubstr("prefill;embed "));
  const json futhark = json::parse(read_file(folder / "futhark.json"));
  const json& dataset = futhark["call"]["datasets"].front();
  EXPECT_EQ(dataset["runtimes"].size(), 1U);
  EXPECT_EQ(dataset["profiling"]["events"].size(), 25U * 6);
  EXPECT_EQ(std::filesystem::exists(folder / "index.html"), harness::has_html_page());
  EXPECT_NE(std::filesystem::exists(folder / "index.txt"), harness::has_html_page());
  // Nothing else stands there, not even what was being written.
  const auto n_files = std::distance(std::filesystem::directory_iterator(folder), {});
  EXPECT_EQ(n_files, 8);
}

TEST_F(ProfileFilesTest, AReportHasATimelineOnlyWhereOneIsAskedFor) {
  profile({"--json", "plain.json"});
  EXPECT_TRUE(json::parse(read_file(path("plain.json")))["rows"][0]["timeline"].is_null());
}

TEST_F(ProfileFilesTest, ProfilesAreComparedCentreByCentre) {
  profile({"--out", "a"});
  profile({"--backend", "reference", "--json", "b.json"});
  const std::string table = output({"profile", "--diff", "a", "b.json"});
  EXPECT_THAT(table, HasSubstr("change"));
  EXPECT_THAT(table, HasSubstr("linear"));
  EXPECT_THAT(table, HasSubstr("total"));
  EXPECT_THAT(table, HasSubstr("not taken in turns"));
}

TEST_F(ProfileFilesTest, SaysWhatIsWrong) {
  expect_error({"profile"},
               {"profile: FILE: expected a capture file, or --diff with two profiles, found neither"});
  expect_error({"profile", "call.safetensors", "--diff", "a", "b"}, {"found both"});
  expect_error({"profile", "--diff", "a.json"}, {"--diff"});
  expect_error({"profile", "--diff", "a", "b", "--json", "c.json"},
               {"--diff: expected no other flag beside it, found --json"});
  expect_error({"profile", "--diff", "a.json", "b.json"}, {"a.json"});
  expect_error({"profile", "call.safetensors", "--trace", "-"}, {"--trace: expected a file, found -"});
  expect_error({"profile", "call.safetensors", "--flamegraph", "no/such/file"}, {"no/such/file"});
  expect_error({"profile", "call.safetensors", "--out", "call.safetensors"},
               {"call.safetensors: expected a folder"});
  profile({"--json", "a.json"});
  output({"generate", "synthetic:microgpt-tiny", "--prompt-ids", "1,2,3", "--max-new-tokens", "7",
          "--capture", "other.safetensors"});
  output({"profile", "other.safetensors", "--runs", "1", "--json", "other.json"});
  expect_error({"profile", "--diff", "a.json", "other.json"}, {"other.json: capture: expected "});
  json report = json::parse(read_file(path("a.json")));
  report["rows"][0]["unattributed_seconds"] = nullptr;
  write_file(path("none.json"), report.dump());
  expect_error({"profile", "--diff", "none.json", "a.json"},
               {"none.json: rows: expected one with a profile"});
}

}  // namespace
}  // namespace reprise::cli
