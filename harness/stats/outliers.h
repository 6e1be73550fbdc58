/// Samples that stand apart. They are counted and explained, never removed. Pure functions. Used by measure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "harness/stats/interval.h"

namespace reprise::harness {

/// The range outside of which a sample is an outlier: 1.5 times the interquartile range beyond the quartiles.
/// At least 1 sample.
/// Source: Tukey 1977, "Exploratory Data Analysis", section 2D.
Interval tukey_fences(std::span<const double> samples);

/// Indices of the samples outside of their fences, ascending.
std::vector<std::size_t> outliers(std::span<const double> samples);

}  // namespace reprise::harness
