#include <map>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/io/atomic_write.h"
#include "engine/io/safetensors.h"
#include "engine/model/convert.h"
#include "engine/model/tensor_rows.h"
#include "engine/text/tokenizer_json_writer.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;

/// The model's configuration as the folder's: rows in halves, as Hugging Face computes.
ModelConfig folder_config(const Model& model, const ConvertOptions& options) {
  ModelConfig config = model.config();
  if (!config.rope_factors.empty()) {
    fail(ErrorCode::unsupported,
         "{}: rope_freqs.weight: expected factors of Llama 3's scaling, which a config.json can say, found "
         "others",
         model.spec());
  }
  if (options.precision == "int8" || options.precision == "int4") {
    fail(ErrorCode::unsupported,
         "precision: expected native, f32, f16 or bf16 for a Hugging Face folder (safetensors has no "
         "blocks), found {}",
         options.precision);
  }
  config.rotary_layout = RotaryLayout::half;
  if (options.precision != "native") {
    config.stored_dtype = *dtype_named(options.precision);
  } else if (const DType stored = model.tensor(Slot::token_embedding).dtype(); !is_block_format(stored)) {
    config.stored_dtype = stored;
  }
  // A head with biases on some projections alone has no key there.
  if (!(parse_config(to_config_json(config), model.spec()) == config)) {
    fail(ErrorCode::unsupported,
         "{}: configuration: expected one that a config.json can say, found another (biases)", model.spec());
  }
  return config;
}

DType dtype_for(const AnyTensorView& view, const std::string& precision) {
  if (precision != "native") {
    return *dtype_named(precision);
  }
  return is_block_format(view.dtype()) ? DType::f32 : view.dtype();
}

/// Parts that share a name (GPT-2's q, k and v) are put together.
std::vector<RewrittenTensor> tensors_for(const Model& model, const ModelConfig& config,
                                         const std::string& precision) {
  const bool permuted = model.config().rotary_layout == RotaryLayout::interleaved;
  std::vector<RewrittenTensor> tensors;
  std::map<std::string, std::size_t> places;
  for (const TensorSpec& spec : tensors_of(config)) {
    const AnyTensorView view = model.tensor(spec.slot, spec.layer);
    const StoredTensor stored = hugging_face_tensor(config, spec);
    const auto [place, is_new] = places.try_emplace(stored.name, tensors.size());
    if (!is_new) {
      tensors[place->second].parts.push_back(view);
      continue;
    }
    RewrittenTensor tensor{.name = stored.name, .parts = {view}, .dtype = dtype_for(view, precision)};
    tensor.transposed = stored.transposed;
    if (permuted && is_rotated(spec.slot)) {
      tensor.order = RowOrder::to_halves;
      tensor.head_dim = config.head_dim;
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void write_text(const Model& model, const std::filesystem::path& folder) {
  const auto text = model.text();
  if (!text) {
    return;
  }
  const TokenizerFacts& facts = text->facts;
  const auto begin = facts.add_bos ? facts.bos : std::nullopt;
  write_file_atomically(folder / "tokenizer.json", write_tokenizer_json(text->tokenizer, begin));
  Json json;
  json["add_bos_token"] = facts.add_bos;
  json["tokenizer_class"] = "PreTrainedTokenizerFast";
  for (const auto& [key, id] : {std::pair{"bos_token", facts.bos}, {"eos_token", facts.eos}}) {
    for (const AddedToken& token : text->tokenizer.added_tokens) {
      if (id && token.id == *id) {
        json[key] = token.content;
      }
    }
  }
  if (!facts.chat_template.empty()) {
    json["chat_template"] = facts.chat_template;
  }
  // A template of a GGUF file may be any bytes.
  const std::string settings = json.dump(2, ' ', false, Json::error_handler_t::replace);
  write_file_atomically(folder / "tokenizer_config.json", settings + "\n");
}

/// Tensors used as they are point into the model; the others are made here and live as long as this.
class Weights {
 public:
  Weights(const Model& model, const std::vector<RewrittenTensor>& tensors, const ConvertOptions& options) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      add(model, tensors[i]);
      options.progress(static_cast<double>(i + 1) / static_cast<double>(tensors.size() + 1));
    }
    writer_.set_metadata("format", "pt");
  }
  void write(const std::filesystem::path& path) const { writer_.write(path); }

 private:
  void add(const Model& model, const RewrittenTensor& tensor) {
    std::vector<std::int64_t> shape = {tensor.n_rows()};
    const AnyTensorView& first = tensor.parts.front();
    if (first.shape().rank() == 2) {
      shape.insert(tensor.transposed ? shape.begin() : shape.end(), tensor.row_extent());
    }
    if (tensor.parts.size() == 1 && first.dtype() == tensor.dtype && tensor.order == RowOrder::kept &&
        !tensor.transposed) {
      writer_.add(tensor.name, tensor.dtype, shape, {first.data(), first.size_bytes()});
      return;
    }
    auto& bytes = made_.emplace_back(tensor.size_bytes());
    rewrite(tensor, bytes, model.spec());
    writer_.add(tensor.name, tensor.dtype, shape, bytes);
  }

  SafetensorsWriter writer_;
  std::vector<std::vector<std::byte>> made_;
};

}  // namespace

void write_hugging_face(const Model& model, const std::filesystem::path& folder,
                        const ConvertOptions& options) {
  const ModelConfig config = folder_config(model, options);
  const Weights weights(model, tensors_for(model, config, options.precision), options);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!std::filesystem::is_directory(folder, error)) {
    fail(ErrorCode::io, "{}: expected a folder or a name for a new one, found neither", folder.string());
  }
  weights.write(folder / "model.safetensors");
  write_text(model, folder);
  write_file_atomically(folder / "config.json", to_config_json(config));
  options.progress(1);
}

}  // namespace reprise::engine
