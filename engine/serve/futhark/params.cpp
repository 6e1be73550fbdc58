#include "engine/serve/futhark/params.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "engine/core/block_formats.h"
#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/model/limits.h"
#include "engine/serve/futhark/client_model.h"

namespace reprise::engine::futhark {
namespace {

enum class Layout : std::uint8_t {
  vector,      ///< the engine's
  same,        ///< a matrix in the engine's orientation
  transposed,  ///< [in, out]
  heads,       ///< [heads, in, head_dim]
};

struct FieldLayout {
  std::string_view name;
  Slot slot;
  Layout layout;
  std::size_t rank;
  bool in_layers = true;
};

constexpr std::array<FieldLayout, kParamsFields> kFields = {{
    {"attn_k", Slot::k, Layout::heads, 4},
    {"attn_norm", Slot::attention_norm, Layout::vector, 2},
    {"attn_output", Slot::o, Layout::transposed, 3},
    {"attn_q", Slot::q, Layout::heads, 4},
    {"attn_v", Slot::v, Layout::heads, 4},
    {"ffn_down", Slot::down, Layout::transposed, 3},
    {"ffn_gate", Slot::gate, Layout::transposed, 3},
    {"ffn_norm", Slot::ffn_norm, Layout::vector, 2},
    {"ffn_up", Slot::up, Layout::transposed, 3},
    {"k_norm", Slot::k_norm, Layout::vector, 2},
    {"output", Slot::head, Layout::transposed, 2, false},
    {"output_norm", Slot::final_norm, Layout::vector, 1, false},
    {"q_norm", Slot::q_norm, Layout::vector, 2},
    {"token_embd", Slot::token_embedding, Layout::same, 2, false},
}};
constexpr std::size_t kAttnK = 0;
constexpr std::size_t kAttnQ = 3;
constexpr std::size_t kFfnGate = 6;
constexpr std::size_t kOutput = 10;
constexpr std::size_t kTokenEmbd = 13;

bool is_turned(std::size_t index) {
  return kFields[index].layout == Layout::transposed || kFields[index].layout == Layout::heads;
}

/// Extents from 1 to what no model of today's exceeds.
void check_extents(std::string_view field, const Extents& extents) {
  for (const std::int64_t extent : extents) {
    if (extent < 1 || extent > kMaxExtent) {
      fail(ErrorCode::mismatch, "Params: {}: expected extents from 1 to {}, found {}", field, kMaxExtent,
           to_text(extents));
    }
  }
}

void check_model(const Model& model) {
  const ModelConfig& c = model.config();
  if (c.architecture != "qwen3" || c.qkv_bias || c.o_bias || c.ffn_bias || c.rope_scaling ||
      !c.rope_factors.empty() || c.rotary_layout != RotaryLayout::half || c.norm_eps != 1e-6F) {
    fail(ErrorCode::unsupported,
         "{}: model: expected Qwen3 without biases and stretched positions, as Params can say, found {}",
         model.spec(), c.architecture);
  }
}

/// The engine's tensor with elements of `dtype`; in `made` unless it has them already.
const std::byte* in_dtype(const AnyTensorView& tensor, DType dtype, std::vector<std::byte>& made) {
  if (tensor.dtype() == dtype) {
    return tensor.data();
  }
  std::vector<float> widened(static_cast<std::size_t>(tensor.shape().count()));
  dequantize(tensor.dtype(), tensor.data(), widened);
  made.resize(widened.size() * size_of(dtype));
  quantize(dtype, widened, made.data());  // rounds; an element too large for f16 becomes an infinity
  return made.data();
}

}  // namespace

std::shared_ptr<const RecordType> params_type(DType matrices) {
  RecordType type{"Params", {}};
  for (const FieldLayout& field : kFields) {
    const DType element = field.layout == Layout::vector ? DType::f32 : matrices;
    type.fields.push_back({std::string(field.name), name_of(ArrayType{element, field.rank})});
  }
  return std::make_shared<const RecordType>(std::move(type));
}

Params::Params(std::shared_ptr<const RecordType> type, std::vector<Value> fields, std::int64_t n_context)
    : Record(std::move(type)) {
  REPRISE_CHECK(fields.size() == kParamsFields);
  for (std::size_t i = 0; i < kParamsFields; ++i) {
    fields_[i] = std::get<Array>(std::move(fields[i]));
    check_extents(kFields[i].name, fields_[i]->extents());
  }
  check_shapes(n_context);
}

Params::Params(std::shared_ptr<const RecordType> type, std::shared_ptr<const Model> model)
    : Record(std::move(type)), model_(std::move(model)) {
  check_model(*model_);
}

void Params::check_shapes(std::int64_t n_context) {
  const Extents& q = fields_[kAttnQ]->extents();
  ModelConfig& c = config_;
  c.architecture = "qwen3";
  c.qk_norm = true;
  c.rope_theta = 1e6;  // as init's cos and sin
  c.n_context = n_context;
  c.stored_dtype = fields_[kTokenEmbd]->type().element;
  c.n_layers = q[0];
  c.n_heads = q[1];
  c.d_model = q[2];
  c.head_dim = q[3];
  c.n_kv_heads = fields_[kAttnK]->extents()[1];
  c.d_ff = fields_[kFfnGate]->extents()[2];
  c.n_vocab = fields_[kTokenEmbd]->extents()[0];
  for (std::size_t i = 0; i < kParamsFields; ++i) {
    if (fields_[i]->extents() != extents_of(i)) {
      fail(ErrorCode::mismatch,
           "Params: {}: expected {} by attn_q, attn_k, ffn_gate and token_embd, found {}", kFields[i].name,
           to_text(extents_of(i)), to_text(fields_[i]->extents()));
    }
  }
  if (c.n_layers > kMaxLayers || c.n_heads % c.n_kv_heads != 0 || c.head_dim % 2 != 0) {
    fail(ErrorCode::mismatch,
         "Params: attn_q: expected at most {} layers, heads that are a multiple of attn_k's {} and have an "
         "even "
         "size, found {}",
         kMaxLayers, c.n_kv_heads, to_text(q));
  }
}

Extents Params::extents_of(std::size_t index) const {
  const ModelConfig& c = config();
  switch (kFields[index].slot) {
    case Slot::q:
      return {c.n_layers, c.n_heads, c.d_model, c.head_dim};
    case Slot::k:
    case Slot::v:
      return {c.n_layers, c.n_kv_heads, c.d_model, c.head_dim};
    case Slot::o:
      return {c.n_layers, c.n_heads * c.head_dim, c.d_model};
    case Slot::gate:
    case Slot::up:
      return {c.n_layers, c.d_model, c.d_ff};
    case Slot::down:
      return {c.n_layers, c.d_ff, c.d_model};
    case Slot::attention_norm:
    case Slot::ffn_norm:
      return {c.n_layers, c.d_model};
    case Slot::q_norm:
    case Slot::k_norm:
      return {c.n_layers, c.head_dim};
    case Slot::final_norm:
      return {c.d_model};
    case Slot::head:
      return {c.d_model, c.n_vocab};
    default:
      return {c.n_vocab, c.d_model};
  }
}

ArrayType Params::type_of(std::size_t index) const {
  return *array_type_named(type().fields[index].type);
}

/// As the client has them: the last two dimensions are a matrix.
MatrixBatch Params::batch_of(std::size_t index) const {
  const Extents extents = extents_of(index);
  MatrixBatch batch{1, extents[extents.size() - 2], extents.back(), size_of(type_of(index).element)};
  for (std::size_t i = 0; i + 2 < extents.size(); ++i) {
    batch.n_matrices *= extents[i];
  }
  return batch;
}

Value Params::field(std::size_t index) const {
  return fields_.at(index) ? *fields_[index] : laid_out(index);
}

Array Params::laid_out(std::size_t index) const {
  const std::shared_ptr<const Model> engine_model = model();
  const FieldLayout& field = kFields[index];
  const ArrayType type = type_of(index);
  const std::int64_t n_layers = field.in_layers ? config().n_layers : 1;
  Extents extents = extents_of(index);
  const std::size_t size = static_cast<std::size_t>(*count_of(extents, type.element)) * size_of(type.element);
  const std::size_t layer_size = size / static_cast<std::size_t>(n_layers);
  SharedBytes bytes = SharedBytes::filled(size, [&](std::span<std::byte> out) {
    for (int layer = 0; layer < n_layers; ++layer) {
      const Slot slot = field.slot == Slot::head && config().tied_head ? Slot::token_embedding : field.slot;
      std::vector<std::byte> made;
      const std::byte* from =
          in_dtype(engine_model->tensor(slot, field.in_layers ? layer : kNoLayer), type.element, made);
      const auto to = out.subspan(static_cast<std::size_t>(layer) * layer_size, layer_size);
      if (!is_turned(index)) {
        std::memcpy(to.data(), from, layer_size);
        continue;
      }
      MatrixBatch batch = batch_of(index).turned();
      batch.n_matrices /= n_layers;
      transpose(to, from, batch);
    }
  });
  return {type.element, std::move(extents), std::move(bytes)};
}

std::shared_ptr<const Model> Params::model() const {
  if (model_ == nullptr) {
    build();
  }
  return model_;
}

std::shared_ptr<const Weights> Params::weights(Backend& backend) const {
  if (weights_ == nullptr) {
    weights_ =
        std::make_shared<const Weights>(place_weights(model(), backend, backend.placement().precision));
  }
  return weights_;
}

void Params::build() const {
  std::array<SharedBytes, kParamsFields>& memory = engine_bytes_;
  for (std::size_t i = 0; i < kParamsFields; ++i) {
    if (!fields_[i]) {
      continue;  // turned before memory ran out in an earlier attempt
    }
    const Array& array = *fields_[i];
    if (!is_turned(i)) {
      memory[i] = array.shared();
      continue;
    }
    memory[i] = SharedBytes::filled(array.bytes().size(), [&](std::span<std::byte> out) {
      transpose(out, array.bytes().data(), batch_of(i));
    });
    fields_[i].reset();
  }
  config_.tied_head = std::ranges::equal(memory[kOutput].span(), memory[kTokenEmbd].span());
  if (config_.tied_head) {
    memory[kOutput] = {};
  }
  std::vector<ClientModel::Part> parts;
  for (const TensorSpec& spec : tensors_of(config_)) {
    const auto field = std::ranges::find(kFields, spec.slot, &FieldLayout::slot);
    const auto index = static_cast<std::size_t>(field - kFields.begin());
    const DType dtype = type_of(index).element;
    const std::size_t size = bytes_of(dtype, spec.shape.count());
    const std::size_t offset = field->in_layers ? static_cast<std::size_t>(spec.layer) * size : 0;
    parts.push_back({spec.slot, spec.layer, {dtype, memory[index].span().data() + offset, spec.shape}});
  }
  model_ = std::make_shared<ClientModel>(config_, parts, std::vector(memory.begin(), memory.end()));
  memory = {};
}

std::optional<std::size_t> Params::first_difference(const Params& other) const {
  for (std::size_t i = 0; i < kParamsFields; ++i) {
    const Value ours = field(i);
    const Value theirs = other.field(i);
    const Array& a = std::get<Array>(ours);
    const Array& b = std::get<Array>(theirs);
    if (a.extents() != b.extents() || !std::ranges::equal(a.bytes(), b.bytes())) {
      return i;
    }
  }
  return std::nullopt;
}

}  // namespace reprise::engine::futhark
