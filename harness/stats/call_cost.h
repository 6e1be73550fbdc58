/// What a generate call should take, as a sum of terms of its lengths, with coefficients fitted to logged
/// calls. Says which calls cost alike and why; not a measurement, and never shown as one. Used by
/// regress/selection.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace reprise::harness {

/// What decides the cost of a call.
struct CallLengths {
  std::int64_t n_cached = 0;     ///< prompt tokens in the KV cache
  std::int64_t n_processed = 0;  ///< the other prompt tokens
  std::int64_t n_generated = 0;
};

inline constexpr std::size_t kCostTerms = 5;
/// Names of the terms:
///   call             1
///   processed        p, tokens through every layer
///   processed_pairs  p * (c + p / 2), pairs of positions that their attention looks at
///   generated        g
///   generated_pairs  g * (c + p + g / 2)
inline constexpr std::array<const char*, kCostTerms> kCostTermNames = {"call", "processed", "processed_pairs",
                                                                       "generated", "generated_pairs"};
using CostTerms = std::array<double, kCostTerms>;

CostTerms terms_of(const CallLengths& lengths);

/// Seconds a unit of each term, none negative.
struct CallCostModel {
  CostTerms seconds_per_unit = {};

  /// Seconds of each term of one call; their sum is what it should take.
  [[nodiscard]] CostTerms contributions(const CallLengths& lengths) const;
  [[nodiscard]] double seconds(const CallLengths& lengths) const;
};

/// Least squares of relative errors under coefficients that are not negative: of all subsets of the terms the
/// best one whose solution has none, which with five terms is exact. Errors are relative to the fitted
/// seconds, by three rounds of reweighting, so that neither long calls nor slow outliers below them decide
/// alone; a last factor makes the fitted total that of the log. calls and seconds: the same number, at least
/// one; seconds from 0, not all 0.
CallCostModel fit_call_cost(std::span<const CallLengths> calls, std::span<const double> seconds);

}  // namespace reprise::harness
