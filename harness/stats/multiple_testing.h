/// p-values of many tests, adjusted so that the whole family keeps its promise. Pure functions: the results
/// are in the order of the input, in [0, 1]. Used by regress.
#pragma once

#include <span>
#include <vector>

namespace reprise::harness {

/// The probability of even one false alarm in the family stays below the level at which these are compared.
/// Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6(2).
std::vector<double> holm(std::span<const double> p_values);

/// The expected share of false alarms among the alarms stays below that level, for independent tests and
/// positively dependent ones.
/// Source: Benjamini & Hochberg 1995, "Controlling the false discovery rate", J. R. Statist. Soc. B 57(1).
std::vector<double> benjamini_hochberg(std::span<const double> p_values);

}  // namespace reprise::harness
