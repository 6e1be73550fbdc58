// Synthetic models: the same bytes everywhere and for ever, and activations at a sane scale.
#include "engine/model/synthetic.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "engine/core/digest.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/model/forward.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::Random;

/// SHA-256 over all tensors in the order of the forward pass.
std::string digest_of(const Model& model) {
  Sha256 sha;
  for (const TensorSpec& spec : tensors_of(model.config())) {
    const AnyTensorView tensor = model.tensor(spec.slot, spec.layer);
    sha.update({tensor.data(), tensor.size_bytes()});
  }
  return to_hex(sha.finish());
}

/// Captures name synthetic models by recipe: other bytes under the same recipe would be another model.
TEST(Synthetic, BytesAreThoseCommitted) {
  const std::pair<const char*, const char*> kDigests[] = {
      {"qwen3-tiny", "4db5f49bf70310f03ba3a859b763169336e8f8304be7fc2a96d3a76570152580"},
      {"llama-tiny", "cb8993ebd3f4f5eeda21e743d37709529e877f4fdacd220ffd5fa91869245ed2"},
      {"gpt2-tiny", "8d40ddf675f4f7441ad3fa2f2975897bf263f8dfaa587fec1572da0c5857944c"},
      {"microgpt-tiny", "e0df29d2ce29104e2f9fb7a320f961dd4036fe1fe5b76905a222f2e9fd93b894"}};
  for (const auto& [name, digest] : kDigests) {
    EXPECT_EQ(digest_of(*Model::open(std::string("synthetic:") + name)), digest) << name;
  }
}

TEST(Synthetic, ActivationsStayAtScale) {
  Random random(61);
  for (const char* name : {"qwen3-tiny", "llama-tiny", "gpt2-tiny", "microgpt-tiny"}) {
    const auto model = Model::open(std::string("synthetic:") + name);
    const auto logits = logits_of(model, random.ids(64, model->config().n_vocab));
    double squares = 0;
    for (const float logit : logits) {
      ASSERT_TRUE(std::isfinite(logit)) << name;
      squares += static_cast<double>(logit) * static_cast<double>(logit);
    }
    const double scale = std::sqrt(squares / static_cast<double>(logits.size()));
    EXPECT_GT(scale, 0.2) << name;
    EXPECT_LT(scale, 20.0) << name;
  }
}

TEST(Synthetic, UnknownNamesAreAnsweredWithTheKnown) {
  ErrorCode code{};
  EXPECT_EQ(error_of([] { Model::open("synthetic:qwen9"); }, &code),
            "synthetic:qwen9: model: expected synthetic:NAME with NAME one of qwen3-0.6b, llama3.2-1b, gpt2, "
            "qwen3-tiny, llama-tiny, gpt2-tiny, microgpt-tiny, found qwen9");
  EXPECT_EQ(code, ErrorCode::not_found);
  EXPECT_EQ(synthetic_config("qwen9"), nullptr);
}

TEST(Synthetic, ShapesAreThePublishedOnes) {
  const auto parameters = [](const char* name) {
    return parse_config(synthetic_config(name), name).n_parameters();
  };
  EXPECT_EQ(parameters("qwen3-0.6b"), 596'049'920);
  EXPECT_EQ(parameters("llama3.2-1b"), 1'235'814'400);
  EXPECT_EQ(parameters("gpt2"), 124'439'808);
}

TEST(Synthetic, IdentitiesAreStableAndDiffer) {
  std::set<std::string> identities;
  for (const char* name : {"qwen3-tiny", "llama-tiny", "gpt2-tiny", "microgpt-tiny"}) {
    const auto model = Model::open(std::string("synthetic:") + name);
    EXPECT_EQ(model->name(), name);
    EXPECT_EQ(model->identity().sha256, Model::open(model->spec())->identity().sha256);
    EXPECT_TRUE(model->identity().files.empty());
    identities.insert(model->identity().sha256);
  }
  EXPECT_EQ(identities.size(), 4U);
}

}  // namespace
}  // namespace reprise::engine
