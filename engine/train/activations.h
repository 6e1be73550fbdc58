/// The feed-forward networks' activations with their gradients, element by element. Shapes are equal
/// throughout, [n_tokens, d_ff]; gradients are added to. Used by TrainingDecoder.
#pragma once

#include "engine/core/tensor_view.h"
#include "engine/train/arithmetic.h"

namespace reprise::engine {

/// out = silu(gate) * up,  silu(x) = x * sigmoid(x)
/// Source: Shazeer 2020, arXiv:2002.05202.
template <class T>
void swiglu(TensorView<T> out, TensorView<const T> gate, TensorView<const T> up) {
  for (std::int64_t i = 0; i < out.count(); ++i) {
    const T g = gate.data()[i];
    out.data()[i] = g * sigmoid(g) * up.data()[i];
  }
}

/// With s = sigmoid(gate):
///   d_up   += d_out * gate * s
///   d_gate += d_out * up * s * (1 + gate * (1 - s))
template <class T>
void swiglu_backward(TensorView<T> d_gate, TensorView<T> d_up, TensorView<const T> d_out,
                     TensorView<const T> gate, TensorView<const T> up) {
  for (std::int64_t i = 0; i < d_out.count(); ++i) {
    const T g = gate.data()[i];
    const T s = sigmoid(g);
    d_up.data()[i] += d_out.data()[i] * g * s;
    d_gate.data()[i] += d_out.data()[i] * up.data()[i] * s * (T{1} + g * (T{1} - s));
  }
}

/// The tanh form of GELU, written with a sigmoid: 0.5 x (1 + tanh(u)) = x * sigmoid(2 u),
/// u = sqrt(2 / pi) * (x + 0.044715 x^3). Source: Hendrycks & Gimpel 2016, arXiv:1606.08415.
template <class T>
struct GeluSlope {
  T share;  ///< sigmoid(2 u)
  T slope;  ///< d(2 u) / dx = 2 sqrt(2 / pi) * (1 + 3 * 0.044715 x^2)

  explicit GeluSlope(T x) {
    constexpr T kTwiceSqrt2OverPi = static_cast<T>(1.5957691216057308);
    constexpr T kCubic = static_cast<T>(0.044715);
    share = sigmoid(kTwiceSqrt2OverPi * (x + kCubic * x * x * x));
    slope = kTwiceSqrt2OverPi * (T{1} + T{3} * kCubic * x * x);
  }
};

/// out = x * sigmoid(2 u)
template <class T>
void gelu(TensorView<T> out, TensorView<const T> x) {
  for (std::int64_t i = 0; i < out.count(); ++i) {
    out.data()[i] = x.data()[i] * GeluSlope<T>(x.data()[i]).share;
  }
}

/// d_x += d_out * (s + x * s * (1 - s) * d(2 u) / dx),  s = sigmoid(2 u)
template <class T>
void gelu_backward(TensorView<T> d_x, TensorView<const T> d_out, TensorView<const T> x) {
  for (std::int64_t i = 0; i < d_out.count(); ++i) {
    const GeluSlope<T> at(x.data()[i]);
    d_x.data()[i] += d_out.data()[i] * at.share * (T{1} + x.data()[i] * (T{1} - at.share) * at.slope);
  }
}

/// out = max(x, 0)
template <class T>
void relu(TensorView<T> out, TensorView<const T> x) {
  for (std::int64_t i = 0; i < out.count(); ++i) {
    out.data()[i] = x.data()[i] < 0 ? T{0} : x.data()[i];
  }
}

/// d_x += d_out where x > 0; nothing at 0, where there is no derivative.
template <class T>
void relu_backward(TensorView<T> d_x, TensorView<const T> d_out, TensorView<const T> x) {
  for (std::int64_t i = 0; i < d_out.count(); ++i) {
    d_x.data()[i] += x.data()[i] > 0 ? d_out.data()[i] : T{0};
  }
}

}  // namespace reprise::engine
