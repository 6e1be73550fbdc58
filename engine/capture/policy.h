/// Which calls to capture, for a program that makes many. Decides; keeps no files and no clock.
///
///   nth:N      the N-th call alone
///   every:N    each N-th call
///   sample:P   each call with probability P, by Philox keyed by (seed, number of the call)
///   slowest:K  the K slowest calls so far, by total seconds: decided after each call
///   all        every call
///
/// Used by field_capture.h and, for its text, by tools/cli.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reprise::engine {

enum class CaptureRule : std::uint8_t { nth, every, sample, slowest, all };

class CapturePolicy {
 public:
  /// Captures every call.
  CapturePolicy() = default;

  /// `seed` is that of sample:P. Errors: invalid_argument, "capture policy: expected ..., found ...".
  static CapturePolicy parse(std::string_view text, std::uint64_t seed = 0);

  [[nodiscard]] CaptureRule rule() const { return rule_; }
  /// The N of nth, every and slowest; 1 for the others.
  [[nodiscard]] std::int64_t count() const { return count_; }
  /// What parse() was given.
  [[nodiscard]] const std::string& text() const { return text_; }

  /// Whether to record a call before it begins; for slowest every one, since nobody knows yet. Both numbers
  /// count from 1: `in_process` the calls of this process, `number` those of the folder and the log, across
  /// restarts. nth looks at the first, every and sample at the second: a program that makes one call each
  /// time it is started is sampled as well.
  [[nodiscard]] bool chooses(std::int64_t in_process, std::int64_t number) const;

 private:
  CaptureRule rule_ = CaptureRule::all;
  std::int64_t count_ = 1;
  double probability_ = 1;
  std::uint64_t seed_ = 0;
  std::string text_ = "all";
};

/// The K slowest calls of those it was told, equal ones in the order in which they came. Not thread-safe.
class SlowestCalls {
 public:
  explicit SlowestCalls(std::int64_t k) : k_(static_cast<std::size_t>(k)) {}

  /// Whether a call of so many seconds would be among them now.
  [[nodiscard]] bool would_keep(double seconds) const;
  /// Adds it where would_keep() holds, and returns the number of the call that it drove out, or 0.
  std::int64_t add(double seconds, std::int64_t number);
  /// A call that is not there after all, so that another may take its place.
  void remove(std::int64_t number);
  /// A call of so many seconds had to go for want of room: from now on those that are no slower have none
  /// either, although there are fewer than K.
  void had_no_room(double seconds) { no_room_ = std::max(no_room_, seconds); }

 private:
  std::size_t k_;
  double no_room_ = -1;                                ///< seconds of the slowest that had no room
  std::vector<std::pair<double, std::int64_t>> kept_;  ///< (seconds, number), fastest first
};

}  // namespace reprise::engine
