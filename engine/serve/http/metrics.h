/// Counters and distributions of a server, in the text format that Prometheus reads.
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4). Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/generate/request.h"

namespace reprise::engine {

/// Observations by upper bound, as Prometheus has it.
class Histogram {
 public:
  /// `bounds`: rising.
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  void add(double value);
  [[nodiscard]] std::string text(const std::string& name, const std::string& help) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::int64_t> counts_;  // [bounds + 1], not cumulative
  std::int64_t n_ = 0;
  double sum_ = 0;
};

class ServerMetrics {
 public:
  ServerMetrics();

  void count_request(const std::string& endpoint, int status, double seconds);
  void count_call(const GenerateResult& result);
  /// The client hung up before its answer was whole.
  void count_cancelled();

  /// A value that is as it is now: the line's length, busy slots.
  using Gauges = std::vector<std::pair<std::string, double>>;
  [[nodiscard]] std::string text(const Gauges& gauges) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> requests_;  // by endpoint and status
  std::int64_t n_cancelled_ = 0;
  std::int64_t n_prompt_ = 0;
  std::int64_t n_cached_ = 0;
  std::int64_t n_generated_ = 0;
  Histogram request_seconds_;
  Histogram first_token_seconds_;
  Histogram token_seconds_;
};

}  // namespace reprise::engine
