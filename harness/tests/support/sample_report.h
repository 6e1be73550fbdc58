/// A report with fixed figures that has one row of every kind: converged, differing and out of budget,
/// failed, and of another capture. For tests only.
#pragma once

#include <string>
#include <utility>

#include "harness/report/metric_definitions.h"
#include "harness/report/report.h"

namespace reprise::harness {

inline Metric fixed_metric(const char* unit, Better better, double value, double half_width) {
  Metric metric;
  metric.unit = unit;
  metric.better = better;
  metric.value = value;
  metric.ci = Interval{value - half_width, value + half_width};
  metric.n = 12;
  metric.lag1_autocorrelation = 0.125;
  return metric;
}

/// A row whose call takes `total` seconds: a quarter until the first of 16 tokens.
inline Row fixed_row(const char* backend, const char* isa, const char* precision, double total) {
  Row row;
  row.capture = {"sha256:0123", "chat-1", {"tiny", "89ab", "qwen3", 1'000'000}, 64, 16, 16};
  row.placement = {backend, isa, precision, true, "f32", 2, "exact"};
  row.verification.logits_digest = "00112233aabbccdd";
  const double first = total / 4;
  const double rest = total - first;
  row.metrics[std::string(kTotalSeconds)] = fixed_metric("s", Better::lower, total, total / 128);
  row.metrics[std::string(kTimeToFirstTokenSeconds)] = fixed_metric("s", Better::lower, first, first / 128);
  row.metrics[std::string(kPrefillTokensPerSecond)] =
      fixed_metric("tokens/s", Better::higher, 48 / first, 1 / first);
  row.metrics[std::string(kDecodeTokensPerSecond)] =
      fixed_metric("tokens/s", Better::higher, 15 / rest, 0.0078125 * 15 / rest);
  row.samples.total_seconds.assign(12, total);
  row.samples.token_seconds.assign(12, std::vector<double>(16, rest / 15));
  row.samples.warmup_total_seconds = {3 * total, total};
  row.cold = ColdRun{3 * total, 2 * total};
  row.stop = StopReason::converged;
  return row;
}

/// Of a machine with two threads that has every instruction.
inline Roofline sample_roofline() {
  Roofline roofline{64e9, 512e9, 8e12, 16e12};
  for (const int threads : {1, 2}) {
    roofline.points.push_back({Limit::read, threads, 24e9 * threads, "VMOVDQU zmm", PageSize::small, 0.0});
    roofline.points.push_back({Limit::read, threads, 32e9 * threads, "VMOVDQU zmm", PageSize::huge, 0.96875});
  }
  for (const int threads : {1, 2}) {
    roofline.points.push_back({Limit::f32_fma, threads, 256e9 * threads, "VFMADD zmm"});
  }
  for (const int threads : {1, 2}) {
    roofline.points.push_back({Limit::bf16_dot, threads, 4e12 * threads, "TDPBF16PS"});
  }
  for (const int threads : {1, 2}) {
    roofline.points.push_back({Limit::int8_dot, threads, 1e12 * threads, "VPDPBUSD zmm"});
    roofline.points.push_back({Limit::int8_dot, threads, 8e12 * threads, "TDPBUSD"});
  }
  return roofline;
}

inline Report sample_report() {
  Report report;
  report.created = "2026-01-31T12:00:00Z";
  report.tool = {"reprise", "0.1.0", "697503a", false, "GNU 12.2.0", "-O3", "Release"};
  report.machine = {
      "Fake CPU 9000", "avx512",         2, 8LL << 30, "Fake GNU/Linux 12, Linux 6.1.0", true, "unknown",
      {"gfx942"},      sample_roofline()};

  Row reference = fixed_row("reference", "scalar", "f32", 2.0);
  reference.cost_centres = {
      {"decode", "linear", 1200, 1.0, 0.5, 32'000'000'000, 64'000'000'000, 32e9, 64e9, 0.5, Limit::read},
      {"prefill", "linear", 80, 0.5, 0.25, 1'000'000'000, 128'000'000'000, 2e9, 256e9, 0.5, Limit::f32_fma},
      {"decode", "rms_norm", 2400, 0.0000625, 0.00003125, 0, 0, 0, 0, std::nullopt}};
  reference.unattributed_seconds = 0.4999375;
  reference.outliers = OutlierSummary{
      {1.75, 2.25}, 12, 2, 1, {{OutlierCause::involuntary_switches, 2, 1}, {OutlierCause::steal, 1, 0}}, 0};
  reference.memory = MemoryUse{4'000'000, 1'000'000, 500'000, 64'000'000};

  Row differing = fixed_row("cpu", "avx512", "bf16", 0.5);
  differing.verification = {ReplayMode::forced, OutputVerdict::differs, 12, 0.375, 0.0625, std::nullopt};
  differing.stop = StopReason::budget;

  Row failed = fixed_row("cpu", "avx2", "int8", 1.0);
  failed.placement.kv_cache = false;
  failed.verification.verdict = OutputVerdict::differs;
  failed.metrics.clear();
  failed.samples = {};
  failed.cold.reset();
  failed.stop = StopReason::failed;

  Row other = fixed_row("cpu", "avx512", "f32", 0.03125);
  other.capture.id = "sha256:4567";
  other.capture.name = "short";
  other.verification.verdict = OutputVerdict::same_tokens;
  other.metrics.at(std::string(kTotalSeconds)).ci.reset();
  other.stop = StopReason::max_runs;

  report.rows = {reference, fixed_row("cpu", "avx512", "f32", 0.8), differing, failed, other};
  report.comparisons = {
      {0, 1, "total_seconds", 0.4, Interval{0.39, 0.41}, ComparisonVerdict::improvement, 12, 0.02},
      {1, 2, "total_seconds", 0.625, std::nullopt, ComparisonVerdict::inconclusive, 3, std::nullopt}};
  report.comparisons[0].p_value = 0.001;
  report.comparisons[0].adjusted_p_value = 0.002;
  return report;
}

}  // namespace reprise::harness
