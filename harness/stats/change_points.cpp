#include "harness/stats/change_points.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "engine/core/error.h"
#include "engine/core/philox.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

template <class Value>
void expect(bool holds, const char* option, const std::string& expected, Value found) {
  if (!holds) {
    fail(ErrorCode::invalid_argument, "change points: {}: expected {}, found {}", option, expected, found);
  }
}

/// The distances |x_i - x_j|^alpha of all points of a window.
class Distances {
 public:
  Distances(std::span<const double> values, double alpha) : n_(values.size()), d_(n_ * n_) {
    // The test is the same for figures in any unit; in this one no sum of distances overflows.
    double scale = 0;
    for (const double x : values) {
      scale = std::max(scale, std::abs(x));
    }
    for (std::size_t i = 0; scale > 0 && i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) {
        const double distance = std::abs(values[i] / scale - values[j] / scale);
        d_[i * n_ + j] = alpha == 1 ? distance : std::pow(distance, alpha);
      }
    }
  }

  [[nodiscard]] const double* row(std::size_t i) const { return &d_[i * n_]; }

 private:
  std::size_t n_;
  std::vector<double> d_;
};

struct Split {
  std::size_t at = 0;  ///< points before it, counted from the segment's first
  double q = 0;        ///< 0: none
};

/// Finds the split of a segment that divides it best: the maximum over tau and kappa of equation (8) of the
/// paper,
///   q(tau, kappa) = m n / (m + n) * E(X, Y),   X the first m = tau points, Y the next n = kappa - tau,
///   E(X, Y) = 2 / (m n) * sum_XY d - 2 / (m (m - 1)) * sum_XX d - 2 / (n (n - 1)) * sum_YY d
/// kappa leaves out what comes after Y, so that a level that returns to the old one is still found.
class Splitter {
 public:
  Splitter(const Distances& distances, std::size_t min_segment)
      : distances_(distances), least_(min_segment) {}

  /// `order`: indices of the segment's points, in the order to look at them.
  Split best(std::span<const std::uint32_t> order) {
    Split best;
    const std::size_t n = order.size();
    if (n < 2 * least_) {
      return best;
    }
    sum_within_heads(order);
    within_.assign(n + 1, 0);
    for (std::size_t tau = n - 1; tau >= least_; --tau) {
      const double* from_tau = distances_.row(order[tau]);
      double to_tau = 0;
      for (std::size_t kappa = tau + 2; kappa <= n; ++kappa) {
        to_tau += from_tau[order[kappa - 1]];
        within_[kappa] += to_tau;  // pairs among the points from tau to kappa
      }
      if (tau + least_ <= n) {
        consider(tau, n, best);
      }
    }
    return best;
  }

 private:
  /// heads_[k]: the sum over pairs among the first k points.
  void sum_within_heads(std::span<const std::uint32_t> order) {
    heads_.assign(order.size() + 1, 0);
    for (std::size_t k = 1; k < order.size(); ++k) {
      const double* from_k = distances_.row(order[k]);
      double sum = 0;
      for (std::size_t i = 0; i < k; ++i) {
        sum += from_k[order[i]];
      }
      heads_[k + 1] = heads_[k] + sum;
    }
  }

  void consider(std::size_t tau, std::size_t n, Split& best) const {
    const auto x = static_cast<double>(tau);
    for (std::size_t kappa = tau + least_; kappa <= n; ++kappa) {
      const auto y = static_cast<double>(kappa - tau);
      const double between = heads_[kappa] - heads_[tau] - within_[kappa];
      const double q = 2 / (x + y) * (between - y / (x - 1) * heads_[tau] - x / (y - 1) * within_[kappa]);
      if (q > best.q) {
        best = {tau, q};
      }
    }
  }

  const Distances& distances_;
  std::size_t least_;
  std::vector<double> heads_;
  std::vector<double> within_;
};

/// Shuffles, the same ones for the same (seed, window, test, permutation).
class Shuffler {
 public:
  Shuffler(std::uint64_t seed, std::size_t window, std::size_t test, int permutation)
      : key_(engine::philox_key(seed)),
        counter_{0, static_cast<std::uint32_t>(permutation), static_cast<std::uint32_t>(test),
                 static_cast<std::uint32_t>(window)} {}

  /// Source: Durstenfeld 1964, algorithm 235 (Fisher & Yates in place).
  void shuffle(std::span<std::uint32_t> values) {
    for (std::size_t left = values.size(); left > 1; --left) {
      std::swap(values[left - 1], values[below(left)]);
    }
  }

