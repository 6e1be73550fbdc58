#include <algorithm>
#include <map>
#include <optional>

#include "engine/core/error.h"
#include "engine/io/gguf.h"
#include "engine/io/printable.h"
#include "engine/model/convert.h"
#include "engine/model/gguf_model.h"
#include "engine/model/tensor_rows.h"

namespace reprise::engine {
namespace {

/// llama.cpp's number for "most tensors are of this type" (general.file_type), of those that have one.
std::optional<std::uint32_t> file_type_of(DType dtype) {
  constexpr std::pair<DType, std::uint32_t> kNumbers[] = {
      {DType::f32, 0},   {DType::f16, 1},   {DType::int4, 2}, {DType::q4_1, 3},
      {DType::int8, 7},  {DType::q5_0, 8},  {DType::q5_1, 9}, {DType::q4_k, 15},
      {DType::q5_k, 17}, {DType::q6_k, 18}, {DType::bf16, 32}};
  const auto found = std::ranges::find(kNumbers, dtype, &std::pair<DType, std::uint32_t>::first);
  return found == std::end(kNumbers) ? std::nullopt : std::optional(found->second);
}

/// The format that most bytes of matrices are in.
DType commonest(const std::vector<RewrittenTensor>& tensors) {
  std::map<DType, std::size_t> bytes;
  for (const RewrittenTensor& tensor : tensors) {
    if (tensor.parts.front().shape().rank() == 2) {
      bytes[tensor.dtype] += tensor.size_bytes();
    }
  }
  return std::ranges::max_element(bytes, {}, [](const auto& entry) { return entry.second; })->first;
}

void set_metadata(const Model& model, DType precision, GgufWriter& writer) {
  const ModelConfig& c = model.config();
  const std::string prefix = c.architecture + ".";
  const auto set = [&](const char* key, std::int64_t value) {
    writer.set_u32(prefix + key, static_cast<std::uint32_t>(value));
  };
  writer.set_text("general.architecture", c.architecture);
  writer.set_text("general.name", model.name());
  if (const auto type = file_type_of(precision); type) {
    writer.set_u32("general.file_type", *type);
  }
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

/// A file has places for three end tokens: of a text, of a turn, of a message to a tool.
void set_tokenizer(const Model& model, GgufWriter& writer) {
  const ModelConfig& c = model.config();
  if (c.eos_ids.size() > 3) {
    fail(ErrorCode::unsupported, "{}: eos_token_id: expected at most 3 end tokens for a GGUF file, found {}",
         model.spec(), c.eos_ids.size());
  }
  const auto end = [&](std::size_t i) {
    return i < c.eos_ids.size() ? std::optional(c.eos_ids[i]) : std::nullopt;
  };
  if (auto text = model.text(); text) {
    text->facts.bos = c.bos_id;
    text->facts.eos = end(0);
    text->facts.eot = end(1);
    write_tokenizer_gguf(text->tokenizer, text->facts, c.n_vocab, writer);
  } else {
    writer.set_text("tokenizer.ggml.model", "no_vocab");
    for (const auto& [key, id] : {std::pair{"tokenizer.ggml.bos_token_id", c.bos_id},
                                  {"tokenizer.ggml.eos_token_id", end(0)},
                                  {"tokenizer.ggml.eot_token_id", end(1)}}) {
      if (id) {
        writer.set_u32(key, static_cast<std::uint32_t>(*id));
      }
    }
  }
  if (const auto eom = end(2); eom) {
    writer.set_u32("tokenizer.ggml.eom_token_id", static_cast<std::uint32_t>(*eom));
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
  set_metadata(model, commonest(tensors), writer);
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
