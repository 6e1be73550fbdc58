/// Where a series of figures changed for good: change points by e-divisive means. For histories of a metric
/// over commits, some dozens to thousands of points; not for the samples of one measurement, which have
/// stopping rules and intervals. It makes no assumption on how the figures are distributed, only that without
/// a change their order would not matter: a slow drift is reported as several steps. Deterministic:
/// permutations are drawn with Philox, so that the same series gives the same change points on every machine.
/// Used by regress.
///
/// Sources: Matteson & James 2014, "A nonparametric approach for multiple change point analysis of
///          multivariate data", JASA 109(505), arXiv:1306.4933, sections 2 and 3: the statistic, the
///          hierarchical estimation, and the permutation test. Windows: Fleming et al. 2023, "Hunter: using
///          change point detection to hunt for performance regressions", arXiv:2301.03034, whose t-test is
///          not used here: it assumes normal figures. The use for histories of benchmarks: Daly et al. 2020,
///          "The use of change point detection to identify software performance regressions in a continuous
///          integration system", arXiv:2003.00584.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace reprise::harness {

/// The largest magnitude of a figure: beyond it none is meant, and differences of figures may overflow.
inline constexpr double kMaxFigure = 1e300;

/// The longest series that is searched, and the widest window: a window costs permutations * window^2.
inline constexpr std::size_t kMaxChangePointSeries = 10'000;
inline constexpr std::size_t kMaxChangePointWindow = 1'000;

struct ChangePointOptions {
  /// Points that are compared with each other. Old history beyond it neither hides a change nor makes one.
  std::size_t window = 50;
  /// A change is one that so few orders of the same figures would show. Of each window: a series without a
  /// change that fills w windows has a false one with a probability of up to w * max_p.
  double max_p = 0.001;
  int permutations = 1999;  ///< at most of each test; the least p is 1 / (permutations + 1)
  /// Points between two changes at least. More than these are asked for before the first change and after the
  /// last: one or two odd points at an end, and what they drew to their side, are not a change.
  std::size_t min_segment = 3;
  double min_magnitude = 0.01;  ///< |after - before| / |before| at least; 0 keeps every change
  double alpha = 1;             ///< exponent of the distances, in (0, 2): 1 as in the paper's examples
  std::uint64_t seed = 0;
};

struct ChangePoint {
  std::size_t index = 0;  ///< the first point of the new level
  double p = 1;           ///< of the permutation test
  double before = 0;      ///< median of the n_before points before it
  double after = 0;       ///< median of the n_after points from it on
  /// (after - before) / |before|; absent where that is not a finite number: before is 0.
  std::optional<double> relative_change = {};
  std::size_t n_before = 0;  ///< back to the change before this one, `window` at most
  std::size_t n_after = 0;   ///< up to the change after this one, `window` at most
};

/// All change points of a series, in order. One of fewer than fewest_points has none.
/// Errors: invalid_data naming the first point that is no number up to kMaxFigure; invalid_argument for a
///         series longer than kMaxChangePointSeries and for options out of range, "change points: window:
///         expected ..., found ...".
/// Cost:   permutations * window^2 for each change point, some tenths of that for each window without one: a
///         test ends as soon as it cannot succeed any more. window^2 doubles of memory.
std::vector<ChangePoint> change_points(std::span<const double> series,
                                       const ChangePointOptions& options = {});

/// How many points a series must have at least for a change of it to be seen; 10 by default. A split has a
/// points before it, b after it, and leaves c out. Every order that keeps these three together shows one as
/// good, with the first two in either order: of n distinct points a share of 2 a! b! c! / n!. With fewer
/// points it is above max_p for all a, b and c. `options`: such as check_options takes.
///
/// A plain step leaves nothing out, c = 0, and needs more: at the default p 7 points before it and 7 after,
/// or 13 and 4. Since the permutations are a sample, it is seen almost always from 8 and 8, or 20 and 4.
std::size_t fewest_points(const ChangePointOptions& options);

/// change_points would take these. Errors: as there.
void check_options(const ChangePointOptions& options);

}  // namespace reprise::harness
