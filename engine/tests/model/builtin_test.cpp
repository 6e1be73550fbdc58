// The model that ships: it is the folder in the source tree, it runs, and what it makes up looks like names.
#include "engine/model/builtin.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "engine/core/digest.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/model/forward.h"
#include "engine/tests/support/random_model.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;

std::filesystem::path source_folder() {
  return std::filesystem::path(REPRISE_SOURCE_DIR) / "engine/model/builtin/names";
}

/// Tokens drawn from the distribution itself, until the boundary or the end of the context.
std::string sample(const std::shared_ptr<const Model>& model, const Tokenizer& tokenizer,
                   reprise::testing::Random& random) {
  std::vector<TokenId> ids = {26};
  while (std::ssize(ids) <= model->config().n_context) {
    const std::vector<float> all = logits_of(model, ids);
    const std::vector<float> logits(all.end() - 27, all.end());
    std::vector<double> cumulative;
    for (const float logit : logits) {
      cumulative.push_back((cumulative.empty() ? 0 : cumulative.back()) +
                           std::exp(static_cast<double>(logit)));
    }
    const double drawn = random.uniform() * cumulative.back();
    const auto id = std::ranges::upper_bound(cumulative, drawn) - cumulative.begin();
    if (id == 26) {
      break;
    }
    ids.push_back(static_cast<TokenId>(id));
  }
  return tokenizer.decode(std::span(ids).subspan(1));
}

TEST(Builtin, IsTheFolderOfTheSourceTree) {
  EXPECT_THAT(builtin_names(), ElementsAre("names"));
  const auto model = open_builtin("builtin:names", "names");
  const auto folder = Model::open(source_folder().string());
  EXPECT_EQ(model->spec(), "builtin:names");
  EXPECT_EQ(model->name(), "names");
  EXPECT_EQ(model->config(), folder->config());
  EXPECT_EQ(model->config_json(), folder->config_json());
  EXPECT_EQ(model->identity().sha256, folder->identity().sha256);
  EXPECT_EQ(model->identity().files, folder->identity().files);
  EXPECT_EQ(model->identity().sha256,
            to_hex(sha256(bytes_of(read_raw(source_folder() / "model.safetensors")))));
  const std::vector<TokenId> ids = {26, 4, 12, 12, 0, 26};
  EXPECT_EQ(logits_of(model, ids), logits_of(folder, ids));
  const auto text = model->text();
  const auto folder_text = folder->text();
  ASSERT_TRUE(text && folder_text);
  EXPECT_EQ(text->tokenizer.digest, folder_text->tokenizer.digest);
  EXPECT_EQ(text->facts.add_bos, folder_text->facts.add_bos);
  EXPECT_EQ(text->facts.bos, folder_text->facts.bos);
  EXPECT_EQ(text->facts.eos, folder_text->facts.eos);
  EXPECT_THAT(Tokenizer::from_spec(text->tokenizer).encode("emma<bos>"), ElementsAre(4, 12, 12, 0, 26));
}

TEST(Builtin, ReadmeSaysWhatIsThere) {
  const std::string readme = read_raw(source_folder() / "README.md");
  const auto model = open_builtin("builtin:names", "names");
  EXPECT_THAT(readme, ::testing::HasSubstr(model->identity().sha256));
  EXPECT_THAT(read_raw(source_folder() / "LICENSE.makemore"), ::testing::HasSubstr("Andrej Karpathy"));
}

TEST(Builtin, NamesThatAreNone) {
  ErrorCode code{};
  EXPECT_EQ(error_of([] { open_builtin("builtin:nope", "nope"); }, &code),
            "builtin:nope: model: expected builtin:NAME with NAME one of names, found nope");
  EXPECT_EQ(code, ErrorCode::not_found);
}

/// Not proof of taste: 200 samples are short, end by themselves, and nearly all have a vowel; uniform letters
/// would have none in one of four, and would end after 26 letters on average.
TEST(Builtin, SamplesLookLikeNames) {
  const auto model = open_builtin("builtin:names", "names");
  const Tokenizer tokenizer = Tokenizer::from_spec(model->text()->tokenizer);
  reprise::testing::Random random(11);
  int with_vowel = 0;
  std::size_t letters = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string name = sample(model, tokenizer, random);
    with_vowel += name.find_first_of("aeiouy") != std::string::npos ? 1 : 0;
    letters += name.size();
  }
  EXPECT_GE(with_vowel, 196);
  EXPECT_GT(letters, 200 * 5U);  // names.txt: 6.1 letters on average
  EXPECT_LT(letters, 200 * 7U);
}

}  // namespace
}  // namespace reprise::engine
