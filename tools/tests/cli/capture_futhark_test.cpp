/// reprise capture export and import: a capture through Futhark's data.in and back, replayed.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using testing::Arguments;
using testing::CliTest;

class CaptureFuthark : public CliTest {
 protected:
  void make_call(const Arguments& more) const {
    Arguments arguments = {"generate",  "synthetic:qwen3-tiny", "--prompt-ids",
                           "1,2,3,4,5", "--max-new-tokens",     "6",
                           "--capture", "call.safetensors"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    ASSERT_EQ(run(arguments).exit_code, 0);
  }
  [[nodiscard]] json shown(const std::string& name) const {
    return json::parse(output({"capture", "show", name, "--json"}))[0];
  }
};

TEST_F(CaptureFuthark, GoesThroughAFileAndBack) {
  for (const char* precision : {"f32", "f16"}) {
    make_call({"--cached", "3", "--precision", precision, "--kv-precision", precision});
    output({"capture", "export", "call.safetensors", "--futhark", "data.in"});
    output({"capture", "import", "data.in", "--out", "back.safetensors", "--model-out", "weights"});
    const json back = shown("back.safetensors");
    EXPECT_EQ(back["generated_ids"], shown("call.safetensors")["generated_ids"]) << precision;
    EXPECT_EQ(back["n_cached"], 3) << precision;
    EXPECT_EQ(run({"replay", "back.safetensors", "--budget", "0.1", "--min-runs", "3", "--target", "0.5",
                   "--precision", precision, "--kv-precision", precision})
                  .exit_code,
              0);
    if (std::string(precision) == "f32") {
      output(
          {"capture", "import", "data.in", "--out", "named.safetensors", "--model", "synthetic:qwen3-tiny"});
      EXPECT_EQ(shown("named.safetensors")["model"]["spec"], "synthetic:qwen3-tiny");
    }
  }
}

TEST_F(CaptureFuthark, RefusesWhatDoesNotFit) {
  make_call({"--temperature", "1"});
  expect_error({"capture", "export", "call.safetensors", "--futhark", "data.in"},
               {"expected one that draws"});
  make_call({});
  output({"capture", "export", "call.safetensors", "--futhark", "data.in"});
  expect_error({"capture", "import", "data.in", "--out", "x"}, {"--model MODEL", "found neither"});
  expect_error({"capture", "import", "data.in", "--out", "x", "--model", "m", "--model-out", "n"},
               {"found both"});
  expect_error({"capture", "import", "nothing", "--out", "x", "--model-out", "n"},
               {"Failed to open nothing"});
  expect_error({"capture", "import", "call.safetensors", "--out", "x", "--model-out", "n"}, {"xsat: "});
  expect_error({"capture", "import", "data.in", "--out", "x", "--model", "synthetic:microgpt-tiny"},
               {"expected Qwen3"});
}

}  // namespace
}  // namespace reprise::cli
