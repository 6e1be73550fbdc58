#include "harness/measure/measure.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "engine/core/philox.h"

namespace reprise::harness {
namespace {

/// The state of one row between its runs.
class Row {
 public:
  explicit Row(Runner& runner) : runner_(runner) {}

  void run_once(const StoppingRule& rule, Clock& clock) {
    const Seconds start = clock.now();
    runner_.restore();
    Sample sample = runner_.run();
    elapsed_ += clock.now() - start;
    if (!sample.verified) {
      decision_ = StopReason::failed;
      return;
    }
    totals_.push_back(sample.total_seconds);
    runs_.push_back(std::move(sample));
    decision_ = rule.consider(totals_, elapsed_);
  }

  [[nodiscard]] bool stopped() const { return decision_.has_value(); }
  [[nodiscard]] std::span<const Seconds> totals() const { return totals_; }
  [[nodiscard]] Seconds elapsed() const { return elapsed_; }

  /// The result, once stopped. The row is spent afterwards.
  Measurement finish(const StoppingRule& rule) {
    Measurement measurement;
    if (!totals_.empty()) {
      measurement.steady = rule.steady_part(totals_);
    }
    const auto first_sample =
        runs_.begin() + static_cast<std::ptrdiff_t>(std::min(measurement.steady.warmup_runs, runs_.size()));
    measurement.samples.assign(std::make_move_iterator(first_sample), std::make_move_iterator(runs_.end()));
    measurement.warmup.assign(std::make_move_iterator(runs_.begin()), std::make_move_iterator(first_sample));
    measurement.reason = *decision_;
    measurement.elapsed_seconds = elapsed_;
    return measurement;
  }

 private:
  Runner& runner_;
  std::vector<Sample> runs_;
  std::vector<Seconds> totals_;
  Seconds elapsed_ = 0;
  Decision decision_;
};

/// Fisher-Yates with one Philox stream a round.
void shuffle(std::vector<std::size_t>& order, std::uint64_t seed, std::uint64_t round) {
  for (std::size_t i = order.size(); i > 1; --i) {
    const auto words =
        engine::philox4x32_10({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(round),
                               static_cast<std::uint32_t>(round >> 32), 0},
                              engine::philox_key(seed));
    std::swap(order[i - 1], order[static_cast<std::size_t>((std::uint64_t{words[0]} * i) >> 32)]);
  }
}

}  // namespace

std::vector<Measurement> measure_interleaved(std::span<Runner* const> runners, const StoppingRule& rule,
                                             Clock& clock, std::uint64_t seed, const Progress& progress) {
  std::vector<Row> rows;
  for (Runner* runner : runners) {
    rows.emplace_back(*runner);
  }
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::uint64_t round = 0; !order.empty(); ++round) {
    shuffle(order, seed, round);
    for (const std::size_t row : order) {
      rows[row].run_once(rule, clock);
      if (progress) {
        progress(row, rows[row].totals(), rows[row].elapsed());
      }
    }
    std::erase_if(order, [&](std::size_t row) { return rows[row].stopped(); });
  }
  std::vector<Measurement> measurements;
  measurements.reserve(rows.size());
  for (Row& row : rows) {
    measurements.push_back(row.finish(rule));
  }
  return measurements;
}

Measurement measure(Runner& runner, const StoppingRule& rule, Clock& clock, const Progress& progress) {
  Runner* const runners[] = {&runner};
  return std::move(measure_interleaved(runners, rule, clock, 0, progress).front());
}

}  // namespace reprise::harness
