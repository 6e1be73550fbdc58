#include "harness/tests/measure/proof/proof.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <span>

#include "harness/measure/measure.h"
#include "harness/measure/paired.h"
#include "harness/stats/summary.h"
#include "harness/tests/support/fake_clock.h"

namespace reprise::harness::proof {
namespace {

constexpr Seconds kSeconds = 0.1;  // of a run
constexpr double kConfidence = 0.95;

/// Runs that have a total and no tokens: one quantity to compare.
class PlainRunner final : public Runner {
 public:
  PlainRunner(FakeClock& clock, Noise noise) : clock_(clock), noise_(std::move(noise)) {}
  void restore() override {}
  Sample run() override {
    Sample sample;
    sample.total_seconds = kSeconds * noise_();
    sample.verified = true;
    clock_.advance(sample.total_seconds);
    return sample;
  }

 private:
  FakeClock& clock_;
  Noise noise_;
};

bool holds(const Interval& interval, double value) {
  constexpr double kRounding = 1e-12;
  return interval.low <= value * (1 + kRounding) && value <= interval.high * (1 + kRounding);
}

/// Mean and its interval under the assumption that samples are independent.
struct MeanSoFar {
  double n = 0;
  double sum = 0;
  double squares = 0;
  void add(double x) {
    ++n;
    sum += x;
    squares += x * x;
  }
  [[nodiscard]] double mean() const { return sum / n; }
  [[nodiscard]] double standard_error() const {
    return std::sqrt(std::max(squares - sum * sum / n, 0.0) / (n - 1) / n);
  }
  [[nodiscard]] Interval interval(double quantile) const {
    return {mean() - quantile * standard_error(), mean() + quantile * standard_error()};
  }
};

constexpr int kMostRuns = 3000;

/// Student's t quantiles for a 95 % interval, by sample size.
double t_quantile(std::size_t n) {
  static const std::vector<double> table = [] {
    std::vector<double> quantiles(2, 0);
    for (int size = 2; size <= kMostRuns; ++size) {
      quantiles.push_back(boost::math::quantile(boost::math::students_t(size - 1), 0.5 + kConfidence / 2));
    }
    return quantiles;
  }();
  return table[n];
}

/// Stops when Student's t interval of the mean is within 1 %, looked at after every run from the tenth on.
Interval t_with_looks(Noise noise) {
  MeanSoFar mean;
  for (int run = 0; run < kMostRuns; ++run) {
    mean.add(noise());
    if (mean.n >= 10) {
      const Interval interval = mean.interval(t_quantile(static_cast<std::size_t>(mean.n)));
      if (interval.high - mean.mean() <= 0.01 * mean.mean()) {
        return interval;
      }
    }
  }
  return mean.interval(1.96);
}

/// At least 10 runs and half a second, then half as many again while, for some rung, the autocorrelation is
/// above the first number and the relative standard error above the second.
/// Source: the convergence phase of `futhark bench` (Futhark.Bench in diku-dk/futhark).
Interval futhark_ladder(Noise noise) {
  constexpr std::pair<double, double> kLadder[] = {
      {0.95, 0.0010}, {0.75, 0.0015}, {0.65, 0.0025}, {0.45, 0.0050}, {0.0, 0.0100}};
  MeanSoFar mean;
  std::vector<double> runs;
  int more = 10;
  while (more > 0 && mean.n < kMostRuns) {
    for (int run = 0; run < more; ++run) {
      runs.push_back(noise());
      mean.add(runs.back());
    }
    const double correlation = lag1_autocorrelation(runs).value_or(0);
    const double error = mean.standard_error() / mean.mean();
    const bool goes_on = std::any_of(std::begin(kLadder), std::end(kLadder), [&](const auto& rung) {
      return correlation > rung.first && error > rung.second;
    });
    more = goes_on ? static_cast<int>(mean.n) / 2 : 0;
  }
  return mean.interval(1.96);
}

double long_run_mean(const NoiseModel& model) {
  Noise noise = model(54321);
  double sum = 0;
  constexpr int kRuns = 400'000;
  for (int run = 0; run < kRuns; ++run) {
    sum += noise();
  }
  return sum / kRuns;
}

/// Two-sided p of the rank-sum test, by its normal approximation without ties.
double mann_whitney_p(const std::vector<double>& a, const std::vector<double>& b) {
  double wins = 0;
  for (const double x : a) {
    for (const double y : b) {
      wins += x > y ? 1 : (x == y ? 0.5 : 0);
    }
  }
  const auto m = static_cast<double>(a.size());
  const auto n = static_cast<double>(b.size());
  const double z = (wins - m * n / 2) / std::sqrt(m * n * (m + n + 1) / 12);
  return 2 * boost::math::cdf(boost::math::complement(boost::math::normal(), std::abs(z)));
}

/// The arms of one replicate.
class Arms {
 public:
  Arms(const TwoArmCell& cell, double slowdown, std::uint64_t seed)
      : cell_(cell), slowdown_(slowdown), seed_(seed), machine_(cell.machine(seed)) {}

