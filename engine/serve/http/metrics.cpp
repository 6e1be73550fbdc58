#include "engine/serve/http/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace reprise::engine {
namespace {

/// From `first`, each bound 2.5 or 2 times the one before: 1, 2.5, 5, 10, ...
std::vector<double> bounds_from(double first, int n) {
  constexpr std::array kSteps = {1.0, 2.5, 5.0};
  std::vector<double> bounds;
  double decade = first;
  for (int i = 0; i < n; ++i) {
    bounds.push_back(decade * kSteps[static_cast<std::size_t>(i % 3)]);
    decade *= i % 3 == 2 ? 10 : 1;
  }
  return bounds;
}

std::string heading(const std::string& name, const std::string& help, const char* type) {
  return fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

std::string counter(const std::string& name, const std::string& help, std::int64_t value) {
  return heading(name, help, "counter") + fmt::format("{} {}\n", name, value);
}

}  // namespace

void Histogram::add(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++counts_[static_cast<std::size_t>(bucket)];
  ++n_;
  sum_ += value;
}

std::string Histogram::text(const std::string& name, const std::string& help) const {
  std::string text = heading(name, help, "histogram");
  std::int64_t below = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    below += counts_[i];
    text += fmt::format("{}_bucket{{le=\"{:g}\"}} {}\n", name, bounds_[i], below);
  }
  text += fmt::format("{}_bucket{{le=\"+Inf\"}} {}\n", name, n_);
  return text + fmt::format("{}_sum {}\n{}_count {}\n", name, sum_, name, n_);
}

ServerMetrics::ServerMetrics()
    : request_seconds_(bounds_from(1e-3, 18)),
      first_token_seconds_(bounds_from(1e-3, 15)),
      token_seconds_(bounds_from(1e-4, 13)) {}

void ServerMetrics::count_request(const std::string& endpoint, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++requests_[{endpoint, status}];
  request_seconds_.add(seconds);
}

void ServerMetrics::count_call(const GenerateResult& result) {
  const std::lock_guard lock(mutex_);
  n_prompt_ += result.n_prompt;
  n_cached_ += result.n_cached;
  n_generated_ += std::ssize(result.generated_ids);
  for (std::size_t i = 0; i < result.token_seconds.size(); ++i) {
    (i == 0 ? first_token_seconds_ : token_seconds_).add(result.token_seconds[i]);
  }
}

void ServerMetrics::count_cancelled() {
  const std::lock_guard lock(mutex_);
  ++n_cancelled_;
}

std::string ServerMetrics::text(const Gauges& gauges) const {
  const std::lock_guard lock(mutex_);
  std::string text = heading("reprise_requests_total", "Requests answered.", "counter");
  for (const auto& [key, n] : requests_) {
    text +=
        fmt::format("reprise_requests_total{{endpoint=\"{}\",status=\"{}\"}} {}\n", key.first, key.second, n);
  }
  text += counter("reprise_cancelled_total", "Answers whose client hung up before they were whole.",
                  n_cancelled_);
  text +=
      counter("reprise_prompt_tokens_processed_total", "Prompt tokens that had to be processed.", n_prompt_);
  text += counter("reprise_prompt_tokens_cached_total", "Prompt tokens found in a KV cache.", n_cached_);
  text += counter("reprise_generated_tokens_total", "Tokens generated.", n_generated_);
  text +=
      request_seconds_.text("reprise_request_seconds", "From the request's head to the end of its answer.");
  text += first_token_seconds_.text("reprise_time_to_first_token_seconds",
                                    "From the start of a call on its slot to its first token.");
  text += token_seconds_.text("reprise_inter_token_seconds", "Between two tokens of a call.");
  for (const auto& [name, value] : gauges) {
    text += fmt::format("# TYPE {} gauge\n{} {:g}\n", name, name, value);
  }
  return text;
}

}  // namespace reprise::engine
