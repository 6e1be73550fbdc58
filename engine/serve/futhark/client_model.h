/// A model whose weights a client has sent, in memory. Used by params.h.
#pragma once

#include <vector>

#include "engine/model/model.h"
#include "engine/serve/futhark/value.h"

namespace reprise::engine::futhark {

class ClientModel final : public Model {
 public:
  /// A tensor of the model in the engine's orientation; `layer` as in TensorSpec.
  struct Part {
    Slot slot;
    int layer;
    AnyTensorView view;
  };

  /// `parts` are all that tensors_of(config) names, and lie in `memory`.
  ClientModel(ModelConfig config, const std::vector<Part>& parts, std::vector<SharedBytes> memory);

 protected:
  /// SHA-256 over the configuration, then each tensor's slot, layer and bytes in the order of the forward
  /// pass.
  [[nodiscard]] ModelIdentity compute_identity() const override;

 private:
  std::vector<SharedBytes> memory_;
};

}  // namespace reprise::engine::futhark
