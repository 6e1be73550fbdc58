/// The engine's exponential of one float, and the activation functions made of it (operations.h). Used by
/// kernels/reference, kernels/hip, the trainer and tests.
#pragma once

#include <cstdint>

#include "engine/kernels/exp.h"

namespace reprise::engine::kernels {

/// A float with the interface exp.h asks for.
struct ScalarLane {
  float v;

  REPRISE_INLINE static ScalarLane broadcast(float x) { return {x}; }
  REPRISE_INLINE static ScalarLane fma(ScalarLane a, ScalarLane b, ScalarLane c) {
    return {__builtin_fmaf(a.v, b.v, c.v)};
  }
  REPRISE_INLINE static ScalarLane exp2_of_magic(ScalarLane x) {
    return {__builtin_bit_cast(float, (__builtin_bit_cast(std::uint32_t, x.v) << 23) + 0x3f800000U)};
  }
  REPRISE_INLINE friend ScalarLane operator+(ScalarLane a, ScalarLane b) { return {a.v + b.v}; }
  REPRISE_INLINE friend ScalarLane operator-(ScalarLane a, ScalarLane b) { return {a.v - b.v}; }
  REPRISE_INLINE friend ScalarLane operator*(ScalarLane a, ScalarLane b) { return {a.v * b.v}; }
};

REPRISE_INLINE float exp_f32(float x) {
  if (x < kExpLowest) {
    return 0.0F;
  }
  return exp_clamped(ScalarLane{kExpHighest < x ? kExpHighest : x}).v;  // a NaN stays one
}

REPRISE_INLINE float silu(float x) {
  return x / (1.0F + exp_f32(-x));
}

REPRISE_INLINE float gelu_tanh(float x) {
  const float cubic = x * x * x;
  const float twice_u = kTwiceSqrt2OverPi * __builtin_fmaf(kGeluCubic, cubic, x);
  return x / (1.0F + exp_f32(-twice_u));
}

/// Relu's function of one element: never -0, and a NaN stays one.
REPRISE_INLINE float positive_part(float x) {
  return (x < 0.0F ? 0.0F : x) + 0.0F;
}

}  // namespace reprise::engine::kernels