 private:
  std::size_t below(std::size_t n) {
    if (used_ == words_.size()) {
      words_ = engine::philox4x32_10(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return static_cast<std::size_t>((std::uint64_t{words_[used_++]} * n) >> 32);
  }

  engine::PhiloxKey key_;
  engine::PhiloxCounter counter_;
  engine::PhiloxCounter words_ = {};
  std::size_t used_ = words_.size();
};

/// Hierarchical estimation in one window.
class Window {
 public:
  Window(std::span<const double> values, std::size_t start, const ChangePointOptions& options)
      : start_(start),
        options_(options),
        distances_(values, options.alpha),
        splitter_(distances_, options.min_segment),
        ends_{0, values.size()} {
    order_.resize(values.size());
    std::iota(order_.begin(), order_.end(), 0U);
  }

  /// In order; only index, counted from the series' first point, and p are set.
  std::vector<ChangePoint> change_points() {
    std::vector<ChangePoint> found;
    for (std::size_t test = 0;; ++test) {
      std::size_t segment = 0;
      const Split split = best_of_all(order_, &segment);
      const std::optional<double> p = split.q > 0 ? p_value(split.q, test) : std::nullopt;
      if (!p) {
        break;
      }
      const std::size_t at = ends_[segment] + split.at;
      found.push_back({start_ + at, *p});
      ends_.insert(ends_.begin() + static_cast<std::ptrdiff_t>(segment) + 1, at);
    }
    std::sort(found.begin(), found.end(),
              [](const ChangePoint& a, const ChangePoint& b) { return a.index < b.index; });
    return found;
  }

 private:
  Split best_of_all(std::span<const std::uint32_t> order, std::size_t* segment) {
    Split best;
    for (std::size_t s = 0; s + 1 < ends_.size(); ++s) {
      const Split split = splitter_.best(order.subspan(ends_[s], ends_[s + 1] - ends_[s]));
      if (split.q > best.q) {
        best = split;
        *segment = s;
      }
    }
    return best;
  }

  /// Section 3.2: points are permuted inside their segments, and the best split of all segments is compared.
  /// Absent: above max_p, known as soon as too many permutations have reached `q` (Besag & Clifford 1991,
  /// "Sequential Monte Carlo p-values": stopping there does not change what is accepted).
  std::optional<double> p_value(double q, std::size_t test) {
    const double all = options_.permutations + 1.0;
    const double reached = q * (1 - 1e-9);  // sums of equal terms in another order
    int as_large = 0;
    std::vector<std::uint32_t> order(order_.size());
    for (int permutation = 0; permutation < options_.permutations; ++permutation) {
      order = order_;
      Shuffler shuffler(options_.seed, start_, test, permutation);
      for (std::size_t s = 0; s + 1 < ends_.size(); ++s) {
        shuffler.shuffle(std::span(order).subspan(ends_[s], ends_[s + 1] - ends_[s]));
      }
      std::size_t segment = 0;
      as_large += best_of_all(order, &segment).q >= reached ? 1 : 0;
      if ((as_large + 1) / all > options_.max_p) {
        return std::nullopt;
      }
    }
    return (as_large + 1) / all;
  }

  std::size_t start_;
  const ChangePointOptions& options_;
  Distances distances_;
  Splitter splitter_;
  std::vector<std::size_t> ends_;  ///< of the segments: 0, every change point, the number of points
  std::vector<std::uint32_t> order_;
};

/// Windows overlap by half, start again at a change point, and the last one is as wide as can be, so that the
/// newest points are compared with as much as any other.
///
/// Near an end of a window a split is badly placed: one or two points of a new level draw older ones to their
/// side, since a segment has to have min_segment. What lies in the last quarter is left to the next window,
/// which begins well before it; at the ends of the series more than min_segment points are asked for.
std::vector<ChangePoint> candidates(std::span<const double> series, const ChangePointOptions& options) {
  std::vector<ChangePoint> found;
  const std::size_t n = series.size();
  for (std::size_t start = 0;;) {
    const std::size_t width = std::min(options.window, n - start);
    const bool last = start + width == n;
    const bool at_change = !found.empty() && found.back().index == start;
    const std::size_t first = at_change ? start : start + options.min_segment + 1;
    const std::size_t left = std::max(width * 3 / 4, width / 2 + options.min_segment);
    const std::size_t end = last ? n - options.min_segment : start + left + 1;
    for (const ChangePoint& change : Window(series.subspan(start, width), start, options).change_points()) {
      if (change.index >= first && change.index < end) {
        found.push_back(change);
      }
    }
    if (last) {
      return found;
    }
    const std::size_t next = std::min(start + options.window / 2, n - options.window);
    start = found.empty() ? next : std::max(next, found.back().index);
  }
}

/// Sets the levels on both sides of every change point.
void describe(std::span<const double> series, std::size_t window, std::vector<ChangePoint>& changes) {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    ChangePoint& change = changes[i];
    const std::size_t first = i == 0 ? 0 : changes[i - 1].index;
    const std::size_t end = i + 1 == changes.size() ? series.size() : changes[i + 1].index;
    const std::size_t n_before = std::min(window, change.index - first);
    change.n_before = n_before;
    change.n_after = std::min(window, end - change.index);
    change.before = median(series.subspan(change.index - n_before, n_before));
    change.after = median(series.subspan(change.index, change.n_after));
    const double relative = (change.after - change.before) / std::abs(change.before);
    change.relative_change = std::isfinite(relative) ? std::optional(relative) : std::nullopt;
  }
}

double magnitude(const ChangePoint& change) {
  // No finite ratio: a change from 0, unless only the spread changed.
  return change.relative_change ? std::abs(*change.relative_change)
                                : (change.before == change.after ? 0 : HUGE_VAL);
}

/// The least share of the orders of n points, distinct ones, that look like the best split of any.
double least_p(std::size_t n, std::size_t min_segment) {
  const auto log_factorial = [](std::size_t k) { return std::lgamma(static_cast<double>(k) + 1); };
  double least = HUGE_VAL;
  for (std::size_t a = min_segment; a + min_segment <= n; ++a) {
    for (std::size_t b = min_segment; a + b <= n; ++b) {
      least = std::min(least, log_factorial(a) + log_factorial(b) + log_factorial(n - a - b));
    }
  }
  return 2 * std::exp(least - log_factorial(n));
}

}  // namespace

