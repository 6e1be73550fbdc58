#include "engine/model/model.h"

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/model/hugging_face.h"
#include "engine/model/synthetic.h"

namespace reprise::engine {

Model::Model(std::string spec, std::string name, ModelConfig config, std::string config_json)
    : spec_(std::move(spec)),
      name_(std::move(name)),
      config_(std::move(config)),
      config_json_(std::move(config_json)) {}

std::shared_ptr<const Model> Model::open(const std::string& spec) {
  constexpr std::string_view kSynthetic = "synthetic:";
  if (spec.starts_with(kSynthetic)) {
    return open_synthetic(spec, spec.substr(kSynthetic.size()));
  }
  std::error_code error;
  if (!std::filesystem::is_directory(spec, error)) {
    fail(ErrorCode::not_found, "{}: model: expected a Hugging Face folder or synthetic:NAME, found {}", spec,
         std::filesystem::exists(spec, error) ? "a file" : "nothing");
  }
  return open_hugging_face(spec);
}

AnyTensorView Model::tensor(Slot slot, int layer) const {
  const auto found = views_.find({slot, layer});
  REPRISE_CHECK(found != views_.end());
  return found->second;
}

const ModelIdentity& Model::identity() const {
  if (identity_ == nullptr) {
    identity_ = std::make_unique<ModelIdentity>(compute_identity());
  }
  return *identity_;
}

}  // namespace reprise::engine
