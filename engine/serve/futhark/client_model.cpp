#include "engine/serve/futhark/client_model.h"

#include <fmt/format.h>

#include <map>

#include "engine/core/check.h"
#include "engine/core/digest.h"

namespace reprise::engine::futhark {

ClientModel::ClientModel(ModelConfig config, const std::vector<Part>& parts, std::vector<SharedBytes> memory)
    : Model("a client's Params", "params", config, to_config_json(config)), memory_(std::move(memory)) {
  std::map<std::pair<Slot, int>, AnyTensorView> views;
  for (const Part& part : parts) {
    views[{part.slot, part.layer}] = part.view;
  }
  for (const TensorSpec& tensor : tensors_of(config)) {
    const auto found = views.find({tensor.slot, tensor.layer});
    REPRISE_CHECK(found != views.end() && found->second.shape() == tensor.shape);
    set_tensor(tensor, found->second);
  }
}

ModelIdentity ClientModel::compute_identity() const {
  Sha256 sha;
  const auto update = [&](std::string_view text) { sha.update(std::as_bytes(std::span(text))); };
  update(config_json());
  for (const TensorSpec& spec : tensors_of(config())) {
    const AnyTensorView view = tensor(spec.slot, spec.layer);
    update(fmt::format("\n{} {} ", name_of(spec.slot), spec.layer));
    sha.update({view.data(), view.size_bytes()});
  }
  return {to_hex(sha.finish()), {}};
}

}  // namespace reprise::engine::futhark
