#include "harness/report/metric_definitions.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

constexpr std::pair<std::string_view, double> kLatencyPercentiles[] = {{kInterTokenLatencyP50Seconds, 0.50},
                                                                       {kInterTokenLatencyP90Seconds, 0.90},
                                                                       {kInterTokenLatencyP95Seconds, 0.95},
                                                                       {kInterTokenLatencyP99Seconds, 0.99}};

class MetricTable {
 public:
  MetricTable(std::span<const Sample> samples, const BootstrapOptions& options)
      : samples_(samples),
        options_(options),
        enough_(samples.size() >= min_samples_for_median_interval(options.confidence)) {}

  /// Adds the median of `value_of` each sample, unless one sample has no value.
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
    Metric metric = base(unit, better, values);
    metric.value = median(values);
    if (enough_) {
      metric.ci = bootstrap_median_ci(values, options_);
    }
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
    if (enough_) {
      cis = bootstrap_pooled_quantile_cis(runs, ps, options_);
    }
    for (std::size_t i = 0; i < ps.size(); ++i) {
      std::vector<double> values;
      for (const std::span<const double> run : runs) {
        values.push_back(quantile(run, ps[i]));
      }
      Metric metric = base("s", Better::lower, values);
      metric.value = quantile_of_sorted(pooled, ps[i]);
      if (enough_) {
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
    metric.confidence = options_.confidence;
    metric.n = static_cast<std::int64_t>(values.size());
    metric.lag1_autocorrelation = lag1_autocorrelation(values);
    return metric;
  }

  std::span<const Sample> samples_;
  BootstrapOptions options_;
  bool enough_;
  std::map<std::string, Metric> metrics_;
};

std::optional<double> rate(double count, Seconds seconds) {
  return count > 0 && seconds > 0 ? std::optional(count / seconds) : std::nullopt;
}

}  // namespace

std::map<std::string, Metric> compute_metrics(std::span<const Sample> samples,
                                              std::int64_t n_prompt_processed,
                                              const BootstrapOptions& options) {
  if (samples.empty()) {
    return {};
  }
  using Value = std::optional<double>;
  MetricTable table(samples, options);
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
