#include "harness/stats/warmup.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "harness/stats/dependence.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

constexpr std::size_t kFewest = 8;  // samples that can tell
/// At the end the error of a few samples that happen to lie together looks small.
constexpr std::size_t kEndFraction = 4;

/// Ranks from 0; equal samples share the middle of theirs.
std::vector<double> ranks_of(std::span<const double> samples) {
  std::vector<std::size_t> order(samples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return samples[a] < samples[b]; });
  std::vector<double> ranks(samples.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && samples[order[last + 1]] == samples[order[first]]) {
      ++last;
    }
    for (std::size_t i = first; i <= last; ++i) {
      ranks[order[i]] = static_cast<double>(first + last) / 2;
    }
    first = last + 1;
  }
  return ranks;
}

/// What is left of values when their least-squares line is taken out.
std::vector<double> without_line(std::span<const double> values) {
  const double middle = static_cast<double>(values.size() - 1) / 2;
  double products = 0;
  double squares = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = static_cast<double>(i) - middle;
    products += x * values[i];
    squares += x * x;
  }
  std::vector<double> rest(values.begin(), values.end());
  for (std::size_t i = 0; i < values.size(); ++i) {
    rest[i] -= products / squares * (static_cast<double>(i) - middle);
  }
  return rest;
}

}  // namespace

std::optional<std::size_t> warmup_length(std::span<const double> samples) {
  const std::size_t n = samples.size();
  if (n < kFewest) {
    return 0;
  }
  const std::vector<double> ranks = ranks_of(samples);
  const std::size_t last_cut = n - std::max(n / kEndFraction, kFewest / 2);
  double sum = 0;
  double squares = 0;
  double least = 0;
  std::size_t best = n;
  for (std::size_t cut = n; cut-- > 0;) {  // from the end: sums of what remains grow by one sample
    sum += ranks[cut];
    squares += ranks[cut] * ranks[cut];
    const auto remaining = static_cast<double>(n - cut);
    const double error = (squares - sum * sum / remaining) / (remaining * remaining);
    // Of equals the earlier: constant samples have no warm-up.
    if (cut <= last_cut && (best == n || error <= least)) {
      least = error;
      best = cut;
    }
  }
  return best <= n / 2 ? std::optional(best) : std::nullopt;
}

double trend(std::span<const double> samples) {
  const std::size_t n = samples.size();
  if (n < kFewest) {
    return 0;
  }
  const std::vector<double> ranks = ranks_of(samples);
  const double spread = variance(ranks);
  if (spread == 0) {
    return 0;
  }
  const std::size_t half = n / 2;
  const std::span<const double> early = std::span(ranks).first(half);
  const std::span<const double> late = std::span(ranks).last(n - half);
  // What moves all the time must not count as dependence.
  const std::vector<double> levelled = without_line(ranks);
  const double error = std::sqrt(spread * sign_variance_inflation(levelled) *
                                 (1 / static_cast<double>(half) + 1 / static_cast<double>(n - half)));
  return (mean(late) - mean(early)) / error;
}

}  // namespace reprise::harness