std::size_t fewest_points(const ChangePointOptions& options) {
  // A thousandth above is rounding: these are sums of logarithms.
  std::size_t n = 2 * options.min_segment + 2;
  while (least_p(n, options.min_segment) > options.max_p * 1.001) {
    ++n;
  }
  return n;
}

void check_options(const ChangePointOptions& options) {
  expect(options.min_segment >= 2 && options.min_segment < kMaxChangePointWindow / 2, "min_segment",
         "a whole number from 2 to 499", options.min_segment);
  const std::size_t least_window = 2 * options.min_segment + 2;
  expect(options.window >= least_window && options.window <= kMaxChangePointWindow, "window",
         fmt::format("a whole number from {} to 1000", least_window), options.window);
  expect(options.permutations >= 1 && options.permutations <= 1'000'000, "permutations",
         "a whole number from 1 to 1000000", options.permutations);
  expect(options.max_p > 0 && options.max_p < 1, "max_p", "a number between 0 and 1", options.max_p);
  expect(options.max_p * (options.permutations + 1.0) >= 1, "max_p",
         "at least 1 / (permutations + 1), the least that this many can show", options.max_p);
  expect(options.min_magnitude >= 0, "min_magnitude", "a number of at least 0", options.min_magnitude);
  expect(options.alpha > 0 && options.alpha < 2, "alpha", "a number between 0 and 2", options.alpha);
  const std::size_t fewest = fewest_points(options);
  expect(options.window >= fewest, "window",
         fmt::format("at least {} points, the fewest that can show a max_p of {}", fewest, options.max_p),
         options.window);
}

std::vector<ChangePoint> change_points(std::span<const double> series, const ChangePointOptions& options) {
  check_options(options);
  expect(series.size() <= kMaxChangePointSeries, "series", "at most 10000 points", series.size());
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (!(std::abs(series[i]) <= kMaxFigure)) {
      fail(ErrorCode::invalid_data, "change points: series[{}]: expected a number up to {}, found {}", i,
           kMaxFigure, series[i]);
    }
  }
  std::vector<ChangePoint> changes;
  if (series.size() >= fewest_points(options)) {
    changes = candidates(series, options);
  }
  // The weakest goes first: without it, its neighbours have other levels.
  for (describe(series, options.window, changes); !changes.empty();
       describe(series, options.window, changes)) {
    const auto weakest = std::min_element(
        changes.begin(), changes.end(),
        [](const ChangePoint& a, const ChangePoint& b) { return magnitude(a) < magnitude(b); });
    if (magnitude(*weakest) >= options.min_magnitude) {
      break;
    }
    changes.erase(weakest);
  }
  return changes;
}

}  // namespace reprise::harness
