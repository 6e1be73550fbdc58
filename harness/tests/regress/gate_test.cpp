#include "harness/regress/gate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/tests/support/sample_gate.h"

namespace reprise::harness {
namespace {

constexpr const char* kToday = "2026-01-31";

Gate judged(const Gate& gate, const std::vector<Acknowledgement>& accepted = {}) {
  return judge(gate, accepted, kToday);
}

const GateFinding& finding(const Gate& gate, std::int64_t row, std::string_view metric) {
  const auto found = std::find_if(
      gate.findings.begin(), gate.findings.end(),
      [&](const GateFinding& candidate) { return candidate.row == row && candidate.metric == metric; });
  EXPECT_NE(found, gate.findings.end()) << row << metric;
  return *found;
}

/// A gate of one row, all of it equivalent.
Gate quiet_gate() {
  Gate gate = agreeing_gate();
  gate.rows.resize(1);
  gate.rows[0].counts = count_changes(fixed_counts(), fixed_counts());
  gate.report.rows.resize(2);
  gate.report.comparisons.resize(3);
  for (Comparison& comparison : gate.report.comparisons) {
    comparison.verdict = ComparisonVerdict::equivalent;
  }
  return gate;
}

std::vector<Comparison> with_p_values(const std::vector<double>& p_values, ComparisonVerdict verdict) {
  std::vector<Comparison> comparisons;
  for (const double p : p_values) {
    comparisons.push_back(fixed_comparison(0, kTotalSeconds, 1.05, verdict, p));
  }
  return comparisons;
}

TEST(AdjustForFamily, ARegressionStandsOnlyAmongAll) {
  for (const ComparisonVerdict alarm : {ComparisonVerdict::regression, ComparisonVerdict::improvement}) {
    std::vector<Comparison> comparisons = with_p_values({0.003, 0.004, 0.5}, alarm);
    adjust_for_family(comparisons, 0.99);
    EXPECT_DOUBLE_EQ(*comparisons[0].adjusted_p_value, 0.009);
    EXPECT_DOUBLE_EQ(*comparisons[1].adjusted_p_value, 0.009);  // 0.004 * 2, and no less than the one before
    EXPECT_DOUBLE_EQ(*comparisons[2].adjusted_p_value, 0.5);
    EXPECT_EQ(comparisons[0].verdict, alarm);
    EXPECT_EQ(comparisons[1].verdict, alarm);
    EXPECT_EQ(comparisons[2].verdict, ComparisonVerdict::inconclusive);
    comparisons = with_p_values({0.004, 0.9, 0.9}, alarm);  // certain alone
    adjust_for_family(comparisons, 0.99);
    EXPECT_EQ(comparisons[0].verdict, ComparisonVerdict::inconclusive);
    EXPECT_EQ(comparisons[0].p_value, 0.004);
  }
}

TEST(AdjustForFamily, EquivalenceStays) {
  std::vector<Comparison> comparisons = with_p_values({1, 1}, ComparisonVerdict::equivalent);
  adjust_for_family(comparisons, 0.99);
  EXPECT_EQ(comparisons[0].verdict, ComparisonVerdict::equivalent);
}

TEST(AdjustForFamily, WithoutAPValueNothingIsCertain) {
  std::vector<Comparison> comparisons = with_p_values({0.0}, ComparisonVerdict::regression);
  comparisons[0].p_value.reset();
  adjust_for_family(comparisons, 0.99);
  EXPECT_EQ(comparisons[0].verdict, ComparisonVerdict::inconclusive);
}

TEST(ConfidenceOfEach, SharesWhatIsMissingToOne) {
  EXPECT_DOUBLE_EQ(confidence_of_each(0.99, 1), 0.99);
  EXPECT_DOUBLE_EQ(confidence_of_each(0.99, 10), 0.999);
  EXPECT_DOUBLE_EQ(confidence_of_each(0.99, 0), 0.99);
}

TEST(ComparisonsOf, AreThoseOfTheRow) {
  Gate gate = sample_gate();
  EXPECT_EQ(comparisons_of(gate.report, gate.rows[0]).size(), 3U);
  ASSERT_EQ(comparisons_of(gate.report, gate.rows[1]).size(), 3U);
  EXPECT_EQ(&comparisons_of(gate.report, gate.rows[1])[0], &gate.report.comparisons[3]);
  EXPECT_TRUE(comparisons_of(gate.report, gate.rows[2]).empty());
}

TEST(NeedsConfirmation, WhatCouldFailDoes) {
  const Gate gate = sample_gate();
  EXPECT_TRUE(needs_confirmation(gate, gate.rows[0]));
  EXPECT_FALSE(needs_confirmation(gate, gate.rows[1]));  // a regression, too noisy to fail
  EXPECT_FALSE(needs_confirmation(gate, gate.rows[2]));
  const Gate quiet = quiet_gate();
  EXPECT_FALSE(needs_confirmation(quiet, quiet.rows[0]));
}

TEST(Judge, WithoutChangesPasses) {
  const Gate gate = judged(quiet_gate());
  EXPECT_EQ(gate.outcome, GateOutcome::pass);
  ASSERT_EQ(gate.findings.size(), 9U);  // 3 times and 6 counts
  for (const GateFinding& each : gate.findings) {
    EXPECT_EQ(each.standing, GateStanding::passes) << each.metric;
  }
}

TEST(Judge, ATimedRegressionFails) {
  Gate gate = quiet_gate();
  gate.report.comparisons[2].verdict = ComparisonVerdict::regression;
  gate = judged(gate);
  EXPECT_EQ(gate.outcome, GateOutcome::regression);
  const GateFinding& decode = finding(gate, 0, kDecodeTokensPerSecond);
  EXPECT_EQ(decode.standing, GateStanding::fails);
  EXPECT_EQ(decode.comparison, 2);
  EXPECT_FALSE(decode.count.has_value());
  EXPECT_EQ(finding(gate, 0, kTotalSeconds).standing, GateStanding::passes);
}

TEST(Judge, AnImprovementPasses) {
  Gate gate = quiet_gate();
  gate.report.comparisons[0].verdict = ComparisonVerdict::improvement;
  EXPECT_EQ(judged(gate).outcome, GateOutcome::pass);
}

TEST(Judge, OneMoreOfACountFails) {
  Gate gate = quiet_gate();
  ChildCounts more = fixed_counts();
  ++*more.allocations;
  gate.rows[0].counts = count_changes(fixed_counts(), more);
  gate = judged(gate);
  EXPECT_EQ(gate.outcome, GateOutcome::regression);
  EXPECT_EQ(finding(gate, 0, kAllocations).standing, GateStanding::fails);
  EXPECT_EQ(finding(gate, 0, kAllocations).count, 3);
  EXPECT_EQ(finding(gate, 0, kKernelCalls).standing, GateStanding::passes);
}

TEST(Judge, ANoisyRowFailsByCountsOnly) {
  Gate gate = quiet_gate();
  gate.rows[0].noise_floor = 0.051;
  gate.report.comparisons[0].verdict = ComparisonVerdict::regression;
  EXPECT_EQ(judged(gate).outcome, GateOutcome::pass);
  EXPECT_EQ(finding(judged(gate), 0, kTotalSeconds).standing, GateStanding::too_noisy);
  ChildCounts more = fixed_counts();
  ++more.weights_bytes;
  gate.rows[0].counts = count_changes(fixed_counts(), more);
  EXPECT_EQ(judged(gate).outcome, GateOutcome::regression);
  gate.rows[0].counts.clear();
  gate.rows[0].noise_floor = 0.05;  // at the limit is not beyond it
  EXPECT_EQ(judged(gate).outcome, GateOutcome::regression);
}

TEST(Judge, InconclusiveFailsWhenStrict) {
  Gate gate = quiet_gate();
  gate.report.comparisons[1].verdict = ComparisonVerdict::inconclusive;
  EXPECT_EQ(judged(gate).outcome, GateOutcome::pass);
  EXPECT_EQ(finding(judged(gate), 0, kTimeToFirstTokenSeconds).standing, GateStanding::undecided);
  gate.options.strict = true;
  EXPECT_EQ(judged(gate).outcome, GateOutcome::inconclusive);
  EXPECT_EQ(finding(judged(gate), 0, kTimeToFirstTokenSeconds).standing, GateStanding::fails);
  gate.report.comparisons[0].verdict = ComparisonVerdict::regression;  // the worse of both
  EXPECT_EQ(judged(gate).outcome, GateOutcome::regression);
  gate.report.comparisons[0].verdict = ComparisonVerdict::equivalent;
  gate.rows[0].noise_floor = 1;
  EXPECT_EQ(judged(gate).outcome, GateOutcome::pass);
}

TEST(Judge, OutputsThatDifferAreWorseThanAnything) {
  const Gate gate = judged(sample_gate());
  EXPECT_EQ(finding(gate, 0, kTotalSeconds).standing, GateStanding::fails);
  EXPECT_EQ(gate.outcome, GateOutcome::outputs_differ);
  Gate base_differs = quiet_gate();
  base_differs.rows[0].a_differs = true;
  EXPECT_EQ(judged(base_differs).outcome, GateOutcome::outputs_differ);
  EXPECT_EQ(judged(agreeing_gate()).outcome, GateOutcome::regression);
}

TEST(Judge, ACountThatABuildLacksIsNotCompared) {
  const Gate gate = judged(agreeing_gate());
  const GateFinding& allocations = finding(gate, 0, kAllocations);
  EXPECT_EQ(allocations.standing, GateStanding::not_compared);
  EXPECT_FALSE(allocations.verdict.has_value());
}

TEST(Judge, AnAcknowledgementExcusesItsMetricAndNoOther) {
  Gate gate = quiet_gate();
  gate.report.comparisons[0].verdict = ComparisonVerdict::regression;
  const Gate excused = judged(gate, {sample_acknowledgement()});
  EXPECT_EQ(excused.outcome, GateOutcome::pass);
  EXPECT_EQ(finding(excused, 0, kTotalSeconds).standing, GateStanding::acknowledged);
  EXPECT_EQ(finding(excused, 0, kTotalSeconds).acknowledgement, 0);
  EXPECT_EQ(excused.acknowledgements.at(0).state, AcknowledgementState::used);
  gate.report.comparisons[1].verdict = ComparisonVerdict::regression;
  EXPECT_EQ(judged(gate, {sample_acknowledgement()}).outcome, GateOutcome::regression);
}

TEST(Judge, AnExpiredAcknowledgementExcusesNothing) {
  Gate gate = quiet_gate();
  gate.report.comparisons[0].verdict = ComparisonVerdict::regression;
  Acknowledgement entry = sample_acknowledgement();
  entry.expires = "2026-01-30";
  const Gate late = judged(gate, {entry});
  EXPECT_EQ(late.outcome, GateOutcome::regression);
  EXPECT_EQ(late.acknowledgements.at(0).state, AcknowledgementState::expired);
  EXPECT_FALSE(finding(late, 0, kTotalSeconds).acknowledgement.has_value());
}

TEST(Judge, AnAcknowledgementThatFindsNothingIsUnused) {
  const Gate gate = judged(quiet_gate(), {sample_acknowledgement()});
  EXPECT_EQ(gate.acknowledgements.at(0).state, AcknowledgementState::unused);
}

TEST(Judge, MoreThanWasAcceptedFails) {
  Gate gate = quiet_gate();
  gate.report.comparisons[0].verdict = ComparisonVerdict::regression;  // 6.25 % longer
  gate.report.comparisons[2].verdict = ComparisonVerdict::regression;  // 0.9375 as fast: 6.67 % longer
  Acknowledgement total = sample_acknowledgement();
  Acknowledgement decode = sample_acknowledgement();
  decode.metric = kDecodeTokensPerSecond;
  for (const auto& [at_most_total, at_most_decode, expected] :
       {std::tuple{0.0625, 0.067, GateOutcome::pass}, std::tuple{0.062, 0.067, GateOutcome::regression},
        std::tuple{0.0625, 0.066, GateOutcome::regression}}) {
    total.at_most = at_most_total;
    decode.at_most = at_most_decode;
    EXPECT_EQ(judged(gate, {total, decode}).outcome, expected) << at_most_total << " " << at_most_decode;
  }
}

TEST(Judge, MoreOfACountThanWasAcceptedFails) {
  Gate gate = quiet_gate();
  ChildCounts more = fixed_counts();
  more.kernels[0].calls += 11;  // of 110
  gate.rows[0].counts = count_changes(fixed_counts(), more);
  Acknowledgement entry = sample_acknowledgement();
  entry.metric = kKernelCalls;
  for (const auto& [at_most, expected] :
       {std::pair{0.11, GateOutcome::pass}, std::pair{0.09, GateOutcome::regression}}) {
    entry.at_most = at_most;
    EXPECT_EQ(judged(gate, {entry}).outcome, expected) << at_most;
  }
  ChildCounts none = fixed_counts();
  none.allocations = 0;
  gate.rows[0].counts = count_changes(none, fixed_counts());
  entry.metric = kAllocations;
  EXPECT_EQ(judged(gate, {entry}).outcome, GateOutcome::regression);  // any limit is passed from 0
  entry.at_most.reset();
  EXPECT_EQ(judged(gate, {entry}).outcome, GateOutcome::pass);
}

TEST(Judge, InformationalChangesNoFinding) {
  Gate gate = agreeing_gate();
  gate.options.informational = true;
  EXPECT_EQ(judged(gate).outcome, GateOutcome::regression);
}

}  // namespace
}  // namespace reprise::harness
