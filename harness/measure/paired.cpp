#include "harness/measure/paired.h"

#include <algorithm>
#include <cmath>

#include "engine/core/philox.h"
#include "harness/measure/steady_part.h"
#include "harness/stats/summary.h"
#include "harness/stats/warmup.h"

namespace reprise::harness {
namespace {

/// That the median of a pair of processes stands on.
constexpr std::size_t kPairsOfProcesses = 10;

/// A coin for each block of four turns.
bool begins_with_a(std::uint64_t seed, std::size_t block) {
  const auto words =
      engine::philox4x32_10({static_cast<std::uint32_t>(block), 0, 0, 0xABBA}, engine::philox_key(seed));
  return (words[0] & 1U) == 0;
}

std::optional<double> turn_median(std::span<const Sample> turn, Quantity quantity) {
  std::vector<double> values;
  for (const Sample& sample : turn) {
    const std::optional<Seconds> seconds = seconds_of(sample, quantity);
    if (!seconds || *seconds <= 0) {
      return std::nullopt;
    }
    values.push_back(*seconds);
  }
  return median(values);
}

class Session {
 public:
  Session(Runner& a, Runner& b, const PairedOptions& options, Clock& clock,
          std::span<const PairedSession> earlier, const PairProgress& progress)
      : a_(a), b_(b), options_(options), clock_(clock), earlier_(earlier), progress_(progress) {}

  PairedSession run() {
    const Seconds start = clock_.now();
    for (std::size_t block = 0;; ++block) {
      const bool a_first = begins_with_a(options_.seed, block);
      for (const bool first : {a_first, !a_first}) {
        if (!take_pair(first)) {
          session_.stop = PairedStop::failed;
          return finish();
        }
      }
      // The cold pair tells nothing about the time that runs take.
      if (block == 0) {
        runs_in_turn_ = find_runs_in_turn();
      }
      if (const auto stop = decide(clock_.now() - start)) {
        session_.stop = *stop;
        return finish();
      }
    }
  }

 private:
  bool take_pair(bool a_first) {
    Pair pair;
    pair.a_first = a_first;
    for (const bool is_a : {a_first, !a_first}) {
      if (!take_turn(is_a ? a_ : b_, is_a ? pair.a : pair.b)) {
        session_.a_failed = is_a;
        return false;
      }
    }
    taken_.push_back(std::move(pair));
    if (progress_) {
      progress_(taken_.size());
    }
    return true;
  }
  bool take_turn(Runner& runner, std::vector<Sample>& turn) const {
    turn = runner.runs(static_cast<std::int64_t>(runs_in_turn_));
    return std::all_of(turn.begin(), turn.end(), [](const Sample& sample) { return sample.verified; });
  }

  /// Both arms do as many, or one would have the quieter median.
  [[nodiscard]] std::size_t find_runs_in_turn() const {
    const Seconds seconds =
        std::min(taken_.back().a.back().total_seconds, taken_.back().b.back().total_seconds);
    const Seconds runs[] = {seconds, seconds};
    return find_steady_part(runs).runs_per_block;
  }

  /// Where pairs begin that count: the cold pair and those of single runs do not, and more where the ratio is
  /// seen to settle later.
  [[nodiscard]] std::size_t warmup_pairs() const {
    const std::size_t least = std::min(std::max<std::size_t>(options_.warmup_pairs, 2), taken_.size());
    const auto later = warmup_length(log_ratios(std::span(taken_).subspan(least), Quantity::total));
    return least + later.value_or(0);
  }

  /// Looks after every block at first, then each time the pairs have grown by a twentieth, to save work.
  [[nodiscard]] std::optional<PairedStop> decide(Seconds elapsed) {
    const bool out_of_time = elapsed >= options_.budget_seconds;
    if (taken_.size() < next_look_ && !out_of_time && taken_.size() < options_.max_pairs) {
      return std::nullopt;
    }
    next_look_ = taken_.size() + taken_.size() / 20;
    const std::size_t warmup = warmup_pairs();
    if (taken_.size() <= warmup) {
      return std::nullopt;
    }
    if (all_decided(std::span(taken_).subspan(warmup))) {
      return PairedStop::decided;
    }
    if (out_of_time) {
      return PairedStop::budget;
    }
    return taken_.size() - warmup >= options_.max_pairs ? std::optional(PairedStop::max_pairs) : std::nullopt;
  }
  [[nodiscard]] bool all_decided(std::span<const Pair> pairs) const {
    return std::all_of(kQuantities.begin(), kQuantities.end(), [&](Quantity quantity) {
      const std::vector<double> own = log_ratios(pairs, quantity);
      if (own.empty()) {
        return true;  // no such time
      }
      if (own.size() < kPairsOfProcesses) {
        return false;
      }
      std::vector<double> all;
      for (const PairedSession& session : earlier_) {
        const std::vector<double> ratios = log_ratios(session.pairs, quantity);
        all.insert(all.end(), ratios.begin(), ratios.end());
      }
      all.insert(all.end(), own.begin(), own.end());
      // As of one process: what differs between processes no further pair of these would tell.
      const std::vector<double> together[] = {std::move(all)};
      return verdict_of(estimate_ratio(together, options_.ratio), options_.ratio) !=
                 ComparisonVerdict::inconclusive &&
             std::abs(trend(own)) <= 2.58;
    });
  }

  PairedSession finish() {
    const auto first = taken_.begin() + static_cast<std::ptrdiff_t>(warmup_pairs());
    session_.pairs.assign(std::make_move_iterator(first), std::make_move_iterator(taken_.end()));
    taken_.erase(first, taken_.end());
    session_.warmup = std::move(taken_);
    return std::move(session_);
  }

  Runner& a_;
  Runner& b_;
  const PairedOptions& options_;
  Clock& clock_;
  std::span<const PairedSession> earlier_;
  const PairProgress& progress_;
  std::size_t runs_in_turn_ = 1;
  std::size_t next_look_ = 0;
  std::vector<Pair> taken_;
  PairedSession session_;
};

}  // namespace

std::optional<Seconds> seconds_of(const Sample& sample, Quantity quantity) {
  switch (quantity) {
    case Quantity::total:
      return sample.total_seconds;
    case Quantity::first_token:
      return sample.token_seconds.empty() ? std::nullopt : std::optional(sample.time_to_first_token_seconds);
    case Quantity::later_tokens:
      return sample.token_seconds.size() < 2
                 ? std::nullopt
                 : std::optional(sample.total_seconds - sample.time_to_first_token_seconds);
  }
  return std::nullopt;
}

std::vector<double> log_ratios(std::span<const Pair> pairs, Quantity quantity) {
  std::vector<double> ratios;
  for (const Pair& pair : pairs) {
    const auto a = turn_median(pair.a, quantity);
    const auto b = turn_median(pair.b, quantity);
    if (a && b) {
      ratios.push_back(std::log(*b / *a));
    }
  }
  return ratios;
}

std::vector<std::vector<double>> log_ratios(std::span<const PairedSession> sessions, Quantity quantity) {
  std::vector<std::vector<double>> ratios;
  ratios.reserve(sessions.size());
  for (const PairedSession& session : sessions) {
    ratios.push_back(log_ratios(session.pairs, quantity));
  }
  return ratios;
}

PairedSession measure_pairs(Runner& a, Runner& b, const PairedOptions& options, Clock& clock,
                            std::span<const PairedSession> earlier, const PairProgress& progress) {
  return Session(a, b, options, clock, earlier, progress).run();
}

}  // namespace reprise::harness
