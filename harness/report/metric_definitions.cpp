#include "harness/report/metric_definitions.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "harness/measure/steady_part.h"
#include "harness/stats/bootstrap.h"
#include "harness/stats/median_sequence.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

constexpr std::pair<std::string_view, double> kLatencyPercentiles[] = {{kInterTokenLatencyP50Seconds, 0.50},
                                                                       {kInterTokenLatencyP90Seconds, 0.90},
                                                                       {kInterTokenLatencyP95Seconds, 0.95},
                                                                       {kInterTokenLatencyP99Seconds, 0.99}};

class MetricTable {
 public:
  MetricTable(std::span<const Sample> samples, std::size_t runs_per_block, double confidence)
      : samples_(samples), runs_per_block_(runs_per_block), confidence_(confidence) {}

  /// Adds the median of `value_of` each run, unless one run has no value.
  template <class ValueOf>
  void add_median(std::string_view name, const char* unit, Better better, ValueOf&& value_of) {
    std::vector<double> values;
    for (const Sample& sample : samples_) {
      const std::optional<double> value = value_of(sample);
      if (!value) {
        return;
      }
      values.push_back(*value);
    }
    const std::vector<double> blocks = block_medians_or_median(values, runs_per_block_);
    const MedianEstimate estimate = estimate_median(blocks, confidence_);
    Metric metric = base(unit, better, blocks);
    metric.value = estimate.value;
    metric.ci = estimate.ci;
    metric.n_effective = estimate.n_effective;
    metrics_.emplace(name, metric);
  }

  void add_latencies() {
    std::vector<std::span<const double>> runs;
    std::vector<double> pooled;
    for (const Sample& sample : samples_) {
      if (sample.token_seconds.size() < 2) {
        return;
      }
      runs.push_back(std::span(sample.token_seconds).subspan(1));
      pooled.insert(pooled.end(), runs.back().begin(), runs.back().end());
    }
    std::sort(pooled.begin(), pooled.end());
    std::vector<double> ps;
    ps.reserve(std::size(kLatencyPercentiles));
    for (const auto& [name, p] : kLatencyPercentiles) {
      ps.push_back(p);
    }
    std::vector<Interval> cis;
    const bool enough = runs.size() >= min_samples_for_median_interval(confidence_);
    if (enough) {
      cis = bootstrap_pooled_quantile_cis(runs, ps, {.confidence = confidence_});
    }
    for (std::size_t i = 0; i < ps.size(); ++i) {
      std::vector<double> values;
      for (const std::span<const double> run : runs) {
        values.push_back(quantile(run, ps[i]));
      }
      Metric metric = base("s", Better::lower, values);
      metric.value = quantile_of_sorted(pooled, ps[i]);
      if (enough) {
        metric.ci = cis[i];
      }
      metrics_.emplace(kLatencyPercentiles[i].first, metric);
    }
  }

  std::map<std::string, Metric> take() { return std::move(metrics_); }

 private:
  [[nodiscard]] Metric base(const char* unit, Better better, std::span<const double> values) const {
    Metric metric;
    metric.unit = unit;
    metric.better = better;
    metric.confidence = confidence_;
    metric.n = static_cast<std::int64_t>(values.size());
    metric.lag1_autocorrelation = lag1_autocorrelation(values);
    return metric;
  }

  std::span<const Sample> samples_;
  std::size_t runs_per_block_;
  double confidence_;
  std::map<std::string, Metric> metrics_;
};

std::optional<double> rate(double count, Seconds seconds) {
  return count > 0 && seconds > 0 ? std::optional(count / seconds) : std::nullopt;
}

}  // namespace

std::map<std::string, Metric> compute_metrics(std::span<const Sample> samples,
                                              std::int64_t n_prompt_processed, std::size_t runs_per_block,
                                              double confidence) {
  if (samples.empty()) {
    return {};
  }
  using Value = std::optional<double>;
  MetricTable table(samples, runs_per_block, confidence);
  table.add_median(kTotalSeconds, "s", Better::lower,
                   [](const Sample& s) -> Value { return s.total_seconds; });
  table.add_median(kTimeToFirstTokenSeconds, "s", Better::lower, [](const Sample& s) -> Value {
    return s.token_seconds.empty() ? Value() : s.time_to_first_token_seconds;
  });
  table.add_median(kPrefillTokensPerSecond, "tokens/s", Better::higher, [&](const Sample& s) -> Value {
    return s.token_seconds.empty()
               ? Value()
               : rate(static_cast<double>(n_prompt_processed), s.time_to_first_token_seconds);
  });
  table.add_median(kDecodeTokensPerSecond, "tokens/s", Better::higher, [](const Sample& s) -> Value {
    return rate(static_cast<double>(s.token_seconds.size()) - 1,
                s.total_seconds - s.time_to_first_token_seconds);
  });
  table.add_latencies();
  return table.take();
}

}  // namespace reprise::harness
