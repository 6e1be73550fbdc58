/// The Adam optimizer over a flat array of parameters. Used by the trainer.
#pragma once

#include <span>
#include <vector>

namespace reprise::engine {

class Adam {
 public:
  /// beta1, beta2 in [0, 1), eps > 0: the caller's duty.
  Adam(std::size_t n_parameters, double beta1, double beta2, double eps);

  /// Step t = 1, 2, ... over every parameter, with its gradient g:
  ///   m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
  ///   p -= learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
  /// Numerics: f32, each operation rounded; the powers of beta are products in double.
  /// Source:   Kingma & Ba 2014, arXiv:1412.6980, algorithm 1.
  void step(std::span<float> parameters, std::span<const float> gradient, double learning_rate);

 private:
  double beta1_;
  double beta2_;
  float eps_;
  double beta1_power_ = 1;
  double beta2_power_ = 1;
  std::vector<float> m_;
  std::vector<float> v_;
};

}  // namespace reprise::engine
