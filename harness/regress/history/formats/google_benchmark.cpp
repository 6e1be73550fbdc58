#include "harness/regress/history/formats/google_benchmark.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/io/json_archive.h"
#include "harness/regress/history/formats/json_input.h"
#include "harness/regress/history/time_text.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

using engine::detail::element;
using engine::detail::member;
using nlohmann::json;
using nlohmann::ordered_json;

/// Members of a benchmark that are no counters.
const std::set<std::string, std::less<>>& reserved() {
  static const std::set<std::string, std::less<>> names = {"name",
                                                           "family_index",
                                                           "per_family_instance_index",
                                                           "run_name",
                                                           "run_type",
                                                           "repetitions",
                                                           "repetition_index",
                                                           "threads",
                                                           "aggregate_name",
                                                           "aggregate_unit",
                                                           "error_occurred",
                                                           "error_message",
                                                           "skipped",
                                                           "skip_message",
                                                           "iterations",
                                                           "real_time",
                                                           "cpu_time",
                                                           "time_unit",
                                                           "cpu_coefficient",
                                                           "real_coefficient",
                                                           "big_o",
                                                           "rms",
                                                           "label"};
  return names;
}

double seconds_of(const json& run, const std::string& source, const std::string& path) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
  const std::string unit = detail::optional_string(run, source, path, "time_unit").value_or("ns");
  for (const auto& [name, seconds] : kUnits) {
    if (unit == name) {
      return seconds;
    }
  }
  detail::wrong_json(source, member(path, "time_unit"), "ns, us, ms or s", run.at("time_unit"));
}

/// The figures of one entry of `benchmarks`, by metric.
std::map<std::string, double> figures_of(const json& run, const std::string& source,
                                         const std::string& path) {
  const double unit = seconds_of(run, source, path);
  std::map<std::string, double> figures;
  for (const char* time : {"real_time", "cpu_time"}) {
    figures[time] =
        unit * detail::number_at(detail::field_of(run, source, path, time), source, member(path, time));
  }
  for (const auto& [name, value] : run.items()) {
    if (value.is_number() && !reserved().contains(name)) {
      figures[name] = detail::number_at(value, source, member(path, name));
    }
  }
  return figures;
}

/// What the file says of one benchmark.
struct Benchmark {
  std::vector<std::map<std::string, double>> repetitions;
  std::map<std::string, std::map<std::string, double>> aggregates;  ///< by their name
  std::int64_t n = 1;
};

bool is_true(const json& value) {
  return value.is_boolean() && value.get<bool>();
}

void add_run(const json& run, const std::string& source, const std::string& path,
             std::map<std::string, Benchmark>& benchmarks) {
  const std::string name =
      detail::string_at(detail::field_of(run, source, path, "name"), source, member(path, "name"));
  const std::string run_name = detail::optional_string(run, source, path, "run_name").value_or(name);
  const std::string type = detail::optional_string(run, source, path, "run_type").value_or("iteration");
  const bool failed = is_true(detail::field_of(run, source, path, "error_occurred")) ||
                      is_true(detail::field_of(run, source, path, "skipped"));
  if (failed || run.contains("big_o") || run.contains("rms")) {
    return;
  }
  Benchmark& benchmark = benchmarks[run_name];
  if (type == "iteration") {
    benchmark.repetitions.push_back(figures_of(run, source, path));
  } else if (type == "aggregate") {
    const json& aggregate = detail::field_of(run, source, path, "aggregate_name");
    const std::string kind = detail::string_at(aggregate, source, member(path, "aggregate_name"));
    if (kind == "median" || kind == "mean") {
      benchmark.aggregates[kind] = figures_of(run, source, path);
      const double n = detail::optional_number(run, source, path, "repetitions").value_or(1);
      benchmark.n = static_cast<std::int64_t>(std::clamp(n, 1.0, 1e9));
    }
  } else {
    detail::wrong_json(source, member(path, "run_type"), "iteration or aggregate", run.at("run_type"));
  }
}

void add_points(const std::string& name, const Benchmark& benchmark, Better better, ForeignReport& report) {
  std::map<std::string, std::vector<double>> values;
  std::int64_t n = static_cast<std::int64_t>(benchmark.repetitions.size());
  for (const auto& repetition : benchmark.repetitions) {
    for (const auto& [metric, value] : repetition) {
      values[metric].push_back(value);
    }
  }
  for (const char* kind : {"median", "mean"}) {
    if (values.empty() && benchmark.aggregates.contains(kind)) {
      n = benchmark.n;
      for (const auto& [metric, value] : benchmark.aggregates.at(kind)) {
        values[metric].push_back(value);
      }
    }
  }
  for (const auto& [metric, samples] : values) {
    const bool time = metric == "real_time" || metric == "cpu_time";
    report.points.push_back({name, metric, time ? "s" : "",
                             time ? Better::lower : direction_of(metric, better), median(samples),
                             std::nullopt, n});
  }
}

