#include "engine/model/model.h"

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/model/builtin.h"
#include "engine/model/gguf_model.h"
#include "engine/model/hugging_face.h"
#include "engine/model/llama2c_model.h"
#include "engine/model/synthetic.h"

namespace reprise::engine {
namespace {

constexpr std::string_view kSynthetic = "synthetic:";
constexpr std::string_view kBuiltin = "builtin:";

}  // namespace

Model::Model(std::string spec, std::string name, ModelConfig config, std::string config_json)
    : spec_(std::move(spec)),
      name_(std::move(name)),
      config_(std::move(config)),
      config_json_(std::move(config_json)) {}

std::shared_ptr<const Model> Model::open(const std::string& spec) {
  if (spec.starts_with(kSynthetic)) {
    return open_synthetic(spec, spec.substr(kSynthetic.size()));
  }
  if (spec.starts_with(kBuiltin)) {
    return open_builtin(spec, spec.substr(kBuiltin.size()));
  }
  std::error_code error;
  if (std::filesystem::is_directory(spec, error)) {
    return open_hugging_face(spec);
  }
  if (!std::filesystem::is_regular_file(spec, error)) {
    fail(ErrorCode::not_found,
         "{}: model: expected a Hugging Face folder, a .gguf file, a llama2.c checkpoint, synthetic:NAME or "
         "builtin:NAME, found {}",
         spec, std::filesystem::exists(spec, error) ? "something else" : "nothing");
  }
  return begins_as_gguf(spec) ? open_gguf(spec) : open_llama2c(spec);
}

bool is_made_from_a_name(std::string_view spec) {
  return spec.starts_with(kSynthetic) || spec.starts_with(kBuiltin);
}

AnyTensorView Model::tensor(Slot slot, int layer) const {
  const auto found = views_.find({slot, layer});
  REPRISE_CHECK(found != views_.end());
  return found->second;
}

const ModelIdentity& Model::identity() const {
  std::call_once(identified_, [this] { identity_ = compute_identity(); });
  return identity_;
}

}  // namespace reprise::engine
