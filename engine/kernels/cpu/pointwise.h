/// Embedding, norms, rotary positions, cache stores and activations over lanes V.
#pragma once

#include "engine/kernels/cpu/lanes.h"
#include "engine/kernels/dispatch.h"
#include "engine/kernels/reference/definitions.h"
#include "engine/kernels/store_blocks.h"

namespace reprise::engine::kernels {

template <class V>
void embed(const Embed& op, Slice slice) {
  const std::int64_t d_model = op.out.extent(1);
  const Range rows = share_of(op.out.extent(0), slice, 1);
  for (std::int64_t t = rows.begin; t < rows.end; ++t) {
    float* out = op.out.row(t);
    with_readable_type(op.table, [&](auto table) {
      map<V>(
          out, d_model, [](V x) __attribute__((always_inline)) { return x; }, table.row(op.tokens.data()[t]));
    });
    if (!op.positions.empty()) {
      with_readable_type(op.positions, [&](auto positions) {
        const auto add = [](V x, V y) __attribute__((always_inline)) {
          return x + y;
        };
        map<V>(out, d_model, add, static_cast<const float*>(out), positions.row(op.first_position + t));
      });
    }
  }
}

/// sum_i f(x[i])^2 with the padding lanes +0, for f that maps lanes to lanes.
template <class V, class F>
REPRISE_INLINE float sum_of_squares(const float* x, std::int64_t n, F&& f) {
  V sum = V::broadcast(0.0F);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V y = f(V::load(x + i));
    sum = V::fma(y, y, sum);
  }
  if (i < n) {
    alignas(64) float tail[kLanes];
    f(load_part<V>(x + i, n - i)).store(tail);
    const V y = load_part<V>(tail, n - i);
    sum = V::fma(y, y, sum);
  }
  return sum.fold();
}

template <class V>
void rms_norm(const RmsNorm& op, Slice slice) {
  const std::int64_t d = op.x.extent(1);
  const Range rows = share_of(op.x.extent(0), slice, 1);
  const auto same = [](V x) __attribute__((always_inline)) {
    return x;
  };
  for (std::int64_t r = rows.begin; r < rows.end; ++r) {
    const float* x = op.x.row(r);
    const float mean_square = sum_of_squares<V>(x, d, same) / static_cast<float>(d);
    const V scale = V::broadcast(1.0F / __builtin_sqrtf(mean_square + op.eps));
    if (op.weight.empty()) {
      map<V>(
          op.out.row(r), d, [&](V v) __attribute__((always_inline)) { return v * scale; }, x);
    } else {
      const auto scaled = [&](V v, V w) __attribute__((always_inline)) {
        return v * scale * w;
      };
      map<V>(op.out.row(r), d, scaled, x, op.weight.data());
    }
  }
}

template <class V>
void layer_norm(const LayerNorm& op, Slice slice) {
  const std::int64_t d = op.x.extent(1);
  const Range rows = share_of(op.x.extent(0), slice, 1);
  for (std::int64_t r = rows.begin; r < rows.end; ++r) {
    const float* x = op.x.row(r);
    V total = V::broadcast(0.0F);
    std::int64_t i = 0;
    for (; i + kLanes <= d; i += kLanes) {
      total = total + V::load(x + i);
    }
    if (i < d) {
      total = total + load_part<V>(x + i, d - i);
    }
    const V mean = V::broadcast(total.fold() / static_cast<float>(d));
    const auto centred = [&](V v) __attribute__((always_inline)) {
      return v - mean;
    };
    const float variance = sum_of_squares<V>(x, d, centred) / static_cast<float>(d);
    const V scale = V::broadcast(1.0F / __builtin_sqrtf(variance + op.eps));
    const auto finish = [&](V v, V w, V b) __attribute__((always_inline)) {
      return V::fma((v - mean) * scale, w, b);
    };
    map<V>(op.out.row(r), d, finish, x, op.weight.data(), op.bias.data());
  }
}

/// One head with pairs (i, i + half), 16 pairs at a time.
template <class V>
REPRISE_INLINE void rotate_halves(float* x, const float* cosine, const float* sine, std::int64_t half) {
  const auto rotate = [&](std::int64_t i, auto load, auto store) __attribute__((always_inline)) {
    const V a = load(x + i);
    const V b = load(x + half + i);
    const V c = load(cosine + i);
    const V s = load(sine + i);
    store(V::fma(a, c, V::broadcast(-0.0F) - b * s), x + i);
    store(V::fma(b, c, a * s), x + half + i);
  };
  std::int64_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    rotate(
        i, [](const float* p) __attribute__((always_inline)) { return V::load(p); },
        [](V v, float* p) __attribute__((always_inline)) { v.store(p); });
  }
  if (i < half) {
    rotate(
        i, [&](const float* p) __attribute__((always_inline)) { return load_part<V>(p, half - i); },
        [&](V v, float* p) __attribute__((always_inline)) { store_part(v, p, half - i); });
  }
}

