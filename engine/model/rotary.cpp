#include "engine/model/rotary.h"

#include <algorithm>
#include <numbers>

#include "engine/core/error.h"
#include "engine/core/fixed_math.h"

namespace reprise::engine {
namespace {

/// Long wavelengths are divided by the factor, short ones kept, those between blended linearly in
/// original_context / wavelength.
double stretched(double frequency, const RopeScaling& scaling) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const double turns = scaling.original_context / wavelength;
  if (turns < scaling.low_freq_factor) {
    return frequency / scaling.factor;
  }
  if (turns > scaling.high_freq_factor) {
    return frequency;
  }
  const double smooth =
      (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - smooth) * frequency / scaling.factor + smooth * frequency;
}

}  // namespace

std::vector<double> rotary_frequencies(const ModelConfig& config) {
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < config.head_dim / 2; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim);
    const double frequency = fixed_pow(config.rope_theta, exponent);
    const double factor = config.rope_factors.empty()
                              ? 1.0
                              : static_cast<double>(config.rope_factors[static_cast<std::size_t>(i)]);
    frequencies.push_back(config.rope_scaling ? stretched(frequency, *config.rope_scaling)
                                              : frequency / factor);
    const double last_angle = static_cast<double>(config.n_context) * frequencies.back();
    if (!(last_angle <= kMaxAngle)) {
      fail(ErrorCode::unsupported, "rotary positions: expected angles up to {} radians, found {} (pair {})",
           kMaxAngle, last_angle, i);
    }
  }
  return frequencies;
}

RotaryTables rotary_tables(const ModelConfig& config, std::int64_t n_positions) {
  const std::vector<double> frequencies = rotary_frequencies(config);
  RotaryTables tables;
  for (std::int64_t position = 0; position < n_positions; ++position) {
    for (const double frequency : frequencies) {
      const SineCosine angle = fixed_sine_cosine(static_cast<double>(position) * frequency);
      tables.cosine.push_back(static_cast<float>(angle.cosine));
      tables.sine.push_back(static_cast<float>(angle.sine));
    }
  }
  return tables;
}

}  // namespace reprise::engine
