#include "harness/stats/call_cost.h"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

#include "engine/core/philox.h"

namespace reprise::harness {
namespace {

using ::testing::ElementsAre;

std::vector<CallLengths> some_calls(std::uint32_t n) {
  std::vector<CallLengths> calls;
  for (std::uint32_t i = 0; i < n; ++i) {
    const auto words = engine::philox4x32_10({i, 0, 0, 0}, {5, 0});
    calls.push_back({words[0] % 4000, 1 + words[1] % 3000, 1 + words[2] % 500});
  }
  return calls;
}

std::vector<double> seconds_of(const CallCostModel& model, const std::vector<CallLengths>& calls) {
  std::vector<double> seconds;
  for (const CallLengths& call : calls) {
    seconds.push_back(model.seconds(call));
  }
  return seconds;
}

TEST(CallCost, CountsTokensAndPairs) {
  EXPECT_THAT(terms_of({100, 10, 4}), ElementsAre(1, 10, 10 * 105.0, 4, 4 * 112.0));
  EXPECT_THAT(terms_of({0, 1, 0}), ElementsAre(1, 1, 0.5, 0, 0));
}

TEST(CallCost, FindsTheCoefficientsOfExactTimes) {
  const CallCostModel truth{{0.004, 6e-4, 3e-8, 0.015, 2e-6}};
  const auto calls = some_calls(500);
  const CallCostModel fitted = fit_call_cost(calls, seconds_of(truth, calls));
  for (std::size_t t = 0; t < kCostTerms; ++t) {
    EXPECT_NEAR(fitted.seconds_per_unit[t] / truth.seconds_per_unit[t], 1, 1e-5) << kCostTermNames[t];
  }
}

/// Where plain least squares would give a term less than nothing.
TEST(CallCost, NoCoefficientIsNegative) {
  const auto calls = some_calls(300);
  std::vector<double> seconds;
  for (const CallLengths& call : calls) {
    seconds.push_back(std::sqrt(static_cast<double>(call.n_processed)));  // grows more slowly than any term
  }
  const CallCostModel fitted = fit_call_cost(calls, seconds);
  double total = 0;
  double wanted = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    total += fitted.seconds(calls[i]);
    wanted += seconds[i];
  }
  for (const double coefficient : fitted.seconds_per_unit) {
    EXPECT_GE(coefficient, 0);
  }
  EXPECT_NEAR(total / wanted, 1, 1e-12);
}

TEST(CallCost, CallsThatAreAllAlikeAreFitted) {
  const std::vector<CallLengths> calls(5, CallLengths{10, 20, 30});
  const CallCostModel fitted = fit_call_cost(calls, std::vector<double>{1, 2, 3, 4, 5});
  EXPECT_NEAR(fitted.seconds(calls[0]), 3, 1e-12);
  const CallCostModel one = fit_call_cost(std::span(calls).first(1), std::vector<double>{7});
  EXPECT_NEAR(one.seconds(calls[0]), 7, 1e-12);
}

TEST(CallCost, FewSlowOutliersMoveItLittle) {
  const CallCostModel truth{{0.004, 6e-4, 3e-8, 0.015, 2e-6}};
  const auto calls = some_calls(1000);
  std::vector<double> seconds = seconds_of(truth, calls);
  for (std::size_t i = 0; i < seconds.size(); i += 100) {
    seconds[i] *= 3;
  }
  const CallCostModel fitted = fit_call_cost(calls, seconds);
  EXPECT_NEAR(fitted.seconds({1000, 1000, 200}) / truth.seconds({1000, 1000, 200}), 1.02, 0.03);
}

}  // namespace
}  // namespace reprise::harness
