#include "engine/model/builtin.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/core/check.h"
#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/safetensors.h"
#include "engine/model/builtin/embedded.h"
#include "engine/text/tokenizer_json.h"

namespace reprise::engine {
namespace {

const EmbeddedFolder* find(std::string_view name) {
  const auto folders = embedded_folders();
  const auto found = std::ranges::find(folders, name, &EmbeddedFolder::name);
  return found == folders.end() ? nullptr : &*found;
}

class BuiltinModel final : public Model {
 public:
  BuiltinModel(const std::string& spec, const EmbeddedFolder& folder)
      : Model(spec, std::string(folder.name), parse_config(folder.config_json, spec),
              std::string(folder.config_json)),
        folder_(folder),
        weights_(SafetensorsFile::parse(folder.weights, spec)) {
    for (const TensorSpec& tensor : tensors_of(config())) {
      set_tensor(tensor, view_of(tensor));
    }
  }

  /// What the trainer made begins with its begin token.
  [[nodiscard]] std::optional<ModelText> text() const override {
    ModelText text{read_tokenizer_json(folder_.tokenizer_json, spec()), {}};
    text.tokenizer.digest = to_hex(sha256(std::as_bytes(std::span(folder_.tokenizer_json))));
    text.facts.bos = config().bos_id;
    text.facts.eos = config().bos_id;
    text.facts.add_bos = true;
    return text;
  }

 protected:
  [[nodiscard]] ModelIdentity compute_identity() const override {
    const std::string digest = to_hex(sha256(folder_.weights));
    return {digest, {{"model.safetensors", digest}}};
  }

 private:
  /// The files are ours, so what does not fit is a bug; matrices that are stored transposed do not ship.
  [[nodiscard]] AnyTensorView view_of(const TensorSpec& spec) const {
    const StoredTensor stored = hugging_face_tensor(config(), spec);
    const SafetensorsTensor& tensor = weights_.at(stored.name);
    std::vector<std::int64_t> extents;
    for (std::size_t axis = 0; axis < spec.shape.rank(); ++axis) {
      extents.push_back(spec.shape[axis]);
    }
    REPRISE_CHECK(!stored.transposed && tensor.shape == extents);
    return {tensor.dtype, tensor.data.data(), spec.shape};
  }

  const EmbeddedFolder& folder_;
  SafetensorsFile weights_;
};

}  // namespace

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const EmbeddedFolder& folder : embedded_folders()) {
    names.emplace_back(folder.name);
  }
  return names;
}

std::shared_ptr<const Model> open_builtin(const std::string& spec, const std::string& name) {
  const EmbeddedFolder* folder = find(name);
  if (folder == nullptr) {
    fail(ErrorCode::not_found, "{}: model: expected builtin:NAME with NAME one of {}, found {}", spec,
         fmt::join(builtin_names(), ", "), name);
  }
  return std::make_shared<BuiltinModel>(spec, *folder);
}

}  // namespace reprise::engine
