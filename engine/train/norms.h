/// RMSNorm and LayerNorm with their gradients. A row's scale is computed anew in the backward pass: one sum
/// more, one buffer less. Gradients are added to. Used by TrainingDecoder.
#pragma once

#include <cmath>

#include "engine/core/tensor_view.h"
#include "engine/train/arithmetic.h"

namespace reprise::engine {

/// 1 / sqrt(mean_i x[i]^2 + eps)
template <class T>
T inverse_rms(const T* x, std::int64_t d, T eps) {
  return T{1} / std::sqrt(dot(x, x, d) / static_cast<T>(d) + eps);
}

/// out[r, i] = x[r, i] * s[r] * gain[i],  s[r] = inverse_rms(x[r])
/// Shapes:   out, x [n_rows, d]; gain [d], or empty for 1. `out` may be `x`.
/// Source:   Zhang & Sennrich 2019, arXiv:1910.07467.
template <class T>
void rms_norm(TensorView<T> out, TensorView<const T> x, TensorView<const T> gain, T eps) {
  const std::int64_t d = x.extent(1);
  for (std::int64_t r = 0; r < x.extent(0); ++r) {
    const T scale = inverse_rms(x.row(r), d, eps);
    for (std::int64_t i = 0; i < d; ++i) {
      const T normed = x.row(r)[i] * scale;
      out.row(r)[i] = gain.empty() ? normed : normed * gain.data()[i];
    }
  }
}

/// With g[i] = d_out[r, i] * gain[i]:
///   d_x[r, i]  += s * (g[i] - x[r, i] * s^2 * mean_j(g[j] * x[r, j]))
///   d_gain[i]  += sum_r d_out[r, i] * x[r, i] * s
template <class T>
void rms_norm_backward(TensorView<T> d_x, TensorView<T> d_gain, TensorView<const T> d_out,
                       TensorView<const T> x, TensorView<const T> gain, T eps) {
  const std::int64_t d = x.extent(1);
  for (std::int64_t r = 0; r < x.extent(0); ++r) {
    const T* in = x.row(r);
    const T* d_row = d_out.row(r);
    const T scale = inverse_rms(in, d, eps);
    const auto g = [&](std::int64_t i) { return gain.empty() ? d_row[i] : d_row[i] * gain.data()[i]; };
    T along = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      along += g(i) * in[i];
    }
    const T pull = along / static_cast<T>(d) * scale * scale;
    for (std::int64_t i = 0; i < d; ++i) {
      d_x.row(r)[i] += scale * (g(i) - in[i] * pull);
      if (!d_gain.empty()) {
        d_gain.data()[i] += d_row[i] * in[i] * scale;
      }
    }
  }
}

/// What a row of LayerNorm is shifted and scaled by.
template <class T>
struct Moments {
  T mean;
  T scale;  ///< 1 / sqrt(variance + eps), the variance dividing by d

  Moments(const T* x, std::int64_t d, T eps) : mean(0) {
    for (std::int64_t i = 0; i < d; ++i) {
      mean += x[i];
    }
    mean /= static_cast<T>(d);
    T squares = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      squares += (x[i] - mean) * (x[i] - mean);
    }
    scale = T{1} / std::sqrt(squares / static_cast<T>(d) + eps);
  }
};

/// out[r, i] = z[r, i] * gain[i] + bias[i],  z[r, i] = (x[r, i] - mean) / sqrt(variance + eps)
/// Shapes:   out, x [n_rows, d]; gain, bias [d].
/// Source:   Ba, Kiros & Hinton 2016, arXiv:1607.06450.
template <class T>
void layer_norm(TensorView<T> out, TensorView<const T> x, TensorView<const T> gain, TensorView<const T> bias,
                T eps) {
  const std::int64_t d = x.extent(1);
  for (std::int64_t r = 0; r < x.extent(0); ++r) {
    const Moments<T> moments(x.row(r), d, eps);
    for (std::int64_t i = 0; i < d; ++i) {
      const T z = (x.row(r)[i] - moments.mean) * moments.scale;
      out.row(r)[i] = z * gain.data()[i] + bias.data()[i];
    }
  }
}

/// With g[i] = d_out[r, i] * gain[i]:
///   d_x[r, i]  += (g[i] - mean_j g[j] - z[i] * mean_j(g[j] * z[j])) / sqrt(variance + eps)
///   d_gain[i]  += sum_r d_out[r, i] * z[r, i]
///   d_bias[i]  += sum_r d_out[r, i]
template <class T>
void layer_norm_backward(TensorView<T> d_x, TensorView<T> d_gain, TensorView<T> d_bias,
                         TensorView<const T> d_out, TensorView<const T> x, TensorView<const T> gain, T eps) {
  const std::int64_t d = x.extent(1);
  for (std::int64_t r = 0; r < x.extent(0); ++r) {
    const T* d_row = d_out.row(r);
    const Moments<T> moments(x.row(r), d, eps);
    const auto z = [&](std::int64_t i) { return (x.row(r)[i] - moments.mean) * moments.scale; };
    T mean = 0;
    T along = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      const T g = d_row[i] * gain.data()[i];
      mean += g;
      along += g * z(i);
    }
    mean /= static_cast<T>(d);
    along /= static_cast<T>(d);
    for (std::int64_t i = 0; i < d; ++i) {
      d_x.row(r)[i] += (d_row[i] * gain.data()[i] - mean - z(i) * along) * moments.scale;
      d_gain.data()[i] += d_row[i] * z(i);
      d_bias.data()[i] += d_row[i];
    }
  }
}

}  // namespace reprise::engine
