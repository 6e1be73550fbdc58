/// The programs qwen-f32 and qwen-f16: what fuchat's Futhark programs of these names offer, performed by this
/// engine.
///
///   init (b: i64) (kvh: i64) (cs: i64) (dh: i64): Cache
///   gen (xsat: i64) (xs: []i64) (ps: Params) (cache: *Cache) (eos_token_id: i64) (max_new_tokens: i64)
///     : ([]i64, Cache)
///   tool_sumN1_sum_of_first_n_integers, tool_sumN2_sum_of_squares_of_first_n_integers (n: i64): i64
///   params: Params     only where the server was started with a model
///
/// `gen` puts xs at position xsat, then draws greedily. It ends after max_new_tokens or eos_token_id (which
/// is then the last token), and where the program's loop does: when position + tokens drawn in this call
/// reaches cs, so that a long reply stops before the context is full. eos_token_id 0 draws nothing, as there.
/// Source: github.com/jeromew/fuchat, qwen-f32.fut and qwen-f16.fut.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "engine/generate/generate.h"
#include "engine/serve/futhark/cache.h"
#include "engine/serve/futhark/params.h"
#include "engine/serve/futhark/program.h"

namespace reprise::engine::futhark {

struct QwenOptions {
  DType element = DType::f32;  ///< of matrices, angles, keys and values in the program's types: f32 or f16
  Placement placement;
  std::shared_ptr<const Model> model;  ///< for `params`; may be null
  bool profile = false;                ///< `report` tells of every kernel
  /// Performs the call: generate(), and whoever watches it.
  GenerateFunction perform = generate;
};

/// "qwen-f32" or "qwen-f16"; nothing for other names.
std::optional<DType> qwen_element(std::string_view program_name);
/// The placement that is the program's own: weights and KV cache in its element type.
Placement qwen_placement(DType element);

/// Inputs of `gen`, in the order of its arguments: what `store` of them writes is a data.in of Futhark's.
struct GenInputs {
  std::int64_t xsat = 0;
  std::vector<std::int64_t> xs;
  std::shared_ptr<const Params> params;
  std::shared_ptr<Cache> cache;
  std::int64_t eos_token_id = 0;
  std::int64_t max_new_tokens = 0;
};

/// The call that `inputs` ask for, or nothing where they ask for no token: the cached part of the prompt is
/// left out. Errors: invalid_argument, where Futhark would fail a bounds check.
std::optional<GenerateRequest> request_of(const GenInputs& inputs);

Program make_qwen_program(QwenOptions options);

}  // namespace reprise::engine::futhark
