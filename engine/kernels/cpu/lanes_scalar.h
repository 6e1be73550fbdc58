/// 16 lanes of f32 in plain C++: the `scalar` instruction set. Slow; exists so that every machine can run,
/// and check, what the vector units compute. See lanes_avx512.h for what each operation means.
#pragma once

#include <bit>
#include <cmath>

#include "engine/core/dtype.h"
#include "engine/core/tensor_view.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

struct ScalarLanes {
  static constexpr int kDecodeRows = 2;
  static constexpr int kTileRows = 2;
  static constexpr int kTileTokens = 2;
  static constexpr int kGroup = 3;
  static constexpr int kPanel = 1;
  static constexpr int kScores = 4;
  static constexpr int kQueries = 2;
  static constexpr int kWeighed = 2;
  static constexpr int kValues = 1;

  float v[16];

  template <class F>
  REPRISE_INLINE static ScalarLanes make(F&& f) {
    ScalarLanes r;
    for (int i = 0; i < 16; ++i) {
      r.v[i] = f(i);
    }
    return r;
  }
  REPRISE_INLINE static ScalarLanes broadcast(float x) {
    return make([&](int) { return x; });
  }
  template <class T>
  REPRISE_INLINE static ScalarLanes load(const T* p) {
    return make([&](int i) { return to_f32(p[i]); });
  }
  template <class Block>
  REPRISE_INLINE static ScalarLanes load(BlockCursor<Block> p) {
    return make([&](int i) { return p[i]; });
  }
  REPRISE_INLINE void store_low_bytes(std::int8_t* p) const {
    for (int i = 0; i < 16; ++i) {
      p[i] = static_cast<std::int8_t>(__builtin_bit_cast(std::uint32_t, v[i]) & 0xffU);
    }
  }
  template <class T>
  REPRISE_INLINE void store(T* p) const {
    for (int i = 0; i < 16; ++i) {
      p[i] = from_f32<T>(v[i]);
    }
  }
  REPRISE_INLINE static ScalarLanes fma(ScalarLanes a, ScalarLanes b, ScalarLanes c) {
    return make([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
  }
  REPRISE_INLINE friend ScalarLanes operator+(ScalarLanes a, ScalarLanes b) {
    return make([&](int i) { return a.v[i] + b.v[i]; });
  }
  REPRISE_INLINE friend ScalarLanes operator-(ScalarLanes a, ScalarLanes b) {
    return make([&](int i) { return a.v[i] - b.v[i]; });
  }
  REPRISE_INLINE friend ScalarLanes operator*(ScalarLanes a, ScalarLanes b) {
    return make([&](int i) { return a.v[i] * b.v[i]; });
  }
  REPRISE_INLINE friend ScalarLanes operator/(ScalarLanes a, ScalarLanes b) {
    return make([&](int i) { return a.v[i] / b.v[i]; });
  }
  REPRISE_INLINE static ScalarLanes max(ScalarLanes a, ScalarLanes b) {
    return make([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  REPRISE_INLINE static ScalarLanes min(ScalarLanes a, ScalarLanes b) {
    return make([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  REPRISE_INLINE static ScalarLanes zero_where_less(ScalarLanes y, ScalarLanes x, ScalarLanes bound) {
    return make([&](int i) { return x.v[i] < bound.v[i] ? 0.0F : y.v[i]; });
  }
  REPRISE_INLINE static ScalarLanes exp2_of_magic(ScalarLanes x) {
    return make([&](int i) {
      return __builtin_bit_cast(float, (__builtin_bit_cast(std::uint32_t, x.v[i]) << 23) + 0x3f800000U);
    });
  }
  [[nodiscard]] REPRISE_INLINE float fold() const {
    float r[16];
    for (int i = 0; i < 16; ++i) {
      r[i] = v[i];
    }
    for (int half = 8; half >= 1; half /= 2) {
      for (int i = 0; i < half; ++i) {
        r[i] += r[i + half];
      }
    }
    return r[0];
  }
  REPRISE_INLINE static void fold_each(const ScalarLanes* sums, int n, float* out) {
    for (int i = 0; i < n; ++i) {
      out[i] = sums[i].fold();
    }
  }
  [[nodiscard]] REPRISE_INLINE float highest() const {
    float r = v[0];
    for (int i = 1; i < 16; ++i) {
      r = v[i] > r ? v[i] : r;
    }
    return r;
  }
  template <int Rows>
  REPRISE_INLINE static void transpose_quarter(const float* rows, std::int64_t stride,
                                               ScalarLanes (&out)[4]) {
    for (int i = 0; i < 4; ++i) {
      for (int r = 0; r < 16; ++r) {
        // Copied as bytes: a float that passes through a register may be made quiet.
        out[i].v[r] = 0;
        if (r < Rows) {
          __builtin_memcpy(&out[i].v[r], rows + r * stride + i, sizeof(float));
        }
      }
    }
  }
};

}  // namespace reprise::engine::kernels
