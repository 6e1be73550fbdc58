#include "engine/generate/token_sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/core/philox.h"
#include "engine/kernels/reference/reference.h"

namespace reprise::engine {
namespace {

struct Candidate {
  TokenId id;
  float logit;
  float weight;  ///< probability up to a factor: 1 for the highest logit
};

float highest_of(std::span<const float> x) {
  std::array<float, 16> lanes;
  lanes.fill(-std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + lanes.size() <= x.size(); i += lanes.size()) {
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    }
  }
  float highest = *std::max_element(lanes.begin(), lanes.end());
  for (; i < x.size(); ++i) {
    highest = std::max(highest, x[i]);
  }
  return highest;
}

/// Every token, in order of id. Differences of logits are divided by the temperature, not logits: a quotient
/// of these overflows to minus infinity at worst, which weighs nothing.
std::vector<Candidate> all_candidates(std::span<const float> logits, float temperature) {
  std::vector<float> weights(logits.size());
  kernels::exp_differences(weights, logits, highest_of(logits), temperature);
  std::vector<Candidate> candidates;
  candidates.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    candidates.push_back({static_cast<TokenId>(i), logits[i], weights[i]});
  }
  return candidates;
}

bool ranks_before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

/// The first of the highest. Block by block: the highest of a block takes no branches, so it vectorises, and
/// only the block that has it is searched. logits: finite.
TokenId greedy(std::span<const float> logits) {
  constexpr std::size_t kBlock = 1024;
  std::size_t best_block = 0;
  float best = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < logits.size(); i += kBlock) {
    const float highest = highest_of(logits.subspan(i, std::min(kBlock, logits.size() - i)));
    if (highest > best) {
      best = highest;
      best_block = i;
    }
  }
  return static_cast<TokenId>(
      std::find(logits.begin() + static_cast<std::ptrdiff_t>(best_block), logits.end(), best) -
      logits.begin());
}

std::vector<float> penalized(std::span<const float> logits, std::span<const TokenId> context, float penalty) {
  std::vector<float> result(logits.begin(), logits.end());
  std::vector<TokenId> ids(context.begin(), context.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const TokenId id : ids) {
    float& logit = result[static_cast<std::size_t>(id)];
    // A penalty far from 1 may overflow, and infinities have no differences to weigh.
    logit = std::clamp(logit > 0 ? logit / penalty : logit * penalty, std::numeric_limits<float>::lowest(),
                       std::numeric_limits<float>::max());
  }
  return result;
}

/// Moves the n best to the front, in rank order.
void rank_first(std::vector<Candidate>& candidates, std::size_t n) {
  if (n < candidates.size()) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(n),
                     candidates.end(), ranks_before);
  }
  std::sort(candidates.begin(),
            candidates.begin() + static_cast<std::ptrdiff_t>(std::min(n, candidates.size())), ranks_before);
}

void keep_top_p(std::vector<Candidate>& candidates, float top_p) {
  double total = 0;
  for (const Candidate& candidate : candidates) {
    total += static_cast<double>(candidate.weight);
  }
  // The set is usually tiny against the vocabulary: rank a few, and more only when they do not reach p.
  for (std::size_t n = 256;; n *= 8) {
    rank_first(candidates, n);
    double mass = 0;
    for (std::size_t i = 0; i < std::min(n, candidates.size()); ++i) {
      mass += static_cast<double>(candidates[i].weight);
      if (mass >= static_cast<double>(top_p) * total) {
        candidates.resize(i + 1);
        return;
      }
    }
    if (n >= candidates.size()) {
      return;  // rounding kept the mass below p of the total: all stay
    }
  }
}

}  // namespace

void check(const SamplingParameters& p) {
  const auto require = [](bool condition, const char* field, const char* expected, auto found) {
    if (!condition) {
      fail(ErrorCode::invalid_argument, "request: {}: expected {}, found {}", field, expected, found);
    }
  };
  require(std::isfinite(p.repetition_penalty) && p.repetition_penalty > 0, "repetition_penalty",
          "a positive number", p.repetition_penalty);
  require(std::isfinite(p.temperature) && p.temperature >= 0, "temperature",
          "0 (greedy) or a positive number", p.temperature);
  require(p.top_k >= 0, "top_k", "0 (all) or a positive count", p.top_k);
  require(p.top_p > 0 && p.top_p <= 1, "top_p", "a number above 0, at most 1", p.top_p);
  require(p.min_p >= 0 && p.min_p <= 1, "min_p", "a number from 0 to 1", p.min_p);
}

TokenId sample_token(std::span<const float> logits, std::span<const TokenId> context,
                     const SamplingParameters& p, std::int64_t position) {
  REPRISE_CHECK(!logits.empty());
  std::vector<float> changed;
  if (p.repetition_penalty != 1) {
    changed = penalized(logits, context, p.repetition_penalty);
    logits = changed;
  }
  if (p.temperature == 0) {
    return greedy(logits);
  }
  std::vector<Candidate> candidates = all_candidates(logits, p.temperature);
  // Sums run in order of id, so that they do not depend on how candidates were ranked.
  const auto by_id = [](const Candidate& a, const Candidate& b) { return a.id < b.id; };
  if (p.top_k > 0 && static_cast<std::size_t>(p.top_k) < candidates.size()) {
    rank_first(candidates, static_cast<std::size_t>(p.top_k));
    candidates.resize(static_cast<std::size_t>(p.top_k));
    std::sort(candidates.begin(), candidates.end(), by_id);
  }
  if (p.top_p < 1) {
    keep_top_p(candidates, p.top_p);
    std::sort(candidates.begin(), candidates.end(), by_id);
  }
  if (p.min_p > 0) {
    std::erase_if(candidates, [&](const Candidate& c) {
      return static_cast<double>(c.weight) < static_cast<double>(p.min_p);
    });
  }
  double total = 0;
  for (const Candidate& candidate : candidates) {
    total += static_cast<double>(candidate.weight);
  }
  const auto counter = static_cast<std::uint64_t>(position);
  const PhiloxCounter random =
      philox4x32_10({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
                    philox_key(p.seed));
  const double target = uniform_f64(random[0], random[1]) * total;
  double mass = 0;
  for (const Candidate& candidate : candidates) {
    mass += static_cast<double>(candidate.weight);
    if (target < mass) {
      return candidate.id;
    }
  }
  return candidates.back().id;
}

}  // namespace reprise::engine
