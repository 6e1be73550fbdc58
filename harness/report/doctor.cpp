#include "harness/report/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "engine/io/json_archive.h"
#include "engine/io/printable.h"
#include "harness/report/report_fields.h"
#include "harness/report/text_table.h"
#include "harness/report/units.h"

namespace reprise::engine {

template <>
struct JsonEnum<harness::Severity> {
  static constexpr std::array kNames = {std::pair{harness::Severity::note, std::string_view("note")},
                                        std::pair{harness::Severity::warning, std::string_view("warning")}};
};

}  // namespace reprise::engine

namespace reprise::harness {

template <class Archive>
void fields(Archive& archive, TimerQuality& timer) {
  archive("resolution_seconds", timer.resolution_seconds);
  archive("cost_seconds", timer.cost_seconds);
}

template <class Archive>
void fields(Archive& archive, Conditions& conditions) {
  archive("processors", conditions.processors);
  archive("transparent_huge_pages", conditions.transparent_huge_pages);
  archive("load_average", conditions.load_average);
  archive("steal_fraction", conditions.steal_fraction);
  archive("timing_spread_fraction", conditions.timing_spread_fraction);
  archive("turbo", conditions.turbo);
  archive("clock_source", conditions.clock_source);
  archive("timer", conditions.timer);
  archive("heat_throttled", conditions.heat_throttled);
  archive("quota_throttled", conditions.quota_throttled);
  archive("noise_floor_fraction", conditions.noise_floor_fraction);
  archive("noise_floor_pairs", conditions.noise_floor_pairs);
  archive("detectable_fraction", conditions.detectable_fraction);
}

template <class Archive>
void fields(Archive& archive, Finding& finding) {
  archive("severity", finding.severity);
  archive("subject", finding.subject);
  archive("text", finding.text);
}

template <class Archive>
void fields(Archive& archive, Diagnosis& diagnosis) {
  std::string schema = "reprise.doctor/1";
  archive("schema", schema);
  archive("created", diagnosis.created);
  archive("tool", diagnosis.tool);
  archive("machine", diagnosis.machine);
  archive("conditions", diagnosis.conditions);
  archive("findings", diagnosis.findings);
  archive.derived("fit", fit_to_measure(diagnosis.findings));
}

namespace {

/// The figures of a line of the table, apart from the thread count.
using Line = std::pair<std::string, std::string>;  // what, instruction

Line line_of(const RooflinePoint& point) {
  switch (point.limit) {
    case Limit::read:
      return {point.pages == PageSize::huge ? "read, huge pages" : "read, small pages", point.instruction};
    case Limit::f32_fma:
      return {"f32 multiply-add", point.instruction};
    case Limit::bf16_dot:
      return {"bf16 dot products", point.instruction};
    case Limit::int8_dot:
      return {"int8 dot products", point.instruction};
  }
  return {};
}

std::string rate(const RooflinePoint& point) {
  const char* unit = point.limit == Limit::read       ? "GB/s"
                     : point.limit == Limit::int8_dot ? "GOP/s"
                                                      : "GFLOP/s";
  return fmt::format("{} {}", format_number(point.per_second / 1e9, 3), unit);
}

std::string known(const std::string& text) {
  return engine::printable(text, 100);
}

std::string percent(const std::optional<double>& fraction) {
  return fraction ? format_percent(*fraction) : "unknown";
}

std::string timer_line(const Conditions& conditions) {
  const std::string quality =
      conditions.timer
          ? fmt::format("; a reading takes {}, steps are {}", format_seconds(conditions.timer->cost_seconds),
                        format_seconds(conditions.timer->resolution_seconds))
          : "";
  const char* turbo = !conditions.turbo ? "unknown" : *conditions.turbo ? "on" : "off";
  return fmt::format("clock       {}{}; turbo {}\n", known(conditions.clock_source), quality, turbo);
}

std::string noise_lines(const Conditions& conditions) {
  std::string lines = fmt::format("noise       timings of equal work differ by {}\n",
                                  format_percent(conditions.timing_spread_fraction));
  if (conditions.noise_floor_fraction && conditions.noise_floor_pairs) {
    lines += fmt::format(
        "            in turns, {:.2f} % from itself over {} pairs of runs: the noise floor of verdicts\n",
        100 * *conditions.noise_floor_fraction, *conditions.noise_floor_pairs);
  }
  if (conditions.detectable_fraction) {
    lines += fmt::format("            60 s of such pairs show a slow-down of {:.1f} %, four times in five\n",
                         100 * *conditions.detectable_fraction);
  }
  return lines;
}

std::string machine_lines(const Machine& machine, const Conditions& conditions) {
  std::string gpus;
  for (const std::string& gpu : machine.gpus) {
    gpus += fmt::format("gpu         {}\n", known(gpu));
  }
  return fmt::format(
      "processor   {}, {}\n"
      "cores       {} ({} logical), governor {}\n"
      "memory      {}, transparent huge pages: {}\n"
      "{}"
      "system      {}{}\n"
      "load        {} before measuring; {} of the processors' time stolen while measuring\n"
      "{}{}",
      known(machine.cpu), machine.isa, machine.cores, conditions.processors, known(machine.governor),
      format_bytes(machine.memory_bytes), known(conditions.transparent_huge_pages), gpus, known(machine.os),
      machine.virtualized ? ", a virtual machine" : "",
      conditions.load_average ? fmt::format("{:.2f}", *conditions.load_average) : "unknown",
      percent(conditions.steal_fraction), timer_line(conditions), noise_lines(conditions));
}

}  // namespace

std::string roofline_table(const Roofline& roofline) {
  std::set<int> threads;
  std::vector<Line> lines;
  for (const RooflinePoint& point : roofline.points) {
    threads.insert(point.threads);
    if (std::find(lines.begin(), lines.end(), line_of(point)) == lines.end()) {
      lines.push_back(line_of(point));
    }
  }
  TextTable table;
  table.add_column("limit", Align::left);
  for (const int n : threads) {
    table.add_column(n == 1 ? "1 thread" : fmt::format("{} threads", n), Align::right);
  }
  table.add_column("instruction", Align::left);
  for (const Line& line : lines) {
    std::vector<std::string> cells = {line.first};
    for (const int n : threads) {
      const auto point =
          std::find_if(roofline.points.begin(), roofline.points.end(),
                       [&](const RooflinePoint& p) { return p.threads == n && line_of(p) == line; });
      cells.push_back(point == roofline.points.end() ? "-" : rate(*point));
    }
    cells.push_back(known(line.second));
    table.add_row(std::move(cells));
  }
  return table.to_text();
}

std::string doctor_text(const Diagnosis& diagnosis) {
  std::string text = machine_lines(diagnosis.machine, diagnosis.conditions);
  if (diagnosis.machine.roofline) {
    text += "\n" + roofline_table(*diagnosis.machine.roofline);
  }
  text += "\n";
  for (const Finding& finding : diagnosis.findings) {
    text += fmt::format("{}: {}: {}\n", finding.severity == Severity::warning ? "warning" : "note",
                        finding.subject, engine::printable(finding.text, 400));
  }
  return text + (fit_to_measure(diagnosis.findings)
                     ? "Fit to measure on.\n"
                     : "Not at its best: figures are worth less until the warnings are dealt with.\n");
}

std::string doctor_json(const Diagnosis& diagnosis) {
  return engine::to_json_value(diagnosis).dump(2, ' ', false,
                                               nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace reprise::harness
