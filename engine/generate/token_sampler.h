/// Draws one token from logits. A pure function: randomness is Philox keyed by (seed, position).
///
/// Greedy (temperature 0) takes the largest logit after the repetition penalty, the lowest id among equals.
/// Otherwise:
///   1. repetition penalty: logits of ids in the context are divided by it when positive, else multiplied
///      (Keskar et al. 2019, arXiv:1909.05858), and stay finite;
///   2. temperature: differences from the largest logit are divided by it;
///   3. top-k: the k largest stay (Fan et al. 2018, arXiv:1805.04833);
///   4. top-p: of these, the smallest set of largest whose probability reaches p (Holtzman et al. 2020,
///      arXiv:1904.09751);
///   5. min-p: of these, those with at least min_p times the largest probability (Nguyen et al. 2024,
///      arXiv:2407.01082);
///   6. a uniform draw of 53 bits times their mass falls into one, walking them in order of id.
/// Ranks are by (logit descending, id ascending). Exponentials are the engine's own (kernels/exp.h) and sums
/// are in double, in a fixed order: equal logits give equal tokens on every machine.
#pragma once

#include <span>

#include "engine/generate/request.h"

namespace reprise::engine {

/// Errors: invalid_argument for values outside their range, naming the field.
void check(const SamplingParameters& parameters);

/// `context`: ids for the repetition penalty. `position`: of the token to be drawn.
TokenId sample_token(std::span<const float> logits, std::span<const TokenId> context,
                     const SamplingParameters& parameters, std::int64_t position);

}  // namespace reprise::engine