  /// Noise of the arm in its `process`-th process: the machine's is shared.
  Noise arm(bool is_b, int process) {
    const std::uint64_t own_seed =
        seed_ * 1000 + static_cast<std::uint64_t>(2 * process + (is_b ? 1 : 0)) + 7;
    Random random(own_seed + 500'000'000);
    const double speed = std::exp(cell_.process_sigma * random.normal()) * (is_b ? 1 + slowdown_ : 1);
    return [this, speed, own = (is_b ? cell_.own_b : cell_.own_a)(own_seed)]() mutable {
      return speed * machine_() * own();
    };
  }
  /// The estimate after all processes.
  RatioEstimate compare(const PairedOptions& options) {
    FakeClock clock;
    std::vector<PairedSession> sessions;
    for (int process = 0; process < cell_.processes; ++process) {
      PlainRunner a(clock, arm(false, process));
      PlainRunner b(clock, arm(true, process));
      PairedOptions own = options;
      own.seed = seed_ * 31 + static_cast<std::uint64_t>(process);
      own.budget_seconds = options.budget_seconds / cell_.processes;
      sessions.push_back(measure_pairs(a, b, own, clock, sessions));
    }
    return estimate_ratio(log_ratios(sessions, Quantity::total), options.ratio);
  }
  /// 30 runs of a, then 30 of b.
  std::pair<std::vector<double>, std::vector<double>> in_sequence() {
    constexpr int kRuns = 30;
    std::pair<std::vector<double>, std::vector<double>> samples;
    Noise a = arm(false, 0);
    Noise b = arm(true, 0);
    for (int run = 0; run < kRuns; ++run) {
      samples.first.push_back(a());
    }
    for (int run = 0; run < kRuns; ++run) {
      samples.second.push_back(b());
    }
    return samples;
  }

