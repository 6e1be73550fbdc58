// A trained chat model end to end: text to ids, greedy ids, and text again, as computed by others in float64.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/generate/generate.h"
#include "engine/tests/support/data.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {
namespace {

using reprise::testing::external_data;

TEST(ChatGolden, MiniMindAnswersInReadableText) {
  REPRISE_NEEDS_DATA("minimind2-small");
  const std::filesystem::path folder = external_data() / "minimind2-small";
  std::ifstream file(folder / "golden.json");
  const auto golden = nlohmann::json::parse(file);
  const auto model = Model::open(folder.string());
  EXPECT_THAT(model->config().eos_ids, ::testing::ElementsAre(2));
  const Tokenizer tokenizer = Tokenizer::from_spec(model->text()->tokenizer);
  Session session(model, {}, {.n_positions = 256});
  ASSERT_FALSE(golden["cases"].empty());
  for (const auto& chat : golden["cases"]) {
    const auto greedy_ids = chat["greedy_ids"].get<std::vector<TokenId>>();
    GenerateRequest request;
    request.prompt_ids = tokenizer.encode(chat["prompt_text"].get<std::string>());
    EXPECT_EQ(request.prompt_ids, chat["prompt_ids"].get<std::vector<TokenId>>());
    request.max_new_tokens = std::ssize(greedy_ids);
    request.eos_ids = model->config().eos_ids;
    const GenerateResult result = generate(session, request);
    EXPECT_EQ(result.generated_ids, greedy_ids);
    EXPECT_EQ(result.finish_reason, greedy_ids.back() == 2 ? FinishReason::eos : FinishReason::length);
    EXPECT_EQ(tokenizer.decode(result.generated_ids), chat["greedy_text"].get<std::string>());
  }
}

}  // namespace
}  // namespace reprise::engine
