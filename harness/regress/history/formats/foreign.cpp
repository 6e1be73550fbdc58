#include "harness/regress/history/formats/foreign.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "harness/regress/fingerprint.h"
#include "harness/regress/history/formats/bencher.h"
#include "harness/regress/history/formats/github_action.h"
#include "harness/regress/history/formats/google_benchmark.h"
#include "harness/regress/history/formats/otava.h"
#include "harness/regress/json_digest.h"

namespace reprise::harness {
namespace {

using nlohmann::json;

constexpr const char* kUnknownMachine = "imported";

std::string digest_of(const ForeignReport& report, ForeignFormat format) {
  json points = json::array();
  for (const ForeignPoint& p : report.points) {
    const json ends = p.ci ? json::array({p.ci->low, p.ci->high}) : json();
    points.push_back(json::array({p.name, p.metric, p.unit, p.better == Better::lower, p.value, ends, p.n}));
  }
  return json_digest(json::array(
      {std::string(name_of(format)), report.created, report.commit, report.branch, report.machine, points}));
}

void expect_one(std::string_view what, const std::string& first, const std::string& other) {
  if (first != other) {
    fail(ErrorCode::invalid_argument,
         "export: expected figures of one {0}, found '{1}' and '{2}'; choose with --{0}", what,
         engine::printable(first), engine::printable(other));
  }
}

/// Fails where two series, which one name in a file would mean, are not the same.
void expect_same(const Series& a, const Series& b) {
  for (const auto& [what, first, second, flag] : {std::tuple{"machines", &a.machine, &b.machine, "--machine"},
                                                  {"captures", &a.capture_id, &b.capture_id, "--filter"},
                                                  {"models", &a.model_sha256, &b.model_sha256, "--filter"},
                                                  {"captures", &a.capture_name, &b.capture_name, "--filter"},
                                                  {"placements", &a.placement, &b.placement, "--filter"}}) {
    if (*first != *second) {
      fail(ErrorCode::invalid_argument,
           "export: {} {}: expected one series, found two, of the {} '{}' and '{}'; choose with {}",
           engine::printable(benchmark_name(a)), engine::printable(a.metric), what, engine::printable(*first),
           engine::printable(*second), flag);
    }
  }
}

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return text.ends_with(end); });
}

}  // namespace

std::string_view name_of(ForeignFormat format) {
  for (const auto& [value, name] : kForeignFormats) {
    if (value == format) {
      return name;
    }
  }
  REPRISE_CHECK(false);
}

std::vector<ForeignReport> read_foreign(ForeignFormat format, std::string_view text,
                                        const std::string& source, Better better,
                                        std::span<const std::string> columns) {
  if (format == ForeignFormat::otava) {
    return read_otava(text, source, better, columns);
  }
  ForeignReport report = format == ForeignFormat::google_benchmark
                             ? read_google_benchmark(text, source, better)
                         : format == ForeignFormat::bencher ? read_bencher(text, source, better)
                                                            : read_github_action(text, source, better);
  report.source = source;
  return {report};
}

ForeignFile write_foreign(ForeignFormat format, std::span<const ForeignReport> reports, Better better) {
  for (const ForeignReport& report : reports) {
    expect_one("machine", reports.front().machine, report.machine);
  }
  switch (format) {
    case ForeignFormat::google_benchmark:
      return write_google_benchmark(newest_of(reports));
    case ForeignFormat::bencher:
      return {write_bencher(newest_of(reports))};
    case ForeignFormat::github_action:
      return write_github_action(newest_of(reports), better);
    case ForeignFormat::otava:
      return write_otava(reports);
  }
  REPRISE_CHECK(false);
}

Submission submission_of(const ForeignReport& report, ForeignFormat format, const ForeignDefaults& defaults) {
  const auto or_else = [](const std::string& text, const std::string& otherwise) {
    return text.empty() ? otherwise : text;
  };
  ForeignReport filled = report;
  filled.commit = or_else(report.commit, defaults.commit);
  filled.branch = or_else(report.branch, defaults.branch);
  filled.machine = or_else(or_else(defaults.machine, report.machine), kUnknownMachine);
  Submission submission;
  submission.source = report.source;
  submission.digest = digest_of(filled, format);
  submission.created = or_else(report.created, defaults.created);
  submission.commit = filled.commit;
  submission.branch = filled.branch;
  submission.tool = name_of(format);
  for (const ForeignPoint& p : report.points) {
    Series series;
    series.capture_name = p.name;
    series.metric = p.metric;
    series.unit = p.unit;
    series.better = p.better;
    series.machine = machine_fingerprint(filled.machine);
    series.machine_description = filled.machine;
    submission.figures.push_back({series, p.value, p.ci, p.n});
  }
  return submission;
}

std::vector<ForeignReport> foreign_reports_of(std::span<const Track> tracks) {
  struct Found {
    std::int64_t first_point = std::numeric_limits<std::int64_t>::max();  ///< keys count up as reports come
    ForeignReport report;
  };
  std::map<std::string, Found> by_digest;
  std::map<std::pair<std::string, std::string>, const Series*> named;
  for (const Track& track : tracks) {
    const Series& s = track.series;
    const std::string name = benchmark_name(s);
    expect_same(*named.try_emplace({name, s.metric}, &s).first->second, s);
    for (const Point& point : track.points) {
      auto& [first_point, report] = by_digest[point.report_digest];
      first_point = std::min(first_point, point.id);
      report.created = point.created;
      report.commit = point.commit;
      report.branch = point.branch;
      report.machine = s.machine_description;
      report.points.push_back({name, s.metric, s.unit, s.better, point.value, point.ci, point.n});
    }
  }
  std::vector<Found> found;
  for (auto& [digest, one] : by_digest) {
    found.push_back(std::move(one));
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::tie(a.report.created, a.first_point) < std::tie(b.report.created, b.first_point);
  });
  std::vector<ForeignReport> ordered;
  for (Found& one : found) {
    ordered.push_back(std::move(one.report));
  }
  return ordered;
}

std::string benchmark_name(const Series& series) {
  const std::string& name = series.capture_name;
  if (const std::optional<PlacementInfo> p = placement_of(series.placement)) {
    return fmt::format("{}/{}/{}/{}/kv-{}/threads-{}/{}", name, p->backend, p->isa, p->precision,
                       p->kv_cache ? p->kv_precision : "off", p->threads, p->numerics);
  }
  return series.placement.empty() ? name : name + "/" + series.placement;
}

ForeignReport newest_of(std::span<const ForeignReport> reports) {
  ForeignReport newest;
  std::map<std::pair<std::string, std::string>, ForeignPoint> points;
  for (const ForeignReport& report : reports) {
    expect_one("branch", reports.front().branch, report.branch);
    newest = report;
    for (const ForeignPoint& point : report.points) {
      points.insert_or_assign({point.name, point.metric}, point);
    }
  }
  newest.points.clear();
  for (auto& [key, point] : points) {
    newest.points.push_back(std::move(point));
  }
  return newest;
}

Better direction_of(std::string_view metric, Better otherwise) {
  if (ends_with_any(metric, {"_per_second", "throughput"})) {
    return Better::higher;
  }
  return ends_with_any(metric, {"_seconds", "latency"}) ? Better::lower : otherwise;
}

}  // namespace reprise::harness
