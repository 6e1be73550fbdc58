/// A measured gate with fixed figures that has a row of every kind: one that changed, one on a noisy machine,
/// and one whose outputs differ. For tests only.
#pragma once

#include <string>
#include <utility>

#include "harness/regress/gate.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {

/// Of a metric that is so many times as long, or as fast, in b.
inline Comparison fixed_comparison(std::int64_t a, std::string_view metric, double ratio,
                                   ComparisonVerdict verdict, double p_value) {
  Comparison comparison;
  comparison.a = a;
  comparison.b = a + 1;
  comparison.metric = metric;
  comparison.median_ratio = ratio;
  comparison.ci = Interval{ratio - 0.0078125, ratio + 0.0078125};
  comparison.verdict = verdict;
  comparison.pairs = 64;
  comparison.minimum_detectable_effect = 0.03125;
  comparison.confidence = 0.99;
  comparison.band = 0.01;
  comparison.processes = 5;
  comparison.p_value = p_value;
  return comparison;
}

inline ChildCounts fixed_counts() {
  return {{{"decode", "linear", 100, 4000, 8000}, {"prefill", "linear", 10, 400, 6000}}, 7, 1024, 4096};
}

inline GateRow fixed_gate_row(std::int64_t a) {
  GateRow row;
  row.a = a;
  row.b = a + 1;
  row.noise_floor = 0.0078125;
  row.counts = count_changes(fixed_counts(), fixed_counts());
  return row;
}

/// Rows of both arms at one placement.
inline void add_arms(Report& report, const char* precision, double seconds, double ratio) {
  report.rows.push_back(fixed_row("cpu", "avx512", precision, seconds));
  report.rows.push_back(fixed_row("cpu", "avx512", precision, seconds * ratio));
}

inline Gate sample_gate() {
  Gate gate;
  gate.command = "reprise gate --base-bin before/reprise --head-bin after/reprise --spec specs/gate.json";
  gate.a = {"reprise", "0.1.0", "697503a000000", false, "GNU 12.2.0", "-O2", "Release"};
  gate.b = {"reprise", "0.1.0", "0123abc000000", true, "GNU 12.2.0", "-O2", "Release"};
  gate.report = sample_report();
  gate.report.rows.clear();
  gate.report.comparisons.clear();
  add_arms(gate.report, "f32", 0.5, 1.0625);
  add_arms(gate.report, "bf16", 0.25, 1.125);
  add_arms(gate.report, "int8", 0.125, 1);

  Comparison total = fixed_comparison(0, kTotalSeconds, 1.0625, ComparisonVerdict::regression, 1e-6);
  total.centres = {{"decode", "linear", 0.25, 0.28, 0.96, 0.001},
                   {"", "unattributed", 0.25, 0.25125, 0.04, 1}};
  gate.report.comparisons = {
      total,
      fixed_comparison(0, kTimeToFirstTokenSeconds, 0.9375, ComparisonVerdict::improvement, 1e-5),
      fixed_comparison(0, kDecodeTokensPerSecond, 0.9375, ComparisonVerdict::regression, 0.004),
      fixed_comparison(2, kTotalSeconds, 1.125, ComparisonVerdict::regression, 1e-4),
      fixed_comparison(2, kTimeToFirstTokenSeconds, 1, ComparisonVerdict::equivalent, 1),
      fixed_comparison(2, kDecodeTokensPerSecond, 1, ComparisonVerdict::inconclusive, 0.5)};
  gate.report.comparisons[5].ci.reset();
  gate.report.comparisons[5].minimum_detectable_effect.reset();

  GateRow changed = fixed_gate_row(0);
  ChildCounts more = fixed_counts();
  more.kernels[0].calls += 20;
  more.kernels.push_back({"decode", "rms_norm", 5, 0, 0});
  more.allocations.reset();
  more.peak_kv_bytes = 512;
  changed.counts = count_changes(fixed_counts(), more);
  GateRow noisy = fixed_gate_row(2);
  noisy.noise_floor = 0.0625;
  GateRow differing = fixed_gate_row(4);
  differing.b_differs = true;
  differing.counts.clear();
  for (const std::size_t i : {4, 5}) {
    gate.report.rows[i].metrics.clear();
    gate.report.rows[i].stop = StopReason::failed;
  }
  gate.rows = {changed, noisy, differing};
  return gate;
}

/// The same without the row whose outputs differ.
inline Gate agreeing_gate() {
  Gate gate = sample_gate();
  gate.rows.pop_back();
  gate.report.rows.resize(4);
  return gate;
}

inline Acknowledgement sample_acknowledgement() {
  return {"chat-1", "total_seconds", "0123abc", "exact sums need a second pass", "2026-03-31"};
}

}  // namespace reprise::harness
