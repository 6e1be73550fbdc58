/// The plain loops of the reference kernels, in an anonymous namespace: reference.cpp compiles them for every
/// machine, reference_fma.cpp once more for machines whose processor has the fused multiply-add that std::fma
/// stands for. The results are the same bits; a call to a library for every product would make large tests
/// take minutes.
#pragma once

#include "engine/core/check.h"
#include "engine/kernels/dispatch.h"
#include "engine/kernels/operations.h"
#include "engine/kernels/reference/definitions.h"
#include "engine/kernels/store_blocks.h"

namespace reprise::engine::kernels {
namespace {

void embed(const Embed& op, Slice /*all*/) {
  const std::int64_t d_model = op.out.extent(1);
  for (std::int64_t t = 0; t < op.out.extent(0); ++t) {
    float* out = op.out.row(t);
    with_readable_type(op.table, [&](auto table) {
      const auto row = table.row(op.tokens[static_cast<std::size_t>(t)]);
      for (std::int64_t i = 0; i < d_model; ++i) {
        out[i] = to_f32(row[i]);
      }
    });
    if (!op.positions.empty()) {
      with_readable_type(op.positions, [&](auto positions) {
        const auto row = positions.row(op.first_position + t);
        for (std::int64_t i = 0; i < d_model; ++i) {
          out[i] += to_f32(row[i]);
        }
      });
    }
  }
}

void rms_norm(const RmsNorm& op, Slice /*all*/) {
  const std::int64_t d = op.x.extent(1);
  for (std::int64_t r = 0; r < op.x.extent(0); ++r) {
    const float* x = op.x.row(r);
    float* out = op.out.row(r);
    const float mean_square = chain_dot(x, x, d) / static_cast<float>(d);
    const float scale = 1.0F / __builtin_sqrtf(mean_square + op.eps);
    for (std::int64_t i = 0; i < d; ++i) {
      out[i] = x[i] * scale;
      if (!op.weight.empty()) {
        out[i] *= op.weight.data()[i];
      }
    }
  }
}

void layer_norm(const LayerNorm& op, Slice /*all*/) {
  const std::int64_t d = op.x.extent(1);
  for (std::int64_t r = 0; r < op.x.extent(0); ++r) {
    const float* x = op.x.row(r);
    float* out = op.out.row(r);
    ChainSum sum;
    for (std::int64_t i = 0; i < d; ++i) {
      sum.add_product(i, x[i], 1.0F);
    }
    const float mean = sum.fold(d) / static_cast<float>(d);
    ChainSum squares;
    for (std::int64_t i = 0; i < d; ++i) {
      const float centred = x[i] - mean;
      squares.add_product(i, centred, centred);
    }
    const float scale = 1.0F / __builtin_sqrtf(squares.fold(d) / static_cast<float>(d) + op.eps);
    for (std::int64_t i = 0; i < d; ++i) {
      out[i] = __builtin_fmaf((x[i] - mean) * scale, op.weight.data()[i], op.bias.data()[i]);
    }
  }
}

void quantize(const Quantize& op, Slice /*all*/) {
  for (std::int64_t block = 0; block < op.out.scales.count(); ++block) {
    op.out.scales.data()[block] =
        quantize_activations(op.out.values.data() + block * kBlock, op.x.data() + block * kBlock);
  }
}

/// One output before bias and residual.
template <class T>
float product(const TensorView<const T>& weight, const Linear& op, std::int64_t o, std::int64_t t) {
  return chain_dot(weight.row(o), op.x.row(t), op.x.extent(1));
}
template <class Block>
float product(const BlockView<Block>& weight, const Linear& op, std::int64_t o, std::int64_t t) {
  const std::int8_t* x = op.x_blocks.values.row(t);
  const float* scales = op.x_blocks.scales.row(t);
  float sum = 0;
  for (std::int64_t b = 0; b < op.x_blocks.scales.extent(1); ++b) {
    const BlockCursor<Block> block = weight.row(o) + b * kBlock;
    const float scale = to_f32(block.block().scale) * scales[b];
    sum = __builtin_fmaf(static_cast<float>(block_dot(block, x + b * kBlock)), scale, sum);
  }
  return sum;
}

void linear(const Linear& op, Slice /*all*/) {
  const std::int64_t n_out = op.weight.extent(0);
  with_readable_type(op.weight, [&](auto weight) {
    for (std::int64_t t = 0; t < op.x.extent(0); ++t) {
      for (std::int64_t o = 0; o < n_out; ++o) {
        float y = product(weight, op, o, t);
        if (!op.bias.empty()) {
          y += op.bias.data()[o];
        }
        if (!op.residual.empty()) {
          y = op.residual.row(t)[o] + y;
        }
        op.out.row(t)[o] = y;
      }
    }
  });
}

void rope(const Rope& op, Slice /*all*/) {
  const std::int64_t n_heads = op.x.extent(1);
  const std::int64_t head_dim = op.x.extent(2);
  const std::int64_t half = head_dim / 2;
  for (std::int64_t t = 0; t < op.x.extent(0); ++t) {
    const float* cosine = op.cosine.row(op.first_position + t);
    const float* sine = op.sine.row(op.first_position + t);
    for (std::int64_t h = 0; h < n_heads; ++h) {
      float* x = op.x.row(t) + h * head_dim;
      for (std::int64_t i = 0; i < half; ++i) {
        const bool split = op.layout == RotaryLayout::half;
        float& first = split ? x[i] : x[2 * i];
        float& second = split ? x[i + half] : x[2 * i + 1];
        const float a = first;
        const float b = second;
        first = __builtin_fmaf(a, cosine[i], -(b * sine[i]));
        second = __builtin_fmaf(b, cosine[i], a * sine[i]);
      }
    }
  }
}

void store_kv(const StoreKv& op, Slice /*all*/) {
  const std::int64_t n_kv_heads = op.keys.extent(1);
  const std::int64_t head_dim = op.keys.extent(2);
  if (op.key_cache.dtype() == DType::int8) {
    store_blocks(op, {0, op.keys.extent(0) * n_kv_heads});
    return;
  }
  const auto store = [&](const MutableAnyTensorView& cache, const TensorView<const float>& rows) {
    with_element_type(cache, [&](auto typed) {
      using Element = std::remove_cvref_t<decltype(*typed.data())>;
      for (std::int64_t t = 0; t < rows.extent(0); ++t) {
        for (std::int64_t h = 0; h < n_kv_heads; ++h) {
          Element* out = typed.row(h) + (op.first_position + t) * head_dim;
          const float* in = rows.row(t) + h * head_dim;
          for (std::int64_t i = 0; i < head_dim; ++i) {
            out[i] = from_f32<Element>(in[i]);
          }
        }
      }
    });
  };
  store(op.key_cache, op.keys);
  store(op.value_cache, op.values);
}

/// One query head over positions [0, n_seen) of one key-value head.
template <class Rows>
void attend(float* out, const float* query, Rows keys, Rows values, float* score, std::int64_t n_seen,
            std::int64_t head_dim, float scale) {
  for (std::int64_t s = 0; s < n_seen; ++s) {
    score[s] = chain_dot(keys + s * head_dim, query, head_dim) * scale;
  }
  float highest = score[0];
  for (std::int64_t s = 1; s < n_seen; ++s) {
    highest = score[s] > highest ? score[s] : highest;
  }
  ChainSum sum;
  for (std::int64_t s = 0; s < n_seen; ++s) {
    score[s] = exp_f32(score[s] - highest);
    sum.add_product(s, score[s], 1.0F);
  }
  const float inverse = 1.0F / sum.fold(n_seen);
  for (std::int64_t i = 0; i < head_dim; ++i) {
    float weighted = 0;
    for (std::int64_t s = 0; s < n_seen; ++s) {
      weighted = __builtin_fmaf(score[s], to_f32(values[s * head_dim + i]), weighted);
    }
    out[i] = weighted * inverse;
  }
}

void attention(const Attention& op, Slice all) {
  const std::int64_t n_heads = op.queries.extent(1);
  const std::int64_t head_dim = op.queries.extent(2);
  const std::int64_t group = n_heads / op.key_cache.extent(0);
  with_readable_type(op.key_cache, [&](auto key_cache) {
    const auto value_cache = view_like(key_cache, op.value_cache);
    for (std::int64_t t = 0; t < op.queries.extent(0); ++t) {
      for (std::int64_t h = 0; h < n_heads; ++h) {
        attend(op.out.row(t) + h * head_dim, op.queries.row(t) + h * head_dim, key_cache.row(h / group),
               value_cache.row(h / group), reinterpret_cast<float*>(all.workspace), op.first_position + t + 1,
               head_dim, op.scale);
      }
    }
  });
}

void swiglu(const SwiGlu& op, Slice /*all*/) {
  for (std::int64_t i = 0; i < op.gate.count(); ++i) {
    op.out.data()[i] = silu(op.gate.data()[i]) * op.up.data()[i];
  }
}

void gelu(const Gelu& op, Slice /*all*/) {
  for (std::int64_t i = 0; i < op.x.count(); ++i) {
    op.out.data()[i] = gelu_tanh(op.x.data()[i]);
  }
}

void relu(const Relu& op, Slice /*all*/) {
  for (std::int64_t i = 0; i < op.x.count(); ++i) {
    op.out.data()[i] = positive_part(op.x.data()[i]);
  }
}

void exp_differences_loop(float* out, const float* x, std::int64_t n, float highest, float temperature) {
  for (std::int64_t i = 0; i < n; ++i) {
    out[i] = exp_f32((x[i] - highest) / temperature);
  }
}

std::size_t no_workspace(const Linear& /*op*/) {
  return 0;
}

/// The scores of one head.
std::size_t attention_workspace(const Attention& op) {
  return static_cast<std::size_t>(op.first_position + op.queries.extent(0)) * sizeof(float);
}

constexpr KernelTable kLoops = {.isa = "scalar",
                                .embed = embed,
                                .rms_norm = rms_norm,
                                .layer_norm = layer_norm,
                                .quantize = quantize,
                                .linear = linear,
                                .linear_blocks = linear,
                                .rope = rope,
                                .store_kv = store_kv,
                                .attention = attention,
                                .swiglu = swiglu,
                                .gelu = gelu,
                                .relu = relu,
                                .linear_workspace = no_workspace,
                                .linear_blocks_workspace = no_workspace,
                                .attention_workspace = attention_workspace};

}  // namespace
}  // namespace reprise::engine::kernels