 private:
  const TwoArmCell& cell_;
  double slowdown_;
  std::uint64_t seed_;
  Noise machine_;
};

NoiseModel calm() {
  return [](std::uint64_t /*seed*/) { return [] { return 1.0; }; };
}

double relative_deviation(const std::vector<double>& samples) {
  return std::sqrt(variance(samples)) / mean(samples);
}

}  // namespace

std::vector<OneArmCell> one_arm_cells() {
  const auto stationary = [](std::string name, NoiseModel model) {
    const double truth = long_run_median(model);
    return OneArmCell{std::move(name), std::move(model), [truth](std::size_t /*n*/) { return truth; }};
  };
  const auto constant = [](double value) { return [value](std::size_t /*n*/) { return value; }; };
  constexpr std::size_t kStepAt = 20;
  return {stationary("independent, lognormal 2 %", lognormal(0.02)),
          stationary("floor and exponential 3 %", floor_and_exponential(0.03)),
          stationary("two clocks 8 % apart", two_clocks(1.08, 0.05, 0.2)),
          stationary("autoregressive 0.1", autoregressive(0.1, 0.02)),
          stationary("autoregressive 0.3", autoregressive(0.3, 0.02)),
          stationary("autoregressive 0.6", autoregressive(0.6, 0.02)),
          stationary("bursts of a neighbour", bursts(0.02, 0.2, 0.01)),
          stationary("ticks of 1 %", ticks(0.01, 0.01)),
          {"warm-up, 30 % fading over 5 runs", warmup_decay(0.3, 5, 0.01), constant(1)},
          {"step of 5 % at run 20", step(0.05, kStepAt, 0.02),
           [](std::size_t n) { return n > kStepAt ? 1.05 : 1.0; }},
          {"drift of 0.2 % a run", drift(0.002, 0.01),
           [](std::size_t n) { return 1 + 0.002 * static_cast<double>(n - 1); }, false}};
}

OneArmResult prove(const OneArmCell& cell, int replicates) {
  MedianRuleOptions options;
  options.budget_seconds = 100;
  const MedianRule rule(options);
  const double true_mean = long_run_mean(cell.model);
  OneArmResult result;
  std::vector<double> errors;
  double with_interval = 0;
  double covered = 0;
  for (int replicate = 1; replicate <= replicates; ++replicate) {
    const auto seed = static_cast<std::uint64_t>(replicate);
    FakeClock clock;
    PlainRunner runner(clock, cell.model(seed));
    const Measurement measurement = measure(runner, rule, clock);
    std::vector<double> totals;
    for (const Sample& sample : measurement.samples) {
      totals.push_back(sample.total_seconds / kSeconds);
    }
    const std::size_t n_runs = measurement.warmup.size() + totals.size();
    const MedianEstimate estimate = estimate_median(totals, kConfidence);
    const double truth = cell.truth(n_runs);
    result.converged += measurement.converged() ? 1 : 0;
    result.runs += static_cast<double>(n_runs);
    with_interval += estimate.ci ? 1 : 0;
    covered += estimate.ci && holds(*estimate.ci, truth) ? 1 : 0;
    errors.push_back(std::abs(estimate.value / truth - 1));
    if (cell.has_steady_state) {
      result.t_coverage += holds(t_with_looks(cell.model(seed)), true_mean) ? 1 : 0;
      result.futhark_coverage += holds(futhark_ladder(cell.model(seed)), true_mean) ? 1 : 0;
    }
  }
  const double n = replicates;
  result.coverage = covered / with_interval;
  result.converged /= n;
  result.runs /= n;
  result.off_by = quantile(errors, 0.95);
  result.t_coverage /= n;
  result.futhark_coverage /= n;
  return result;
}

std::vector<TwoArmCell> two_arm_cells() {
  const NoiseModel own = lognormal(0.005);
  return {{"independent, lognormal 1 %", calm(), lognormal(0.01), lognormal(0.01)},
          {"floor and exponential 1 %", calm(), floor_and_exponential(0.01), floor_and_exponential(0.01)},
          {"two clocks 8 % apart", two_clocks(1.08, 0.02, 0.05), own, own},
          {"autoregressive 0.6", autoregressive(0.6, 0.01), own, own},
          {"drift of 0.1 % a run", drift(0.001, 0), own, own},
          {"step of 5 % at run 40", step(0.05, 40, 0), own, own},
          {"bursts of a neighbour", bursts(0.02, 0.2, 0), own, own},
          {"bursts that hit b only", calm(), own, bursts(0.02, 0.2, 0.005)},
          {"warm-up of b only", calm(), own, warmup_decay(0.3, 5, 0.005)},
          {"ticks of 0.5 %", calm(), ticks(0.005, 0.005), ticks(0.005, 0.005)},
          {"5 processes, alike", calm(), own, own, 0, 5},
          {"5 processes, 0.3 % apart", calm(), own, own, 0.003, 5},
          {"5 processes, 1 % apart", calm(), own, own, 0.01, 5},
          {"5 processes, 3 % apart", calm(), own, own, 0.03, 5}};
}

TwoArmResult prove(const TwoArmCell& cell, int replicates) {
  PairedOptions options;
  options.max_pairs = 200;
  TwoArmResult result;
  for (int replicate = 1; replicate <= replicates; ++replicate) {
    const auto seed = static_cast<std::uint64_t>(replicate);
    const RatioEstimate same = Arms(cell, 0, seed).compare(options);
    const ComparisonVerdict verdict = verdict_of(same, options.ratio);
    result.false_alarms +=
        verdict == ComparisonVerdict::regression || verdict == ComparisonVerdict::improvement ? 1 : 0;
    result.equivalent += verdict == ComparisonVerdict::equivalent ? 1 : 0;
    result.pairs += static_cast<double>(same.n_pairs);
    const auto is_found = [&](double slowdown, std::uint64_t stream) {
      const RatioEstimate slower = Arms(cell, slowdown, seed + stream).compare(options);
      return verdict_of(slower, options.ratio) == ComparisonVerdict::regression ? 1 : 0;
    };
    if (replicate % kPowerShare == 0) {
      result.found += kPowerShare * is_found(kSlowdown, 1'000'000);
      result.found_at_mde += same.minimum_detectable_effect
                                 ? kPowerShare * is_found(*same.minimum_detectable_effect, 2'000'000)
                                 : 0;
    }
    const auto [a, b] = Arms(cell, 0, seed).in_sequence();
    result.mann_whitney_false_alarms += mann_whitney_p(a, b) < 0.01 ? 1 : 0;
    const auto [c, d] = Arms(cell, kSlowdown, seed).in_sequence();
    const double change = mean(d) / mean(c) - 1;
    result.nvbench_found += change > std::min(relative_deviation(c), relative_deviation(d)) ? 1 : 0;
    result.threshold_found += mean(d) / mean(c) > 2 ? 1 : 0;
  }
  for (double* share :
       {&result.false_alarms, &result.equivalent, &result.pairs, &result.found, &result.found_at_mde,
        &result.mann_whitney_false_alarms, &result.nvbench_found, &result.threshold_found}) {
    *share /= replicates;
  }
  return result;
}

double monte_carlo_error(double p, int replicates) {
  return std::sqrt(p * (1 - p) / replicates);
}

}  // namespace reprise::harness::proof
