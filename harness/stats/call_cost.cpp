#include "harness/stats/call_cost.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "engine/core/check.h"

namespace reprise::harness {
namespace {

using Matrix = std::array<CostTerms, kCostTerms>;

/// Normal equations of least squares, with columns scaled to unit length: pairs of positions are a million
/// times the number of calls.
struct Equations {
  Matrix gram = {};
  CostTerms right = {};
  CostTerms scale = {};
};

Equations equations_of(std::span<const CallLengths> calls, std::span<const double> seconds,
                       const std::vector<double>& weights) {
  Equations e;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const CostTerms x = terms_of(calls[i]);
    for (std::size_t r = 0; r < kCostTerms; ++r) {
      e.right[r] += weights[i] * x[r] * seconds[i];
      for (std::size_t c = 0; c < kCostTerms; ++c) {
        e.gram[r][c] += weights[i] * x[r] * x[c];
      }
    }
  }
  for (std::size_t r = 0; r < kCostTerms; ++r) {
    e.scale[r] = e.gram[r][r] > 0 ? 1 / std::sqrt(e.gram[r][r]) : 0;
  }
  for (std::size_t r = 0; r < kCostTerms; ++r) {
    e.right[r] *= e.scale[r];
    for (std::size_t c = 0; c < kCostTerms; ++c) {
      e.gram[r][c] *= e.scale[r] * e.scale[c];
    }
  }
  return e;
}

/// The solution that uses the terms of `subset` alone, by Cholesky's factorisation; nothing where they depend
/// on one another.
std::optional<CostTerms> solve(const Equations& e, unsigned subset) {
  constexpr double kLeastPivot = 1e-10;
  std::vector<std::size_t> used;
  for (std::size_t t = 0; t < kCostTerms; ++t) {
    if ((subset >> t & 1U) != 0) {
      used.push_back(t);
    }
  }
  Matrix l = {};
  CostTerms y = {};
  for (std::size_t r = 0; r < used.size(); ++r) {
    for (std::size_t c = 0; c <= r; ++c) {
      double sum = e.gram[used[r]][used[c]];
      for (std::size_t k = 0; k < c; ++k) {
        sum -= l[r][k] * l[c][k];
      }
      if (r == c && !(sum > kLeastPivot)) {
        return std::nullopt;
      }
      l[r][c] = r == c ? std::sqrt(sum) : sum / l[c][c];
    }
    double sum = e.right[used[r]];
    for (std::size_t k = 0; k < r; ++k) {
      sum -= l[r][k] * y[k];
    }
    y[r] = sum / l[r][r];
  }
  CostTerms solution = {};
  for (std::size_t r = used.size(); r-- > 0;) {
    double sum = y[r];
    for (std::size_t k = r + 1; k < used.size(); ++k) {
      sum -= l[k][r] * solution[used[k]];
    }
    solution[used[r]] = sum / l[r][r];
  }
  return solution;
}

CallCostModel best_subset(const Equations& e) {
  CallCostModel best;
  double least = std::numeric_limits<double>::infinity();
  for (unsigned subset = 1; subset < 1U << kCostTerms; ++subset) {
    const auto solution = solve(e, subset);
    if (!solution || std::any_of(solution->begin(), solution->end(), [](double x) { return x < 0; })) {
      continue;
    }
    double residual = 0;  // less the constant sum of squares of the seconds
    for (std::size_t t = 0; t < kCostTerms; ++t) {
      residual -= (*solution)[t] * e.right[t];
    }
    if (residual < least) {
      least = residual;
      for (std::size_t t = 0; t < kCostTerms; ++t) {
        best.seconds_per_unit[t] = (*solution)[t] * e.scale[t];
      }
    }
  }
  return best;
}

}  // namespace

CostTerms terms_of(const CallLengths& lengths) {
  const auto c = static_cast<double>(lengths.n_cached);
  const auto p = static_cast<double>(lengths.n_processed);
  const auto g = static_cast<double>(lengths.n_generated);
  return {1, p, p * (c + p / 2), g, g * (c + p + g / 2)};
}

CostTerms CallCostModel::contributions(const CallLengths& lengths) const {
  CostTerms terms = terms_of(lengths);
  for (std::size_t t = 0; t < kCostTerms; ++t) {
    terms[t] *= seconds_per_unit[t];
  }
  return terms;
}

double CallCostModel::seconds(const CallLengths& lengths) const {
  double sum = 0;
  for (const double contribution : contributions(lengths)) {
    sum += contribution;
  }
  return sum;
}

CallCostModel fit_call_cost(std::span<const CallLengths> calls, std::span<const double> seconds) {
  constexpr int kRounds = 4;  // the first is only for weights
  REPRISE_CHECK(!calls.empty() && calls.size() == seconds.size());
  double total = 0;
  for (const double s : seconds) {
    REPRISE_CHECK(s >= 0);
    total += s;
  }
  REPRISE_CHECK(total > 0);
  const double floor =
      total / static_cast<double>(calls.size()) * 1e-3;  // no call weighs a million times another
  std::vector<double> fitted(seconds.begin(), seconds.end());
  std::vector<double> weights(calls.size());
  CallCostModel model;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const double scale = std::max(fitted[i], floor);
      weights[i] = 1 / (scale * scale);
    }
    model = best_subset(equations_of(calls, seconds, weights));
    for (std::size_t i = 0; i < calls.size(); ++i) {
      fitted[i] = model.seconds(calls[i]);
    }
  }
  double fitted_total = 0;
  for (const double f : fitted) {
    fitted_total += f;
  }
  REPRISE_CHECK(fitted_total > 0);
  for (double& coefficient : model.seconds_per_unit) {
    coefficient *= total / fitted_total;
  }
  return model;
}

}  // namespace reprise::harness
