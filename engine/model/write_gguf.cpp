#include <map>

#include "engine/core/error.h"
#include "engine/io/gguf.h"
#include "engine/io/printable.h"
#include "engine/model/convert.h"
#include "engine/model/gguf_model.h"
#include "engine/model/tensor_rows.h"

namespace reprise::engine {
namespace {

/// llama.cpp's number for "most tensors are of this type" (general.file_type).
std::uint32_t file_type_of(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return 1;
    case DType::int4:
      return 2;
    case DType::int8:
      return 7;
    case DType::bf16:
      return 32;
    default:
      return 0;
  }
}

void set_metadata(const Model& model, DType precision, GgufWriter& writer) {
  const ModelConfig& c = model.config();
  const std::string prefix = c.architecture + ".";
  const auto set = [&](const char* key, std::int64_t value) {
    writer.set_u32(prefix + key, static_cast<std::uint32_t>(value));
  };
  writer.set_text("general.architecture", c.architecture);
  writer.set_text("general.name", model.name());
  writer.set_u32("general.file_type", file_type_of(precision));
  set("vocab_size", c.n_vocab);  // llama.cpp asks for it where there is no tokenizer
  set("context_length", c.n_context);
  set("embedding_length", c.d_model);
  set("block_count", c.n_layers);
  set("feed_forward_length", c.d_ff);
  set("attention.head_count", c.n_heads);
  set("attention.head_count_kv", c.n_kv_heads);
  if (c.norm == NormKind::layer) {
    writer.set_f32(prefix + "attention.layer_norm_epsilon", c.norm_eps);
  } else {
    writer.set_f32(prefix + "attention.layer_norm_rms_epsilon", c.norm_eps);
  }
  if (c.rotary) {
    set("attention.key_length", c.head_dim);
    set("attention.value_length", c.head_dim);
    set("rope.dimension_count", c.head_dim);
    writer.set_f32(prefix + "rope.freq_base", static_cast<float>(c.rope_theta));
  }
}

void set_tokenizer(const Model& model, GgufWriter& writer) {
  const ModelConfig& c = model.config();
  if (const auto text = model.text(); text) {
    write_tokenizer_gguf(text->tokenizer, text->facts, c.n_vocab, writer);
    return;
  }
  writer.set_text("tokenizer.ggml.model", "no_vocab");
  if (c.bos_id) {
    writer.set_u32("tokenizer.ggml.bos_token_id", static_cast<std::uint32_t>(*c.bos_id));
  }
  if (!c.eos_ids.empty()) {
    writer.set_u32("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(c.eos_ids.front()));
  }
}

/// The tensors of the file, in the order of the forward pass; parts that share a name are put together.
std::vector<RewrittenTensor> tensors_for(const Model& model, const std::string& precision) {
  const ModelConfig& config = model.config();
  const bool permuted = config.architecture == "llama" && config.rotary_layout == RotaryLayout::half;
  std::vector<RewrittenTensor> tensors;
  std::map<std::string, std::size_t> places;
  for (const TensorSpec& spec : tensors_of(config)) {
    const AnyTensorView view = model.tensor(spec.slot, spec.layer);
    const std::string name = gguf_tensor(config, spec).name;
    const auto [place, is_new] = places.try_emplace(name, tensors.size());
    if (!is_new) {
      tensors[place->second].parts.push_back(view);
      continue;
    }
    RewrittenTensor tensor{.name = name, .parts = {view}};
    if (spec.shape.rank() == 2) {
      tensor.dtype = precision == "native" ? view.dtype() : *dtype_named(precision);
    }
    if (permuted && is_rotated(spec.slot)) {
      tensor.order = RowOrder::to_interleaved;
      tensor.head_dim = config.head_dim;
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

void write_gguf(const Model& model, const std::filesystem::path& path, const ConvertOptions& options) {
  const ModelConfig& config = model.config();
  if (config.architecture == "microgpt") {
    fail(ErrorCode::unsupported,
         "{}: architecture: expected one of qwen3, qwen2, llama, gpt2 for a GGUF file, found {}",
         model.spec(), config.architecture);
  }
  const std::vector<RewrittenTensor> tensors = tensors_for(model, options.precision);
  GgufWriter writer;
  set_metadata(model, tensors.front().dtype, writer);
  set_tokenizer(model, writer);
  const std::vector<float> factors = rope_factors_of(config);
  if (!factors.empty()) {
    writer.add("rope_freqs.weight", DType::f32, {std::ssize(factors)}, std::as_bytes(std::span(factors)));
  }
  std::size_t n_written = 0;
  for (const RewrittenTensor& tensor : tensors) {
    std::vector<std::int64_t> shape = {tensor.n_rows()};
    if (tensor.parts.front().shape().rank() == 2) {
      shape.push_back(tensor.row_extent());
    }
    // Asked here: a file is not begun that cannot be ended.
    if (shape.size() == 2 && shape[1] % block_extent(tensor.dtype) != 0) {
      fail(ErrorCode::invalid_argument,
           "{}: {}: precision: expected f32, f16 or bf16 for rows of {} elements, found {}", model.spec(),
           tensor.name, shape[1], name_of(tensor.dtype));
    }
    writer.add(tensor.name, tensor.dtype, shape, [&](std::span<std::byte> out) {
      rewrite(tensor, out, model.spec());
      options.progress(static_cast<double>(++n_written) / static_cast<double>(tensors.size()));
    });
  }
  writer.write(path);
}

}  // namespace reprise::engine
