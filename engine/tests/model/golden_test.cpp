// The engine against goldens computed by others in float64: logits, and greedy ids where they decide.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/model/decoder.h"
#include "engine/tests/support/data.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::json;
using reprise::testing::external_data;
using reprise::testing::golden_folder;

Json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return Json::parse(file);
}

/// A model placed for one placement, with logits at every position of a text.
class PlacedModel {
 public:
  PlacedModel(const std::filesystem::path& folder, const Placement& placement, std::int64_t n_positions)
      : model_(Model::open(folder.string())),
        backend_(make_backend(placement)),
        weights_(place_weights(model_, *backend_, placement.precision)),
        cache_(*backend_, model_->config(), placement.kv_precision, n_positions),
        decoder_(weights_, *backend_, n_positions, n_positions) {}

  /// Logits [n_tokens, n_vocab] of every position, fed as one chunk.
  TensorView<const float> teacher_forced(const std::vector<TokenId>& ids) {
    cache_.set_length(0);
    return decoder_.forward(ids, cache_, LogitsOf::all_tokens);
  }

 private:
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Backend> backend_;
  Weights weights_;
  KvCache cache_;
  Decoder decoder_;
};

TokenId argmax(std::span<const float> row) {
  return static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
}

double logsumexp(std::span<const float> row) {
  double highest = row[0];
  for (const float x : row) {
    highest = std::max(highest, static_cast<double>(x));
  }
  double sum = 0;
  for (const float x : row) {
    sum += std::exp(static_cast<double>(x) - highest);
  }
  return highest + std::log(sum);
}

std::span<const float> row_of(const TensorView<const float>& logits, std::int64_t position) {
  return {logits.row(position), static_cast<std::size_t>(logits.extent(1))};
}

double worst_difference(std::span<const float> row, const Json& golden) {
  EXPECT_EQ(row.size(), golden.size());
  double worst = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(row[i]) - golden[i].get<double>()));
  }
  return worst;
}

double worst_top_difference(std::span<const float> row, const Json& top) {
  double worst = 0;
  for (const Json& pair : top) {
    worst = std::max(worst,
                     std::abs(static_cast<double>(row[pair[0].get<std::size_t>()]) - pair[1].get<double>()));
  }
  return worst;
}

class CommittedGolden : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(CommittedGolden, LogitsAndGreedyIds) {
  const auto [model, backend] = GetParam();
  const Json golden = read_json(golden_folder() / model / "golden.json");
  auto ids = golden["prompt_ids"].get<std::vector<TokenId>>();
  const auto greedy = golden["greedy_ids"].get<std::vector<TokenId>>();
  const std::size_t n_prompt = ids.size();
  ids.insert(ids.end(), greedy.begin(), greedy.end() - 1);
  Placement placement;
  placement.backend = backend;
  PlacedModel run(golden_folder() / model, placement, std::ssize(ids) + 1);
  const TensorView<const float> logits = run.teacher_forced(ids);
  EXPECT_LT(
      worst_difference(row_of(logits, static_cast<std::int64_t>(n_prompt) - 1), golden["prompt_logits"]),
      1e-4);
  for (std::size_t step = 0; step < greedy.size(); ++step) {
    const auto row = row_of(logits, static_cast<std::int64_t>(n_prompt + step) - 1);
    ASSERT_EQ(argmax(row), greedy[step]) << "step " << step;
    EXPECT_LT(worst_top_difference(row, golden["steps"][step]["top5"]), 1e-4);
    EXPECT_NEAR(logsumexp(row), golden["steps"][step]["logsumexp"].get<double>(), 1e-4);
  }
  for (const auto& [position, row] : golden["all_logits"].items()) {
    if (std::stoll(position) < std::ssize(ids)) {
      EXPECT_LT(worst_difference(row_of(logits, std::stoll(position)), row), 1e-4) << "position " << position;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, CommittedGolden,
                         ::testing::Combine(::testing::Values("qwen3", "llama", "gpt2", "microgpt"),
                                            ::testing::Values("reference", "cpu")),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
                         });

TEST(ExternalGolden, Qwen3SyntheticLogits) {
  REPRISE_NEEDS_DATA("qwen3-synthetic");
  const Json golden = read_json(external_data() / "qwen3-synthetic/golden.json");
  const auto ids = golden["input_ids"].get<std::vector<TokenId>>();
  PlacedModel run(external_data() / "qwen3-synthetic", {}, std::ssize(ids));
  const TensorView<const float> logits = run.teacher_forced(ids);
  double worst = 0;
  for (const auto& [position, row] : golden["full"].items()) {
    worst = std::max(worst, worst_difference(row_of(logits, std::stoll(position)), row));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    worst = std::max(worst,
                     worst_top_difference(row_of(logits, static_cast<std::int64_t>(i)), golden["top5"][i]));
    EXPECT_EQ(argmax(row_of(logits, static_cast<std::int64_t>(i))), golden["top5"][i][0][0].get<TokenId>());
  }
  EXPECT_LT(worst, 1e-4);
  RecordProperty("worst_logit_error", std::to_string(worst));
}

/// Teacher-forced on the golden's own ids, so that every step is compared.
void compare_minimind(const std::string& precision, double tolerance, double least_agreement) {
  const std::filesystem::path folder = external_data() / "minimind2-small";
  const Json golden = read_json(folder / "golden.json");
  Placement placement;
  placement.precision = precision;
  PlacedModel run(folder, placement, 128);
  double worst = 0;
  std::size_t agreeing = 0;
  std::size_t steps = 0;
  for (const Json& chat : golden["cases"]) {
    auto ids = chat["prompt_ids"].get<std::vector<TokenId>>();
    const auto greedy = chat["greedy_ids"].get<std::vector<TokenId>>();
    const auto n_prompt = std::ssize(ids);
    ids.insert(ids.end(), greedy.begin(), greedy.end());
    const TensorView<const float> logits = run.teacher_forced(ids);
    for (std::size_t step = 0; step < greedy.size(); ++step) {
      const auto row = row_of(logits, n_prompt + static_cast<std::int64_t>(step) - 1);
      worst = std::max(worst, worst_top_difference(row, chat["steps"][step]["top5_logits"]));
      agreeing += argmax(row) == greedy[step] ? 1 : 0;
      ++steps;
    }
  }
  EXPECT_LT(worst, tolerance) << precision;
  EXPECT_GE(static_cast<double>(agreeing), least_agreement * static_cast<double>(steps)) << precision;
  ::testing::Test::RecordProperty("worst_logit_error", std::to_string(worst));
}

TEST(ExternalGolden, MiniMindGreedyIds) {
  REPRISE_NEEDS_DATA("minimind2-small");
  compare_minimind("native", 1e-4, 1.0);
  compare_minimind("f32", 1e-4, 1.0);
}

TEST(ExternalGolden, MiniMindBf16StaysClose) {
  REPRISE_NEEDS_DATA("minimind2-small");
  compare_minimind("bf16", 0.5, 0.98);
}

}  // namespace
}  // namespace reprise::engine
