/// A day of calls as a server might log it, for proofs of the selection: chats whose cache grows with every
/// turn, long documents, short completions and batch jobs, in times of a made-up machine. Seeded.
///
/// The machine is not the cost model of stats/call_cost.h: small prompts use it badly, prompts go through it
/// in chunks, and times are noisy with slow outliers, so that a fit is never exact.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "engine/core/philox.h"
#include "harness/stats/call_cost.h"

namespace reprise::harness::testing {

struct TrafficCall {
  CallLengths lengths;
  double seconds = 0;
};

/// What a made-up machine, or build, takes.
struct TrafficMachine {
  double per_call = 3e-3;
  double per_prompt_token = 6e-4;
  double per_prompt_pair = 4e-8;
  double per_chunk = 8e-3;
  double per_token = 15e-3;
  double per_token_pair = 1.5e-6;
  double noise = 0.08;     ///< standard deviation of the logarithm
  double outliers = 0.01;  ///< share of calls that take 1.5 to 3 times as long

  [[nodiscard]] double seconds(const CallLengths& call) const {
    const auto c = static_cast<double>(call.n_cached);
    const auto p = static_cast<double>(call.n_processed);
    const auto g = static_cast<double>(call.n_generated);
    const double badly_used = std::min(p, 32.0) / 32;  // a matrix product of few rows waits for its weights
    return per_call + per_token * badly_used + per_prompt_token * p + per_prompt_pair * p * (c + p / 2) +
           per_chunk * std::ceil(p / 512) + per_token * g + per_token_pair * g * (c + p + g / 2);
  }
};

class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : key_(engine::philox_key(seed)) {}

  double uniform() {
    const auto words = engine::philox4x32_10({counter_++, 0, 0, 0}, key_);
    return engine::uniform_f64(words[0], words[1]);
  }
  double normal() {
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }
  /// Lognormal with this median, from 1 to `most`.
  std::int64_t length(double median, double sigma, std::int64_t most) {
    return std::clamp<std::int64_t>(std::llround(median * std::exp(sigma * normal())), 1, most);
  }

  std::vector<TrafficCall> day(std::size_t n, const TrafficMachine& machine = {}) {
    std::vector<TrafficCall> calls;
    while (calls.size() < n) {
      const double kind = uniform();
      if (kind < 0.25) {
        chat(calls);
      } else if (kind < 0.32) {
        calls.push_back({{0, length(3500, 0.6, 16'000), length(180, 0.5, 1024)}});
      } else if (kind < 0.75) {
        calls.push_back({{64, length(90, 0.8, 2000), length(16, 0.7, 128)}});
      } else {
        const std::int64_t n_tokens = 1 + static_cast<std::int64_t>(uniform() * 48);
        calls.push_back({{512, length(220, 0.15, 1000), n_tokens}});
      }
    }
    calls.resize(n);
    for (TrafficCall& call : calls) {
      call.seconds = noisy(machine, call.lengths);
    }
    return calls;
  }

  double noisy(const TrafficMachine& machine, const CallLengths& lengths) {
    const double slow = uniform() < machine.outliers ? 1.5 + 1.5 * uniform() : 1;
    return machine.seconds(lengths) * slow * std::exp(machine.noise * normal());
  }

 private:
  /// Turns of one conversation, each of which finds the ones before in the cache.
  void chat(std::vector<TrafficCall>& calls) {
    std::int64_t context = 0;
    std::int64_t system = 150 + static_cast<std::int64_t>(uniform() * 900);
    do {
      const std::int64_t processed = system + length(70, 0.9, 2000);
      const std::int64_t generated = length(220, 0.8, 2048);
      calls.push_back({{context, processed, generated}});
      context += processed + generated;
      system = 0;
    } while (uniform() < 0.8 && context < 12'000);
  }

  engine::PhiloxKey key_;
  std::uint32_t counter_ = 0;
};

}  // namespace reprise::harness::testing
