/// Where a sequence of timings settles. Pure functions. Used by measure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace reprise::harness {

/// How many leading samples to drop as warm-up: the d that minimises the squared standard error of the mean
/// of what remains,
///   sum_{i >= d} (x_i - m_d)^2 / (n - d)^2
/// of the samples' ranks rather than the samples, so that an outlier can't decide it. Absent where the least
/// lies in the second half: the sequence has not settled, or has begun to move again. 0 for fewer than 8
/// samples, which cannot tell.
/// Source: White 1997, "An effective truncation heuristic for bias reduction in simulation output",
///         Simulation 69(6) (MSER), and for the half: White, Cobb & Spratt 2000 (MSER-5; the batches here are
///         the caller's).
std::optional<std::size_t> warmup_length(std::span<const double> samples);

/// Whether the second half of the samples lies above (positive) or below the first, in standard errors that
/// account for dependence beside a straight line: the rank-sum statistic, normal with mean 0 and variance 1
/// where nothing moves. 0 for fewer than 8 samples, and when all are equal. Source: Mann & Whitney 1947, "On
/// a test of whether one of two random variables is stochastically larger
///         than the other", Ann. Math. Statist. 18(1).
double trend(std::span<const double> samples);

}  // namespace reprise::harness
