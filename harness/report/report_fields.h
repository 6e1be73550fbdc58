/// The fields of every part of a report, each listed once: the writer and the reader in report_json.cpp walk
/// the same lists, so they cannot disagree. An archive is called with each field's name and a reference to
/// its value.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/build_info_fields.h"
#include "engine/io/json_archive.h"
#include "harness/replay/replay_fields.h"
#include "harness/report/report.h"

namespace reprise::engine {

template <>
struct JsonEnum<harness::Better> {
  static constexpr std::array kNames = {std::pair{harness::Better::lower, std::string_view("lower")},
                                        std::pair{harness::Better::higher, std::string_view("higher")}};
};
template <>
struct JsonEnum<harness::StopReason> {
  static constexpr std::array kNames = {
      std::pair{harness::StopReason::converged, std::string_view("converged")},
      std::pair{harness::StopReason::budget, std::string_view("budget")},
      std::pair{harness::StopReason::max_runs, std::string_view("max_runs")},
      std::pair{harness::StopReason::not_steady, std::string_view("not_steady")},
      std::pair{harness::StopReason::failed, std::string_view("failed")}};
};
template <>
struct JsonEnum<harness::ComparisonVerdict> {
  static constexpr std::array kNames = {
      std::pair{harness::ComparisonVerdict::regression, std::string_view("regression")},
      std::pair{harness::ComparisonVerdict::improvement, std::string_view("improvement")},
      std::pair{harness::ComparisonVerdict::equivalent, std::string_view("equivalent")},
      std::pair{harness::ComparisonVerdict::inconclusive, std::string_view("inconclusive")}};
};

template <>
struct JsonEnum<harness::OutlierCause> {
  static constexpr std::array kNames = {
      std::pair{harness::OutlierCause::major_page_faults, std::string_view("major_page_faults")},
      std::pair{harness::OutlierCause::minor_page_faults, std::string_view("minor_page_faults")},
      std::pair{harness::OutlierCause::involuntary_switches, std::string_view("involuntary_switches")},
      std::pair{harness::OutlierCause::voluntary_switches, std::string_view("voluntary_switches")},
      std::pair{harness::OutlierCause::steal, std::string_view("steal")},
      std::pair{harness::OutlierCause::lower_clock, std::string_view("lower_clock")}};
};
template <>
struct JsonEnum<harness::Limit> {
  static constexpr std::array kNames = {std::pair{harness::Limit::read, std::string_view("read")},
                                        std::pair{harness::Limit::f32_fma, std::string_view("f32_fma")},
                                        std::pair{harness::Limit::bf16_dot, std::string_view("bf16_dot")},
                                        std::pair{harness::Limit::int8_dot, std::string_view("int8_dot")}};
};
template <>
struct JsonEnum<harness::PageSize> {
  static constexpr std::array kNames = {std::pair{harness::PageSize::small, std::string_view("small")},
                                        std::pair{harness::PageSize::huge, std::string_view("huge")}};
};

template <>
struct JsonPair<harness::Interval> {
  static constexpr double harness::Interval::*kFirst = &harness::Interval::low;
  static constexpr double harness::Interval::*kSecond = &harness::Interval::high;
};

}  // namespace reprise::engine