template <class V>
void rope(const Rope& op, Slice slice) {
  const std::int64_t n_heads = op.x.extent(1);
  const std::int64_t head_dim = op.x.extent(2);
  const std::int64_t half = head_dim / 2;
  const Range items = share_of(op.x.extent(0) * n_heads, slice, 1);
  for (std::int64_t item = items.begin; item < items.end; ++item) {
    const float* cosine = op.cosine.row(op.first_position + item / n_heads);
    const float* sine = op.sine.row(op.first_position + item / n_heads);
    float* x = op.x.data() + item * head_dim;
    if (op.layout == RotaryLayout::half) {
      rotate_halves<V>(x, cosine, sine, half);
      continue;
    }
    for (std::int64_t i = 0; i < half; ++i) {
      const float a = x[2 * i];
      const float b = x[2 * i + 1];
      x[2 * i] = __builtin_fmaf(a, cosine[i], -(b * sine[i]));
      x[2 * i + 1] = __builtin_fmaf(b, cosine[i], a * sine[i]);
    }
  }
}

template <class V>
void store_kv(const StoreKv& op, Slice slice) {
  const std::int64_t n_kv_heads = op.keys.extent(1);
  const std::int64_t head_dim = op.keys.extent(2);
  const Range items = share_of(op.keys.extent(0) * n_kv_heads, slice, 1);
  if (op.key_cache.dtype() == DType::int8) {
    store_blocks(op, {items.begin, items.end});
    return;
  }
  const auto store = [&](const MutableAnyTensorView& cache, const TensorView<const float>& rows) {
    with_element_type(cache, [&](auto typed) {
      for (std::int64_t item = items.begin; item < items.end; ++item) {
        auto* out = typed.row(item % n_kv_heads) + (op.first_position + item / n_kv_heads) * head_dim;
        const float* in = rows.data() + item * head_dim;
        std::int64_t i = 0;
        for (; i + kLanes <= head_dim; i += kLanes) {
          V::load(in + i).store(out + i);
        }
        if (i < head_dim) {
          store_part(load_part<V>(in + i, head_dim - i), out + i, head_dim - i);
        }
      }
    });
  };
  store(op.key_cache, op.keys);
  store(op.value_cache, op.values);
}

/// x / (1 + exp(-y)), as lanes.
template <class V>
REPRISE_INLINE V times_sigmoid(V x, V y) {
  return x / (V::broadcast(1.0F) + exp_lanes(V::broadcast(-0.0F) - y));
}

template <class V>
void swiglu(const SwiGlu& op, Slice slice) {
  const Range part = share_of(op.gate.count(), slice, kLanes);
  const auto f = [](V gate, V up) __attribute__((always_inline)) {
    return times_sigmoid(gate, gate) * up;
  };
  map<V>(op.out.data() + part.begin, part.end - part.begin, f, op.gate.data() + part.begin,
         op.up.data() + part.begin);
}

template <class V>
void gelu(const Gelu& op, Slice slice) {
  const Range part = share_of(op.x.count(), slice, kLanes);
  const auto f = [](V x) __attribute__((always_inline)) {
    const V cubic = x * x * x;
    const V twice_u = V::broadcast(kTwiceSqrt2OverPi) * V::fma(V::broadcast(kGeluCubic), cubic, x);
    return times_sigmoid(x, twice_u);
  };
  map<V>(op.out.data() + part.begin, part.end - part.begin, f, op.x.data() + part.begin);
}

template <class V>
void relu(const Relu& op, Slice slice) {
  const Range part = share_of(op.x.count(), slice, kLanes);
  const auto f = [](V x) __attribute__((always_inline)) {
    return V::max(V::broadcast(0.0F), x) + V::broadcast(0.0F);
  };
  map<V>(op.out.data() + part.begin, part.end - part.begin, f, op.x.data() + part.begin);
}

/// Activations to blocks: see quantize_activations, which this computes 16 elements at a time.
template <class V>
void quantize(const Quantize& op, Slice slice) {
  const Range blocks = share_of(op.out.scales.count(), slice, 1);
  const V zero = V::broadcast(-0.0F);
  const V magic = V::broadcast(kRoundingMagic);
  for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
    const V low = V::load(op.x.data() + b * kBlock);
    const V high = V::load(op.x.data() + b * kBlock + kLanes);
    const float largest = V::max(V::max(low, zero - low), V::max(high, zero - high)).highest();
    const float difference = ((low - low) + (high - high)).fold();
    const bool vanishes = !(largest >= kQuantizeLowest);
    const bool finite = difference == 0.0F;
    const V inverse = V::broadcast(vanishes || !finite ? 0.0F : 127.0F / largest);
    std::int8_t* values = op.out.values.data() + b * kBlock;
    if (finite) {
      (low * inverse + magic).store_low_bytes(values);
      (high * inverse + magic).store_low_bytes(values + kLanes);
    } else {
      magic.store_low_bytes(values);
      magic.store_low_bytes(values + kLanes);
    }
    op.out.scales.data()[b] = !finite ? __builtin_nanf("") : vanishes ? 0.0F : largest / 127.0F;
  }
}

}  // namespace reprise::engine::kernels
