/// The proof of the selection: synthetic days of 10,000 calls whose truth is known.
#include "harness/regress/selection.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "harness/tests/support/synthetic_traffic.h"

namespace reprise::harness {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Gt;
using ::testing::Lt;
using ::testing::SizeIs;
using testing::Traffic;
using testing::TrafficCall;
using testing::TrafficMachine;

constexpr std::size_t kCalls = 10'000;
constexpr std::uint64_t kSeeds = 20;
constexpr BootstrapOptions kNoInterval = {.resamples = 1};

LoggedCalls log_of(const std::vector<TrafficCall>& calls) {
  LoggedCalls log;
  for (const TrafficCall& call : calls) {
    log.lengths.push_back(call.lengths);
    log.seconds.push_back(call.seconds);
  }
  return log;
}

/// What counting calls would predict: each cluster as often its call's seconds as it has calls.
double counted_difference(const LoggedCalls& log, const Selection& selection,
                          const std::vector<double>& seconds) {
  double predicted = 0;
  for (std::size_t c = 0; c < seconds.size(); ++c) {
    predicted += static_cast<double>(selection.representatives[c].n_calls) * seconds[c];
  }
  return predicted / std::accumulate(log.seconds.begin(), log.seconds.end(), 0.0) - 1;
}

/// Relative errors over the seeds, of one way to choose and to predict.
struct Errors {
  std::vector<double> values;
  [[nodiscard]] double mean() const {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  [[nodiscard]] double mean_size() const {
    double sum = 0;
    for (const double value : values) {
      sum += std::abs(value);
    }
    return sum / static_cast<double>(values.size());
  }
  [[nodiscard]] double largest() const {
    double most = 0;
    for (const double value : values) {
      most = std::max(most, std::abs(value));
    }
    return most;
  }
  [[nodiscard]] std::string row(const char* name) const {
    return fmt::format("| {} | {:+.2f} % | {:.2f} % | {:.2f} % |\n", name, 100 * mean(), 100 * mean_size(),
                       100 * largest());
  }
};

/// The table of harness/README.md ("Representative calls") is what this prints.
TEST(Selection, EightCallsPredictADayOfTenThousand) {
  TrafficMachine other;  // another build: decodes faster, attends more slowly
  other.per_token *= 0.7;
  other.per_prompt_token *= 1.2;
  other.per_prompt_pair *= 3;
  other.noise = 0.01;
  other.outliers = 0;
  Errors chosen, counted, elsewhere, random, random_counted;
  std::vector<double> widths;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Traffic traffic(seed);
    const LoggedCalls log = log_of(traffic.day(kCalls));
    const Selection selection = select_calls(log, std::vector<bool>(kCalls, true), {.k = 8, .seed = seed});
    ASSERT_THAT(selection.representatives, SizeIs(8));
    const std::vector<double> seconds = logged_seconds(log, selection);
    const Prediction prediction = predict_total(log, selection, seconds);
    chosen.values.push_back(prediction.difference);
    counted.values.push_back(counted_difference(log, selection, seconds));
    widths.push_back(prediction.ci.high - prediction.ci.low);
    EXPECT_LE(std::abs(prediction.difference), 0.05) << "seed " << seed;

    double truth = 0;
    for (const CallLengths& lengths : log.lengths) {
      truth += other.seconds(lengths);
    }
    std::vector<double> replayed;
    for (const Representative& r : selection.representatives) {
      replayed.push_back(traffic.noisy(other, log.lengths[r.call]));
    }
    elsewhere.values.push_back(predict_total(log, selection, replayed, kNoInterval).total_seconds / truth -
                               1);
    EXPECT_LE(std::abs(elsewhere.values.back()), 0.05) << "another build, seed " << seed;

    std::vector<std::size_t> drawn;
    while (drawn.size() < 8) {
      const auto call = static_cast<std::size_t>(traffic.uniform() * kCalls);
      if (std::find(drawn.begin(), drawn.end(), call) == drawn.end()) {
        drawn.push_back(call);
      }
    }
    const Selection bad = selection_of(log, drawn);
    const std::vector<double> bad_seconds = logged_seconds(log, bad);
    random.values.push_back(predict_total(log, bad, bad_seconds, kNoInterval).difference);
    random_counted.values.push_back(counted_difference(log, bad, bad_seconds));
  }
  fmt::print("{}{}{}{}{}", chosen.row("chosen, ratio"), counted.row("chosen, counting calls"),
             elsewhere.row("chosen, ratio, replayed on another build"), random.row("8 random calls, ratio"),
             random_counted.row("8 random calls, counting calls"));
  // A choice that does not matter would make this proof worthless.
  EXPECT_GT(random.mean_size(), 3 * chosen.mean_size());
  EXPECT_GT(random.largest(), 0.05);
  EXPECT_GT(random_counted.mean_size(), 0.1);
  EXPECT_GT(counted.mean_size(), 2 * chosen.mean_size());
  EXPECT_THAT(widths, Each(AllOf(Gt(0.001), Lt(0.05))));
}

TEST(Selection, WeightsAndSharesAddUp) {
  Traffic traffic(3);
  const LoggedCalls log = log_of(traffic.day(2000));
  const Selection selection = select_calls(log, std::vector<bool>(2000, true), {.k = 5, .seed = 1});
  std::int64_t n = 0;
  double share = 0;
  double modelled = 0;
  for (std::size_t c = 0; c < selection.representatives.size(); ++c) {
    const Representative& r = selection.representatives[c];
    n += r.n_calls;
    share += r.share;
    modelled += r.weight * selection.model.seconds(log.lengths[r.call]);
    EXPECT_EQ(selection.cluster[r.call], c);
    EXPECT_EQ(r.n_calls, std::count(selection.cluster.begin(), selection.cluster.end(), c));
    EXPECT_TRUE(c == 0 || r.share <= selection.representatives[c - 1].share);
  }
  EXPECT_EQ(n, 2000);
  EXPECT_NEAR(share, 1, 1e-9);
  EXPECT_NEAR(modelled / std::accumulate(log.seconds.begin(), log.seconds.end(), 0.0), 1, 1e-9);
}

/// A build that is everywhere twice as fast is predicted to be so, but for the error that the log shows.
TEST(Selection, ScalesWithTheReplays) {
  Traffic traffic(4);
  const LoggedCalls log = log_of(traffic.day(2000));
  const Selection selection = select_calls(log, std::vector<bool>(2000, true));
  std::vector<double> seconds = logged_seconds(log, selection);
  const Prediction as_logged = predict_total(log, selection, seconds);
  for (double& s : seconds) {
    s /= 2;
  }
  EXPECT_NEAR(predict_total(log, selection, seconds).total_seconds / as_logged.total_seconds, 0.5, 1e-12);
}

TEST(Selection, TakesEligibleCallsAlone) {
  Traffic traffic(5);
  const LoggedCalls log = log_of(traffic.day(3000));
  std::vector<bool> eligible(3000, false);
  for (std::size_t i = 0; i < eligible.size(); i += 50) {
    eligible[i] = true;
  }
  const Selection selection = select_calls(log, eligible, {.k = 8, .seed = 2});
  for (const Representative& r : selection.representatives) {
    EXPECT_EQ(r.call % 50, 0U);
  }
  EXPECT_LE(std::abs(predict_total(log, selection, logged_seconds(log, selection)).difference), 0.08);
}

TEST(Selection, AFewCallsRepresentThemselves) {
  const LoggedCalls log = {{{0, 10, 5}, {0, 1000, 5}, {500, 20, 90}}, {0.1, 1.0, 2.0}};
  const Selection selection = select_calls(log, {true, true, true}, {.k = 8, .seed = 1});
  ASSERT_THAT(selection.representatives, SizeIs(3));
  const Prediction prediction = predict_total(log, selection, logged_seconds(log, selection));
  EXPECT_NEAR(prediction.difference, 0, 1e-12);
  const LoggedCalls one = {{{0, 10, 5}}, {0.1}};
  EXPECT_THAT(select_calls(one, {true}).representatives, SizeIs(1));
}

}  // namespace
}  // namespace reprise::harness