namespace reprise::harness {

template <class Archive>
void fields(Archive& archive, RooflinePoint& point) {
  archive("limit", point.limit);
  archive("threads", point.threads);
  archive("per_second", point.per_second);
  archive("instruction", point.instruction);
  archive("pages", point.pages);
  archive("huge_page_fraction", point.huge_page_fraction);
}

template <class Archive>
void fields(Archive& archive, Roofline& roofline) {
  archive("read_bytes_per_second", roofline.read_bytes_per_second);
  archive("f32_flops_per_second", roofline.f32_flops_per_second);
  archive("bf16_dot_flops_per_second", roofline.bf16_dot_flops_per_second);
  archive("int8_dot_ops_per_second", roofline.int8_dot_ops_per_second);
  // Reports of older builds have none.
  std::optional<std::vector<RooflinePoint>> points = roofline.points;
  archive("points", points);
  roofline.points = points.value_or(std::vector<RooflinePoint>{});
}

template <class Archive>
void fields(Archive& archive, Machine& machine) {
  archive("cpu", machine.cpu);
  archive("isa", machine.isa);
  archive("cores", machine.cores);
  archive("memory_bytes", machine.memory_bytes);
  archive("os", machine.os);
  archive("virtualized", machine.virtualized);
  archive("governor", machine.governor);
  archive("gpus", machine.gpus);
  archive("roofline", machine.roofline);
}

template <class Archive>
void fields(Archive& archive, Metric& metric) {
  archive("unit", metric.unit);
  archive("better", metric.better);
  archive("value", metric.value);
  archive("ci", metric.ci);
  archive("confidence", metric.confidence);
  archive("n", metric.n);
  archive("lag1_autocorrelation", metric.lag1_autocorrelation);
  archive("n_effective", metric.n_effective);
}

template <class Archive>
void fields(Archive& archive, RawSamples& samples) {
  archive("total_seconds", samples.total_seconds);
  archive("token_seconds", samples.token_seconds);
  archive("warmup_total_seconds", samples.warmup_total_seconds);
  std::optional<std::int64_t> runs_per_block =
      samples.runs_per_block;  // of reports before there were blocks: 1
  archive("runs_per_block", runs_per_block);
  samples.runs_per_block = runs_per_block.value_or(1);
}

template <class Archive>
void fields(Archive& archive, CauseCount& count) {
  archive("cause", count.cause);
  archive("outliers", count.outliers);
  archive("others", count.others);
}

template <class Archive>
void fields(Archive& archive, OutlierSummary& summary) {
  archive("fences", summary.fences);
  archive("runs", summary.runs);
  archive("slow", summary.slow);
  archive("fast", summary.fast);
  archive("causes", summary.causes);
  archive("unexplained", summary.unexplained);
}

template <class Archive>
void fields(Archive& archive, ColdRun& cold) {
  archive("total_seconds", cold.total_seconds);
  archive("time_to_first_token_seconds", cold.time_to_first_token_seconds);
}

/// `converged` is written for readers who know no reasons; it follows from the reason and may not contradict
/// it.
struct Stop {
  StopReason reason = StopReason::failed;
};

template <class Archive>
void fields(Archive& archive, Stop& stop) {
  archive("reason", stop.reason);
  archive.derived("converged", stop.reason == StopReason::converged);
}

template <class Archive>
void fields(Archive& archive, CostCentre& centre) {
  archive("phase", centre.phase);
  archive("name", centre.name);
  archive("calls", centre.calls);
  archive("seconds", centre.seconds);
  archive("fraction", centre.fraction);
  archive("bytes", centre.bytes);
  archive("flops", centre.flops);
  archive("bytes_per_second", centre.bytes_per_second);
  archive("flops_per_second", centre.flops_per_second);
  archive("roofline_fraction", centre.roofline_fraction);
  archive("roofline_limit", centre.roofline_limit);
}

template <class Archive>
void fields(Archive& archive, TimelineEvents& events) {
  archive("kernel", events.kernel);
  archive("token", events.token);
  archive("layer", events.layer);
  archive("start_seconds", events.start_seconds);
  archive("seconds", events.seconds);
  archive("bytes", events.bytes);
  archive("flops", events.flops);
  archive("rows", events.rows);
  archive("columns", events.columns);
  archive("terms", events.terms);
}

template <class Archive>
void fields(Archive& archive, Timeline& timeline) {
  archive("kernels", timeline.kernels);
  archive("events", timeline.events);
}

template <class Archive>
void fields(Archive& archive, HardwareCounts& counts) {
  archive("cycles", counts.cycles);
  archive("instructions", counts.instructions);
  archive("cache_misses", counts.cache_misses);
}

template <class Archive>
void fields(Archive& archive, Row& row) {
  archive("capture", row.capture);
  archive("placement", row.placement);
  archive("verification", row.verification);
  archive("metrics", row.metrics);
  archive("samples", row.samples);
  archive("outliers", row.outliers);
  archive("cold", row.cold);
  Stop stop{row.stop};
  archive("stop", stop);
  row.stop = stop.reason;
  archive("cost_centres", row.cost_centres);
  archive("unattributed_seconds", row.unattributed_seconds);
  archive("timeline", row.timeline);
  archive("hardware", row.hardware);
  archive("memory", row.memory);
}

template <class Archive>
void fields(Archive& archive, SecondsChange& change) {
  archive("seconds", change.seconds);
  archive("ci", change.ci);
}

template <class Archive>
void fields(Archive& archive, TokenChange& change) {
  archive("prefill", change.prefill);
  archive("per_token", change.per_token);
  archive("per_position", change.per_position);
  archive("n_later_tokens", change.n_later_tokens);
}

template <class Archive>
void fields(Archive& archive, CentreChange& change) {
  archive("phase", change.phase);
  archive("name", change.name);
  archive("a_seconds", change.a_seconds);
  archive("b_seconds", change.b_seconds);
  archive("fraction", change.fraction);
  archive("p_value", change.p_value);
}

template <class Archive>
void fields(Archive& archive, Comparison& comparison) {
  archive("a", comparison.a);
  archive("b", comparison.b);
  archive("metric", comparison.metric);
  archive("median_ratio", comparison.median_ratio);
  archive("ci", comparison.ci);
  archive("verdict", comparison.verdict);
  archive("pairs", comparison.pairs);
  archive("minimum_detectable_effect", comparison.minimum_detectable_effect);
  archive("confidence", comparison.confidence);
  archive("band", comparison.band);
  archive("processes", comparison.processes);
  archive("confirmed", comparison.confirmed);
  archive("p_value", comparison.p_value);
  archive("adjusted_p_value", comparison.adjusted_p_value);
  // Fields that earlier reports lack.
  std::optional<bool> paired = comparison.paired;
  archive("paired", paired);
  comparison.paired = paired.value_or(true);
  archive("tokens", comparison.tokens);
  std::optional<std::vector<CentreChange>> centres = comparison.centres;
  archive("centres", centres);
  comparison.centres = centres.value_or(std::vector<CentreChange>{});
}

template <class Archive>
void fields(Archive& archive, Report& report) {
  archive("created", report.created);
  archive("tool", report.tool);
  archive("machine", report.machine);
  archive("rows", report.rows);
  archive("comparisons", report.comparisons);
}

}  // namespace reprise::harness
