/// How timings scatter on real machines, as seeded generators, for tests that know the truth. For tests only.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace reprise::harness {

/// Uniform, normal and exponential numbers that are the same with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15 + 1) {}
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  double exponential(double mean) { return -mean * std::log(uniform()); }
  double normal() {  // Box & Muller
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * 3.14159265358979323846 * uniform());
  }
  bool happens(double probability) { return uniform() < probability; }

 private:
  std::mt19937_64 engine_;
};

/// Seconds of one run after another of a program that takes 0.1 s, as a factor around 1.
using Noise = std::function<double()>;
using NoiseModel = std::function<Noise(std::uint64_t seed)>;

inline NoiseModel lognormal(double sigma) {
  return [=](std::uint64_t seed) {
    return [=, random = Random(seed)]() mutable { return std::exp(sigma * random.normal()); };
  };
}

/// Never faster than the hardware, slower by chance.
inline NoiseModel floor_and_exponential(double mean) {
  return [=](std::uint64_t seed) {
    return [=, random = Random(seed)]() mutable { return 1 + random.exponential(mean); };
  };
}

/// A clock with two speeds that stays in one for a while.
inline NoiseModel two_clocks(double slow_factor, double to_slow, double to_fast) {
  return [=](std::uint64_t seed) {
    Random random(seed);
    const bool begins_slow = random.happens(to_slow / (to_slow + to_fast));
    return [=, slow = begins_slow]() mutable {
      slow = random.happens(slow ? to_fast : to_slow) ? !slow : slow;
      return (slow ? slow_factor : 1.0) * std::exp(0.005 * random.normal());
    };
  };
}

/// Each run resembles the one before; `sigma` is that of all runs.
inline NoiseModel autoregressive(double correlation, double sigma) {
  return [=](std::uint64_t seed) {
    Random random(seed);
    return [=, state = random.normal()]() mutable {
      state = correlation * state + std::sqrt(1 - correlation * correlation) * random.normal();
      return std::exp(sigma * state);
    };
  };
}

/// Slower by `per_run` with each run.
inline NoiseModel drift(double per_run, double sigma) {
  return [=](std::uint64_t seed) {
    return [=, random = Random(seed), run = 0]() mutable {
      return (1 + per_run * run++) * std::exp(sigma * random.normal());
    };
  };
}

/// Slower by `size` from one run on.
inline NoiseModel step(double size, int at_run, double sigma) {
  return [=](std::uint64_t seed) {
    return [=, random = Random(seed), run = 0]() mutable {
      return (run++ < at_run ? 1 : 1 + size) * std::exp(sigma * random.normal());
    };
  };
}

/// Slower by `size` at first, which fades.
inline NoiseModel warmup_decay(double size, double runs, double sigma) {
  return [=](std::uint64_t seed) {
    return [=, random = Random(seed), run = 0]() mutable {
      return (1 + size * std::exp(-run++ / runs)) * std::exp(sigma * random.normal());
    };
  };
}

/// Now and then a neighbour takes the machine for a few runs.
inline NoiseModel bursts(double begin, double end, double sigma) {
  return [=](std::uint64_t seed) {
    return [=, random = Random(seed), busy = false]() mutable {
      busy = random.happens(busy ? end : begin) ? !busy : busy;
      return (busy ? 1.2 + 0.3 * random.uniform() : 1.0) * std::exp(sigma * random.normal());
    };
  };
}

/// A timer that ticks every `tick`: many equal samples.
inline NoiseModel ticks(double tick, double sigma) {
  return [=](std::uint64_t seed) {
    return [=, random = Random(seed)]() mutable {
      return std::round(std::exp(sigma * random.normal()) / tick) * tick;
    };
  };
}

/// The median that a stationary model has in the long run.
inline double long_run_median(const NoiseModel& model) {
  Noise noise = model(12345);
  std::vector<double> values(400'001);
  for (double& value : values) {
    value = noise();
  }
  const auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace reprise::harness
