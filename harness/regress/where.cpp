#include "harness/regress/where.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "harness/stats/dependence.h"
#include "harness/stats/median_sequence.h"
#include "harness/stats/multiple_testing.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

constexpr std::size_t kFewestTokens = 3;  // later ones, for a line
/// Slopes between all two of more tokens would be millions.
constexpr std::size_t kMostTokens = 512;

/// The median of each token's seconds over the runs of a turn; empty where runs differ in length.
std::vector<double> token_medians(std::span<const Sample> turn) {
  if (turn.empty()) {
    return {};
  }
  const std::size_t n = turn.front().token_seconds.size();
  std::vector<double> medians;
  for (std::size_t token = 0; token < n; ++token) {
    std::vector<double> values;
    for (const Sample& sample : turn) {
      if (sample.token_seconds.size() != n) {
        return {};
      }
      values.push_back(sample.token_seconds[token]);
    }
    medians.push_back(median(values));
  }
  return medians;
}

struct Line {
  double constant = 0;
  double slope = 0;
};

/// Through ys at 0, 1, ...; of many, through as many as kMostTokens spread evenly.
Line theil_sen(std::span<const double> ys) {
  const std::size_t stride = (ys.size() + kMostTokens - 1) / kMostTokens;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < ys.size(); i += stride) {
    for (std::size_t j = i + stride; j < ys.size(); j += stride) {
      slopes.push_back((ys[j] - ys[i]) / static_cast<double>(j - i));
    }
  }
  Line line;
  line.slope = median(slopes);
  std::vector<double> rest;
  for (std::size_t i = 0; i < ys.size(); ++i) {
    rest.push_back(ys[i] - line.slope * static_cast<double>(i));
  }
  line.constant = median(rest);
  return line;
}

SecondsChange change_of(const std::vector<double>& changes, double confidence) {
  return {median(changes), median_confidence_interval(changes, confidence, sign_variance_inflation(changes))};
}

using CentreName = std::pair<std::string, std::string>;

/// Seconds by phase and name; the rest under no phase.
std::map<CentreName, double> seconds_of(const CostProfile& profile) {
  std::map<CentreName, double> seconds;
  for (const CostCentre& centre : profile.centres) {
    seconds[{centre.phase, centre.name}] += centre.seconds;
  }
  seconds[{"", "unattributed"}] = profile.unattributed_seconds;
  return seconds;
}

/// Indices of the pairs whose change of the total is between the quartiles; all of fewer than 4.
std::vector<std::size_t> middle_half(std::span<const ProfilePair> pairs) {
  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    return pairs[i].second.wall_seconds - pairs[i].first.wall_seconds <
           pairs[j].second.wall_seconds - pairs[j].first.wall_seconds;
  });
  const auto quarter = static_cast<std::ptrdiff_t>(pairs.size() / 4);
  return {order.begin() + quarter, order.end() - quarter};
}

}  // namespace

std::optional<TokenChange> token_change(std::span<const Pair> pairs, double confidence) {
  std::vector<double> prefill;
  std::vector<double> per_token;
  std::vector<double> per_position;
  std::size_t n_later = 0;
  for (const Pair& pair : pairs) {
    const std::vector<double> a = token_medians(pair.a);
    const std::vector<double> b = token_medians(pair.b);
    if (a.size() != b.size() || a.size() < kFewestTokens + 1) {
      continue;
    }
    n_later = a.size() - 1;
    prefill.push_back(b[0] - a[0]);
    std::vector<double> later;
    for (std::size_t token = 1; token < a.size(); ++token) {
      later.push_back(b[token] - a[token]);
    }
    const Line line = theil_sen(later);
    per_token.push_back(line.constant);
    per_position.push_back(line.slope);
  }
  if (prefill.empty()) {
    return std::nullopt;
  }
  return TokenChange{change_of(prefill, confidence), change_of(per_token, confidence),
                     change_of(per_position, confidence), static_cast<std::int64_t>(n_later)};
}

std::vector<CentreChange> centre_changes(std::span<const ProfilePair> pairs) {
  std::map<CentreName, std::vector<std::pair<double, double>>> by_centre;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto a = seconds_of(pairs[i].first);
    const auto b = seconds_of(pairs[i].second);
    for (const auto& [name, seconds] : a) {
      by_centre[name].resize(pairs.size());
      by_centre[name][i].first = seconds;
    }
    for (const auto& [name, seconds] : b) {
      by_centre[name].resize(pairs.size());
      by_centre[name][i].second = seconds;
    }
  }
  const std::vector<std::size_t> counted = middle_half(pairs);
  std::vector<CentreChange> changes;
  std::vector<double> p_values;
  double total = 0;
  for (const auto& [name, seconds] : by_centre) {
    CentreChange change{name.first, name.second, 0, 0, 0, 1};
    for (const std::size_t i : counted) {
      change.a_seconds += seconds[i].first / static_cast<double>(counted.size());
      change.b_seconds += seconds[i].second / static_cast<double>(counted.size());
    }
    std::vector<double> differences;
    for (const auto& [a, b] : seconds) {
      differences.push_back(b - a);
    }
    const double inflation = sign_variance_inflation(differences);
    p_values.push_back(
        std::min(p_median_at_most(differences, 0, inflation), p_median_at_least(differences, 0, inflation)));
    total += change.b_seconds - change.a_seconds;
    changes.push_back(std::move(change));
  }
  const std::vector<double> adjusted = benjamini_hochberg(p_values);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i].p_value = adjusted[i];
    changes[i].fraction = total != 0 ? (changes[i].b_seconds - changes[i].a_seconds) / total : 0;
  }
  std::stable_sort(changes.begin(), changes.end(), [](const CentreChange& x, const CentreChange& y) {
    return std::abs(x.b_seconds - x.a_seconds) > std::abs(y.b_seconds - y.a_seconds);
  });
  return changes;
}

}  // namespace reprise::harness
