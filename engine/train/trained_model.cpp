#include "engine/train/trained_model.h"

#include <nlohmann/json.hpp>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/json_text.h"

namespace reprise::engine {
namespace {

class TrainedModel final : public Model {
 public:
  TrainedModel(const std::string& name, const ModelConfig& config, Parameters<float> parameters,
               const std::vector<std::string>& characters)
      : Model(name, name, config, to_config_json(config)),
        parameters_(std::move(parameters)),
        tokenizer_(character_tokenizer(characters)) {
    for (const TensorSpec& tensor : parameters_.tensors()) {
      const TensorView<float> view = parameters_.tensor(tensor.slot, tensor.layer);
      set_tensor(tensor, {DType::f32, reinterpret_cast<const std::byte*>(view.data()), tensor.shape});
    }
  }

  [[nodiscard]] std::optional<ModelText> text() const override {
    TokenizerFacts facts;
    facts.bos = config().bos_id;
    facts.eos = config().bos_id;
    facts.add_bos = true;
    return ModelText{tokenizer_, facts};
  }

 protected:
  /// No file has been written yet: of the parameters' own bytes.
  [[nodiscard]] ModelIdentity compute_identity() const override {
    return {to_hex(sha256(std::as_bytes(parameters_.values()))), {}};
  }

 private:
  Parameters<float> parameters_;
  TokenizerSpec tokenizer_;
};

}  // namespace

std::string_view microgpt_config_json() {
  return R"({"model_type": "microgpt", "n_embd": 16, "n_layer": 1, "n_head": 4, "block_size": 16,
 "rms_norm_eps": 1e-05})";
}

ModelConfig training_config(std::string_view json, const std::string& name, const Documents& documents) {
  nlohmann::json object = parse_json(json, name);
  if (!object.is_object()) {
    fail(ErrorCode::invalid_data, "{}: expected a JSON object, found something else", name);
  }
  object.erase("torch_dtype");
  object["dtype"] = "float32";
  object["vocab_size"] = documents.n_vocab();
  object["bos_token_id"] = documents.boundary();
  object["eos_token_id"] = documents.boundary();
  return parse_config(object.dump(), name);
}

std::shared_ptr<const Model> make_trained_model(const std::string& name, const ModelConfig& config,
                                                Parameters<float> parameters,
                                                const std::vector<std::string>& characters) {
  return std::make_shared<TrainedModel>(name, config, std::move(parameters), characters);
}

}  // namespace reprise::engine
