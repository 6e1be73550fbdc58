/// The sampling loop of two arms that are compared: runs in turn, so that what slows the machine slows both.
/// It knows neither engines nor captures. Used by tools/cli for compare and gate.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/clock/clock.h"
#include "harness/measure/ratio.h"
#include "harness/replay/runner.h"

namespace reprise::harness {

/// What of a run is compared, in seconds. Rates are their inverses, and change as they do.
enum class Quantity { total, first_token, later_tokens };
inline constexpr std::array kQuantities = {Quantity::total, Quantity::first_token, Quantity::later_tokens};

/// Absent where a run has no such time.
std::optional<Seconds> seconds_of(const Sample& sample, Quantity quantity);

struct PairedOptions {
  RatioOptions ratio;
  std::size_t warmup_pairs = 2;  ///< of each pair of processes, dropped at least
  std::size_t max_pairs = 2'000;
  Seconds budget_seconds = 60;  ///< of each pair of processes
  std::uint64_t seed = 1;       ///< of the order of turns
};

/// Why a session of pairs ended.
enum class PairedStop { decided, budget, max_pairs, failed };

/// One turn of both arms, neighbours in time: a block of runs each, at least 50 ms where runs are short.
struct Pair {
  std::vector<Sample> a;
  std::vector<Sample> b;
  bool a_first = true;
};

/// The pairs of one pair of processes.
struct PairedSession {
  std::vector<Pair> warmup;  ///< the first one holds the cold runs
  std::vector<Pair> pairs;
  PairedStop stop = PairedStop::failed;
  bool a_failed = false;  ///< whose outputs did not verify, when that is why it ended
};

/// Log-ratios of one quantity, in order: of the medians of each turn. Pairs without that quantity are left
/// out.
std::vector<double> log_ratios(std::span<const Pair> pairs, Quantity quantity);

/// The log-ratios of each session.
std::vector<std::vector<double>> log_ratios(std::span<const PairedSession> sessions, Quantity quantity);

/// Told after every pair how many there were, warm-up included.
using PairProgress = std::function<void(std::size_t pairs)>;

/// Takes pairs in blocks of four turns, ABBA or BAAB by a coin that `seed` decides, so that a steady drift
/// cancels. Both arms' turns have the same number of runs. Stops after a block when every quantity has a
/// verdict other than inconclusive, over the pairs of `earlier` sessions too, or time or pairs run out, or an
/// arm's outputs do not verify. What the runners throw passes through.
PairedSession measure_pairs(Runner& a, Runner& b, const PairedOptions& options, Clock& clock,
                            std::span<const PairedSession> earlier = {}, const PairProgress& progress = {});

}  // namespace reprise::harness
