#include "engine/capture/policy.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "engine/core/error.h"
#include "engine/core/philox.h"
#include "engine/io/printable.h"

namespace reprise::engine {
namespace {

constexpr std::int64_t kMostSlowest = 100'000;  // of which every call is compared with the fastest

template <class T>
std::optional<T> number_in(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

[[noreturn]] void refuse(std::string_view expected, std::string_view found) {
  fail(ErrorCode::invalid_argument, "capture policy: expected {}, found '{}'", expected, printable(found));
}

}  // namespace

CapturePolicy CapturePolicy::parse(std::string_view text, std::uint64_t seed) {
  CapturePolicy policy;
  policy.text_ = std::string(text);
  policy.seed_ = seed;
  if (text == "all") {
    return policy;
  }
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view value = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (name == "sample") {
    const auto probability = number_in<double>(value);
    if (!probability || !(*probability > 0 && *probability <= 1)) {
      refuse("sample:P with P above 0 and up to 1", text);
    }
    policy.rule_ = CaptureRule::sample;
    policy.probability_ = *probability;
    return policy;
  }
  const std::pair<std::string_view, CaptureRule> counted[] = {
      {"nth", CaptureRule::nth}, {"every", CaptureRule::every}, {"slowest", CaptureRule::slowest}};
  for (const auto& [rule_name, rule] : counted) {
    if (name != rule_name) {
      continue;
    }
    const auto count = number_in<std::int64_t>(value);
    if (!count || *count < 1 || (rule == CaptureRule::slowest && *count > kMostSlowest)) {
      refuse(rule == CaptureRule::slowest ? fmt::format("slowest:K with K from 1 to {}", kMostSlowest)
                                          : fmt::format("{}:N with a whole number N from 1", rule_name),
             text);
    }
    policy.rule_ = rule;
    policy.count_ = *count;
    return policy;
  }
  refuse("nth:N, every:N, sample:P, slowest:K or all", text);
}

bool CapturePolicy::chooses(std::int64_t in_process, std::int64_t number) const {
  switch (rule_) {
    case CaptureRule::nth:
      return in_process == count_;
    case CaptureRule::every:
      return number % count_ == 0;
    case CaptureRule::sample: {
      const auto n = static_cast<std::uint64_t>(number);
      const PhiloxCounter words = philox4x32_10(
          {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), 0, 0}, philox_key(seed_));
      return uniform_f64(words[0], words[1]) < probability_;
    }
    case CaptureRule::slowest:
    case CaptureRule::all:
      return true;
  }
  return false;
}

bool SlowestCalls::would_keep(double seconds) const {
  return seconds > no_room_ && (kept_.size() < k_ || seconds > kept_.front().first);
}

std::int64_t SlowestCalls::add(double seconds, std::int64_t number) {
  if (!would_keep(seconds)) {
    return 0;
  }
  // Of equally slow calls the latest stands first, so that it is the first to go.
  const auto slower = [](const auto& kept, double s) { return kept.first < s; };
  kept_.insert(std::lower_bound(kept_.begin(), kept_.end(), seconds, slower), {seconds, number});
  if (kept_.size() <= k_) {
    return 0;
  }
  const std::int64_t out = kept_.front().second;
  kept_.erase(kept_.begin());
  return out;
}

void SlowestCalls::remove(std::int64_t number) {
  std::erase_if(kept_, [number](const auto& kept) { return kept.second == number; });
}

}  // namespace reprise::engine
