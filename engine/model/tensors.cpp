#include "engine/model/tensors.h"

#include <fmt/format.h>

#include <array>

#include "engine/core/check.h"

namespace reprise::engine {
namespace {

struct SlotNames {
  std::string_view slot;
  std::string_view llama;     ///< after "model.layers.N." inside a block
  std::string_view gpt2;      ///< after "h.N." inside a block
  std::string_view microgpt;  ///< after "layerN." inside a block
  std::string_view gguf;      ///< after "blk.N." inside a block
};

/// In the order of the enumeration. An empty name: the architecture has no such tensor.
constexpr std::array<SlotNames, 24> kNames = {{
    {"token_embedding", "model.embed_tokens.weight", "wte.weight", "wte", "token_embd.weight"},
    {"position_embedding", "", "wpe.weight", "wpe", "position_embd.weight"},
    {"final_norm", "model.norm.weight", "ln_f.weight", "", "output_norm.weight"},
    {"final_norm_bias", "", "ln_f.bias", "", "output_norm.bias"},
    {"head", "lm_head.weight", "lm_head.weight", "lm_head", "output.weight"},
    {"attention_norm", "input_layernorm.weight", "ln_1.weight", "", "attn_norm.weight"},
    {"attention_norm_bias", "", "ln_1.bias", "", "attn_norm.bias"},
    {"q", "self_attn.q_proj.weight", "attn.c_attn.weight", "attn_wq", "attn_q.weight"},
    {"k", "self_attn.k_proj.weight", "attn.c_attn.weight", "attn_wk", "attn_k.weight"},
    {"v", "self_attn.v_proj.weight", "attn.c_attn.weight", "attn_wv", "attn_v.weight"},
    {"q_bias", "self_attn.q_proj.bias", "attn.c_attn.bias", "", "attn_q.bias"},
    {"k_bias", "self_attn.k_proj.bias", "attn.c_attn.bias", "", "attn_k.bias"},
    {"v_bias", "self_attn.v_proj.bias", "attn.c_attn.bias", "", "attn_v.bias"},
    {"q_norm", "self_attn.q_norm.weight", "", "", "attn_q_norm.weight"},
    {"k_norm", "self_attn.k_norm.weight", "", "", "attn_k_norm.weight"},
    {"o", "self_attn.o_proj.weight", "attn.c_proj.weight", "attn_wo", "attn_output.weight"},
    {"o_bias", "self_attn.o_proj.bias", "attn.c_proj.bias", "", "attn_output.bias"},
    {"ffn_norm", "post_attention_layernorm.weight", "ln_2.weight", "", "ffn_norm.weight"},
    {"ffn_norm_bias", "", "ln_2.bias", "", "ffn_norm.bias"},
    {"gate", "mlp.gate_proj.weight", "", "", "ffn_gate.weight"},
    {"up", "mlp.up_proj.weight", "mlp.c_fc.weight", "mlp_fc1", "ffn_up.weight"},
    {"up_bias", "", "mlp.c_fc.bias", "", "ffn_up.bias"},
    {"down", "mlp.down_proj.weight", "mlp.c_proj.weight", "mlp_fc2", "ffn_down.weight"},
    {"down_bias", "", "mlp.c_proj.bias", "", "ffn_down.bias"},
}};
static_assert(static_cast<std::size_t>(Slot::down_bias) + 1 == kNames.size());

const SlotNames& names(Slot slot) {
  return kNames[static_cast<std::size_t>(slot)];
}

void append_block(const ModelConfig& c, int layer, std::vector<TensorSpec>& tensors) {
  const std::int64_t d_q = c.n_heads * c.head_dim;
  const std::int64_t d_kv = c.n_kv_heads * c.head_dim;
  const auto add = [&](bool present, Slot slot, Shape shape) {
    if (present) {
      tensors.push_back({slot, layer, shape});
    }
  };
  const bool norm_bias = c.norm == NormKind::layer;
  add(c.norm_gain, Slot::attention_norm, {c.d_model});
  add(norm_bias, Slot::attention_norm_bias, {c.d_model});
  add(true, Slot::q, {d_q, c.d_model});
  add(true, Slot::k, {d_kv, c.d_model});
  add(true, Slot::v, {d_kv, c.d_model});
  add(c.qkv_bias, Slot::q_bias, {d_q});
  add(c.qkv_bias, Slot::k_bias, {d_kv});
  add(c.qkv_bias, Slot::v_bias, {d_kv});
  add(c.qk_norm, Slot::q_norm, {c.head_dim});
  add(c.qk_norm, Slot::k_norm, {c.head_dim});
  add(true, Slot::o, {c.d_model, d_q});
  add(c.o_bias, Slot::o_bias, {c.d_model});
  add(c.norm_gain, Slot::ffn_norm, {c.d_model});
  add(norm_bias, Slot::ffn_norm_bias, {c.d_model});
  add(c.feed_forward == FeedForward::swiglu, Slot::gate, {c.d_ff, c.d_model});
  add(true, Slot::up, {c.d_ff, c.d_model});
  add(c.ffn_bias, Slot::up_bias, {c.d_ff});
  add(true, Slot::down, {c.d_model, c.d_ff});
  add(c.ffn_bias, Slot::down_bias, {c.d_model});
}

/// Where q, k and v are one tensor of 3 d_model rows, as GPT-2 has them.
void place_in_qkv(const ModelConfig& config, Slot slot, StoredTensor& stored) {
  switch (slot) {
    case Slot::q:
    case Slot::q_bias:
      stored.n_rows_stored = 3 * config.d_model;
      break;
    case Slot::k:
    case Slot::k_bias:
      stored.first_row = config.d_model;
      stored.n_rows_stored = 3 * config.d_model;
      break;
    case Slot::v:
    case Slot::v_bias:
      stored.first_row = 2 * config.d_model;
      stored.n_rows_stored = 3 * config.d_model;
      break;
    default:
      break;
  }
}

/// GPT-2 keeps q, k and v in one tensor, and every matrix of a block as [in, out].
StoredTensor gpt2_tensor(const ModelConfig& config, const TensorSpec& tensor, std::string name) {
  StoredTensor stored{std::move(name), false, 0, tensor.shape[0]};
  stored.transposed = tensor.layer != kNoLayer && tensor.shape.rank() == 2;
  place_in_qkv(config, tensor.slot, stored);
  return stored;
}

bool is_qkv(Slot slot) {
  return slot >= Slot::q && slot <= Slot::v_bias;
}

}  // namespace

std::string_view name_of(Slot slot) {
  return names(slot).slot;
}

bool is_rotated(Slot slot) {
  return slot == Slot::q || slot == Slot::k || slot == Slot::q_bias || slot == Slot::k_bias;
}

std::vector<TensorSpec> tensors_of(const ModelConfig& c) {
  std::vector<TensorSpec> tensors = {{Slot::token_embedding, kNoLayer, {c.n_vocab, c.d_model}}};
  if (c.learned_positions) {
    tensors.push_back({Slot::position_embedding, kNoLayer, {c.n_context, c.d_model}});
  }
  for (int layer = 0; layer < c.n_layers; ++layer) {
    append_block(c, layer, tensors);
  }
  if (c.final_norm && c.norm_gain) {
    tensors.push_back({Slot::final_norm, kNoLayer, {c.d_model}});
  }
  if (c.final_norm && c.norm == NormKind::layer) {
    tensors.push_back({Slot::final_norm_bias, kNoLayer, {c.d_model}});
  }
  if (!c.tied_head) {
    tensors.push_back({Slot::head, kNoLayer, {c.n_vocab, c.d_model}});
  }
  return tensors;
}

StoredTensor hugging_face_tensor(const ModelConfig& config, const TensorSpec& tensor) {
  const SlotNames& name = names(tensor.slot);
  const bool in_block = tensor.layer != kNoLayer;
  if (config.architecture == "gpt2") {
    return gpt2_tensor(config, tensor,
                       in_block ? fmt::format("h.{}.{}", tensor.layer, name.gpt2) : std::string(name.gpt2));
  }
  StoredTensor stored{"", false, 0, tensor.shape[0]};
  if (config.architecture == "microgpt") {
    stored.name =
        in_block ? fmt::format("layer{}.{}", tensor.layer, name.microgpt) : std::string(name.microgpt);
  } else {
    stored.name =
        in_block ? fmt::format("model.layers.{}.{}", tensor.layer, name.llama) : std::string(name.llama);
  }
  return stored;
}

StoredTensor gguf_tensor(const ModelConfig& config, const TensorSpec& tensor) {
  std::string name(names(tensor.slot).gguf);
  const bool fused = config.architecture == "gpt2" && is_qkv(tensor.slot);
  if (fused) {
    name = tensor.shape.rank() == 2 ? "attn_qkv.weight" : "attn_qkv.bias";
  }
  if (tensor.layer != kNoLayer) {
    name = fmt::format("blk.{}.{}", tensor.layer, name);
  }
  StoredTensor stored{std::move(name), false, 0, tensor.shape[0]};
  if (fused) {
    place_in_qkv(config, tensor.slot, stored);
  }
  return stored;
}

}  // namespace reprise::engine