/// "8 processors, caches Data 32768, Unified 1048576".
std::string machine_of(const json& context, const std::string& source) {
  std::string machine;
  if (const auto n = detail::optional_number(context, source, "context", "num_cpus"); n && *n > 0) {
    machine = fmt::format("{} processors", *n);
  }
  const json& caches = detail::field_of(context, source, "context", "caches");
  for (std::size_t i = 0; caches.is_array() && i < caches.size(); ++i) {
    const std::string path = element("context.caches", i);
    machine += fmt::format("{}{}{} {}", machine.empty() ? "" : ", ", i == 0 ? "caches " : "",
                           detail::optional_string(caches[i], source, path, "type").value_or(""),
                           detail::optional_number(caches[i], source, path, "size").value_or(0));
  }
  return machine;
}

void read_context(const json& context, const std::string& source, ForeignReport& report) {
  if (context.is_null()) {
    return;
  }
  report.machine = machine_of(context, source);
  if (const auto date = detail::optional_string(context, source, "context", "date")) {
    const auto created = utc_text(*date);
    if (!created) {
      detail::wrong_json(source, "context.date", "a time such as 2026-01-31T12:00:00+00:00", *date);
    }
    report.created = *created;
  }
}

/// Times are written in nanoseconds, as long as readers can take them.
constexpr double kNanoseconds = 1e9;

bool is_time(const ForeignPoint& point) {
  return point.unit == "s" && std::abs(point.value) <= kMaxFigure / kNanoseconds;
}

/// The time that stands for a benchmark, nullptr where it has none.
const ForeignPoint* main_time(const std::vector<const ForeignPoint*>& points) {
  const ForeignPoint* best = nullptr;
  for (const ForeignPoint* point : points) {
    const bool named = point->metric == "total_seconds" || point->metric == "real_time";
    if (is_time(*point) && (best == nullptr || named)) {
      best = point;
    }
  }
  return best;
}

/// Null where the benchmark has no time.
ordered_json entry_of(const std::string& name, const std::vector<const ForeignPoint*>& points, int index,
                      std::size_t& left_out) {
  const ForeignPoint* time = main_time(points);
  if (time == nullptr) {
    left_out += points.size();
    return {};
  }
  double cpu_time = time->value;
  for (const ForeignPoint* point : points) {
    cpu_time = point->metric == "cpu_time" && is_time(*point) ? point->value : cpu_time;
  }
  ordered_json entry = {{"name", name},
                        {"family_index", index},
                        {"per_family_instance_index", 0},
                        {"run_name", name},
                        {"run_type", "iteration"},
                        {"repetitions", 1},
                        {"repetition_index", 0},
                        {"threads", 1},
                        {"iterations", std::max<std::int64_t>(time->n, 1)},
                        {"real_time", kNanoseconds * time->value},
                        {"cpu_time", kNanoseconds * cpu_time},
                        {"time_unit", "ns"}};
  for (const ForeignPoint* point : points) {
    if (point == time || (point->metric == "cpu_time" && is_time(*point))) {
      continue;
    }
    const bool taken = reserved().contains(point->metric);
    left_out += taken ? 1 : 0;
    if (!taken) {
      entry[point->metric] = point->value;
    }
  }
  return entry;
}

}  // namespace

ForeignReport read_google_benchmark(std::string_view text, const std::string& source, Better better) {
  const json document = detail::parse_foreign_json(text, source);
  ForeignReport report;
  read_context(detail::field_of(document, source, "", "context"), source, report);
  const json& runs = detail::field_of(document, source, "", "benchmarks");
  if (!runs.is_array()) {
    detail::wrong_json(source, "benchmarks", "an array", runs);
  }
  std::map<std::string, Benchmark> benchmarks;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    add_run(runs[i], source, element("benchmarks", i), benchmarks);
  }
  for (const auto& [name, benchmark] : benchmarks) {
    add_points(name, benchmark, better, report);
  }
  return report;
}

ForeignFile write_google_benchmark(const ForeignReport& report) {
  std::size_t left_out = 0;
  std::map<std::string, std::vector<const ForeignPoint*>> benchmarks;
  for (const ForeignPoint& point : report.points) {
    benchmarks[point.name].push_back(&point);
  }
  ordered_json entries = ordered_json::array();
  for (const auto& [name, points] : benchmarks) {
    ordered_json entry = entry_of(name, points, static_cast<int>(entries.size()), left_out);
    if (!entry.is_null()) {
      entries.push_back(std::move(entry));
    }
  }
  const ordered_json context = {{"date", report.created},
                                {"host_name", report.machine},
                                {"executable", "reprise"},
                                {"num_cpus", 0},
                                {"mhz_per_cpu", 0},
                                {"cpu_scaling_enabled", false},
                                {"caches", ordered_json::array()},
                                {"load_avg", ordered_json::array()},
                                {"library_build_type", "release"}};
  const ordered_json document = {{"context", context}, {"benchmarks", entries}};
  return {document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n", left_out};
}

}  // namespace reprise::harness
