/// The sums and functions that forward and backward passes are made of, for float (training) and double
/// (gradient checks). Nothing here is fused and every order is fixed, so equal input gives equal bits.
/// Used by the operations of this folder.
#pragma once

#include <cstdint>

#include "engine/core/fixed_math.h"
#include "engine/core/tensor_view.h"
#include "engine/kernels/reference/definitions.h"

namespace reprise::engine {

/// sum_i a[i] * b[i] in 16 interleaved chains, folded 16 > 8 > 4 > 2 > 1, as kernels/operations.h defines a
/// chain sum; products are rounded before they are added, because a fused one is a library call on the
/// baseline processor.
template <class T>
T dot(const T* a, const T* b, std::int64_t n) {
  constexpr std::int64_t kChains = 16;
  T chains[kChains] = {};
  std::int64_t i = 0;
  for (; i + kChains <= n; i += kChains) {
    for (std::int64_t j = 0; j < kChains; ++j) {
      chains[j] += a[i + j] * b[i + j];
    }
  }
  for (std::int64_t j = 0; i + j < n; ++j) {
    chains[j] += a[i + j] * b[i + j];
  }
  for (std::int64_t half = kChains / 2; half >= 1; half /= 2) {
    for (std::int64_t j = 0; j < half; ++j) {
      chains[j] += chains[j + half];
    }
  }
  return chains[0];
}

/// y[i] += a * x[i]
template <class T>
void add_scaled(T* y, T a, const T* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    y[i] += a * x[i];
  }
}

/// The engine's own exponentials, so that training does not depend on the C library.
inline float exponential(float x) {
  return kernels::exp_f32(x);
}
inline double exponential(double x) {
  return fixed_exp(x);
}

/// 1 / (1 + exp(-x))
template <class T>
T sigmoid(T x) {
  return T{1} / (T{1} + exponential(-x));
}

/// x[i] = exp(x[i] - max x) / sum, in place; n >= 1. Returns log(sum_i exp(x[i])) of what was given.
template <class T>
double softmax(T* x, std::int64_t n) {
  T highest = x[0];
  for (std::int64_t i = 1; i < n; ++i) {
    highest = x[i] > highest ? x[i] : highest;
  }
  T sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    x[i] = exponential(x[i] - highest);
    sum += x[i];
  }
  const T inverse = T{1} / sum;
  for (std::int64_t i = 0; i < n; ++i) {
    x[i] *= inverse;
  }
  return static_cast<double>(highest) + fixed_log(static_cast<double>(sum));
}

}  // namespace reprise::engine
