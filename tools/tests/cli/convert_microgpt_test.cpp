/// tools/convert_microgpt.py: somebody else's trained microgpt, run by the engine, against float64 NumPy.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "engine/tests/model/forward.h"
#include "engine/tests/support/data.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using reprise::testing::external_data;
using testing::CliTest;
using testing::read_file;
using testing::write_file;

class ConvertMicrogpt : public CliTest {
 protected:
  /// Exit code of a script of tools/, with standard output and error in files of those names.
  int run_script(const std::string& script, const std::string& arguments) const {
    const std::string command = "cd '" + folder().string() + "' && '" REPRISE_SOURCE_DIR "/tools/" + script +
                                "' " + arguments + " >stdout 2>stderr";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void expect_refused(const json& document, const std::string& line) const {
    write_file(path("bad.json"), document.dump());
    EXPECT_EQ(run_script("convert_microgpt.py", "bad.json out"), 4);
    EXPECT_EQ(read_file(path("stderr")), "convert_microgpt.py: bad.json: " + line + "\n");
    EXPECT_FALSE(std::filesystem::exists(path("out")));
  }
};

TEST_F(ConvertMicrogpt, GeneratesWhatNumPyDoes) {
  REPRISE_NEEDS_DATA("microgpt/weights.json");
  const std::string weights = "'" + (external_data() / "microgpt/weights.json").string() + "'";
  const int reference = run_script("goldens/microgpt_reference.py", weights + " 16");
  if (reference == 77) {
    GTEST_SKIP() << read_file(path("stderr"));
  }
  ASSERT_EQ(reference, 0) << read_file(path("stderr"));
  const json golden = json::parse(read_file(path("stdout")));
  ASSERT_EQ(run_script("convert_microgpt.py", weights + " converted"), 0) << read_file(path("stderr"));

  const json call = json::parse(output(
      {"generate", "converted", "--prompt-ids", "26", "--max-new-tokens", "15", "--ignore-eos", "--json"}));
  auto ids = golden["ids"].get<std::vector<engine::TokenId>>();
  ids.pop_back();  // the last one is the prediction at the end of the context
  ASSERT_EQ(ids.size(), 16U);
  EXPECT_EQ(call["generated_ids"], std::vector<engine::TokenId>(ids.begin() + 1, ids.end()));
  EXPECT_EQ(json::parse(output({"generate", "converted", "--prompt", "em", "--json"}))["prompt_ids"],
            (std::vector<int>{26, 4, 12}));

  const auto model = engine::Model::open(path("converted").string());
  const std::vector<float> logits = engine::logits_of(model, ids);
  ASSERT_EQ(logits.size(), 16U * 27U);
  double worst = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    worst = std::max(
        worst, std::abs(static_cast<double>(logits[i]) - golden["logits"][i / 27][i % 27].get<double>()));
  }
  EXPECT_LT(worst, 1e-4);
  RecordProperty("worst_logit_error", std::to_string(worst));
}

TEST_F(ConvertMicrogpt, RefusesOtherFiles) {
  json good = {
      {"metadata",
       {{"uchars", {"a", "b"}}, {"n_embd", 2}, {"n_layer", 1}, {"n_head", 1}, {"block_size", 4}, {"BOS", 2}}},
      {"weights", json::object()}};
  const json wide = {{1.5, 2}, {3, 4}};
  for (const char* name : {"wte", "lm_head"}) {
    good["weights"][name] = {{1, 2}, {3, 4}, {5, 6}};
  }
  good["weights"]["wpe"] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};
  for (const char* name : {"attn_wq", "attn_wk", "attn_wv", "attn_wo"}) {
    good["weights"][std::string("layer0.") + name] = wide;
  }
  good["weights"]["layer0.mlp_fc1"] = std::vector<std::vector<double>>(8, {1, 2});
  good["weights"]["layer0.mlp_fc2"] = std::vector<std::vector<double>>(2, std::vector<double>(8, 0.5));

  json bad = good;
  bad["weights"].erase("wpe");
  expect_refused(bad, "weights: wpe: expected a value of type list, found null");
  bad = good;
  bad["weights"]["layer0.attn_wo"] = {{1, 2}, {3}};
  expect_refused(bad, "weights: layer0.attn_wo: expected 2 rows of 2 numbers, found [2, 2]");
  bad = good;
  bad["metadata"]["n_layer"] = 0;
  expect_refused(bad, "metadata: n_layer: expected 1 to 65536, found 0");
  bad = good;
  bad["metadata"]["BOS"] = 1;
  expect_refused(bad, "metadata: BOS: expected 2, after the characters, found 1");
  bad = good;
  bad["metadata"]["uchars"] = {"a", "é"};
  expect_refused(bad, R"(metadata: uchars: expected printable ASCII characters, found ["a", "\u00e9"])");
  expect_refused(json::array(), "metadata: expected a value of type dict, found []");

  write_file(path("good.json"), good.dump());
  EXPECT_EQ(run_script("convert_microgpt.py", "good.json out"), 0) << read_file(path("stderr"));
  const auto model = engine::Model::open(path("out").string());
  EXPECT_EQ(model->tensor(engine::Slot::k, 0).as<float>().data()[0], 1.5F);
  EXPECT_EQ(run_script("convert_microgpt.py", "missing.json out"), 4);
}

}  // namespace
}  // namespace reprise::cli
