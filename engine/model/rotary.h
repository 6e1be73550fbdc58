/// The angles of rotary positions, computed in double precision by the engine's own functions
/// (core/fixed_math.h), rounded once to f32: the same bits on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/model/config.h"

namespace reprise::engine {

/// Radians per position of each pair: theta^(-2i / head_dim), stretched or divided where the configuration
/// says so. Source: Su et al. 2021, arXiv:2104.09864; Llama 3.1's scaling as in transformers'
/// modeling_rope_utils.
/// Errors: unsupported, for angles within the context that no model of sense has (beyond kMaxAngle).
std::vector<double> rotary_frequencies(const ModelConfig& config);

struct RotaryTables {
  std::vector<float> cosine;  ///< [n_positions, head_dim / 2]
  std::vector<float> sine;    ///< [n_positions, head_dim / 2]
};
RotaryTables rotary_tables(const ModelConfig& config, std::int64_t n_positions);

}  // namespace reprise::engine
