/// A model on the host, as stored: configuration, tensors and identity. Nothing here is placed or computed;
/// weights.h puts the tensors where a backend can read them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/tensor_view.h"
#include "engine/model/config.h"
#include "engine/model/tensors.h"
#include "engine/text/tokenizer_gguf.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// Who a model is, whatever it is called: equal identities, equal weights.
struct ModelIdentity {
  std::string sha256;  ///< of the weight file; of "name sha256\n" lines for shards; of the recipe for
                       ///< synthetic models
  std::vector<std::pair<std::string, std::string>> files;  ///< (name, SHA-256 in hex) of each weight file
};

/// A model's tokenizer, and how it wants to be used.
struct ModelText {
  TokenizerSpec tokenizer;
  TokenizerFacts facts;
};

class Model {
 public:
  /// `spec` is a Hugging Face folder, a GGUF file, a llama2.c checkpoint, "synthetic:NAME" or "builtin:NAME".
  /// Errors: those of config.h and the weight files; a missing tensor, a wrong shape or a dtype that is no
  /// float, each naming file, tensor, expected and found.
  static std::shared_ptr<const Model> open(const std::string& spec);

  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// What open() was given.
  [[nodiscard]] const std::string& spec() const { return spec_; }
  /// A short name for tables: the folder's name, or the synthetic model's.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const ModelConfig& config() const { return config_; }
  /// The text of the config.json it was read from, or that says the same (to_config_json).
  [[nodiscard]] const std::string& config_json() const { return config_json_; }

  /// The tensor as stored, in the engine's orientation. Its bytes may be unaligned: safetensors promises
  /// none.
  [[nodiscard]] AnyTensorView tensor(Slot slot, int layer = kNoLayer) const;

  /// Reads every byte of the weights once per object: seconds for gigabytes. Several threads may ask at once.
  [[nodiscard]] const ModelIdentity& identity() const;

  /// What turns text into token ids, where the model comes with it. Reads its file anew.
  /// Errors: those of the tokenizer's format.
  [[nodiscard]] virtual std::optional<ModelText> text() const { return std::nullopt; }

 protected:
  Model(std::string spec, std::string name, ModelConfig config, std::string config_json);

  void set_tensor(const TensorSpec& tensor, AnyTensorView view) {
    views_[{tensor.slot, tensor.layer}] = view;
  }
  [[nodiscard]] virtual ModelIdentity compute_identity() const = 0;

 private:
  std::string spec_;
  std::string name_;
  ModelConfig config_;
  std::string config_json_;
  std::map<std::pair<Slot, int>, AnyTensorView> views_;
  mutable std::once_flag identified_;
  mutable ModelIdentity identity_;
};

/// Whether a specification names no file: "synthetic:..." or "builtin:...".
bool is_made_from_a_name(std::string_view spec);

/// "synthetic:NAME" for each NAME that open() knows, and the config.json text of one (null when unknown).
std::vector<std::string> synthetic_names();
const char* synthetic_config(std::string_view name);

}  // namespace reprise::engine
