#include "engine/train/adam.h"

#include <cmath>

#include "engine/core/check.h"

namespace reprise::engine {

Adam::Adam(std::size_t n_parameters, double beta1, double beta2, double eps)
    : beta1_(beta1), beta2_(beta2), eps_(static_cast<float>(eps)), m_(n_parameters), v_(n_parameters) {}

void Adam::step(std::span<float> parameters, std::span<const float> gradient, double learning_rate) {
  REPRISE_CHECK(parameters.size() == m_.size() && gradient.size() == m_.size());
  beta1_power_ *= beta1_;
  beta2_power_ *= beta2_;
  const auto keep_m = static_cast<float>(beta1_);
  const auto keep_v = static_cast<float>(beta2_);
  const auto add_m = static_cast<float>(1 - beta1_);
  const auto add_v = static_cast<float>(1 - beta2_);
  const auto rate = static_cast<float>(learning_rate / (1 - beta1_power_));
  const auto correction = static_cast<float>(1 / (1 - beta2_power_));
  for (std::size_t i = 0; i < m_.size(); ++i) {
    const float g = gradient[i];
    m_[i] = keep_m * m_[i] + add_m * g;
    v_[i] = keep_v * v_[i] + add_v * g * g;
    parameters[i] -= rate * m_[i] / (std::sqrt(v_[i] * correction) + eps_);
  }
}

}  // namespace reprise::engine
