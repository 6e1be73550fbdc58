#include "harness/regress/history/series.h"

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/json_archive.h"
#include "engine/io/json_text.h"
#include "engine/io/printable.h"
#include "harness/regress/fingerprint.h"
#include "harness/regress/history/time_text.h"
#include "harness/regress/json_digest.h"
#include "harness/report/report_fields.h"
#include "harness/report/report_json.h"

namespace reprise::harness {
namespace {

using nlohmann::json;

/// What of a placement decides its figures. A field that later builds add joins this list when figures with
/// other values of it must not be compared.
constexpr const char* kPlacementIdentity[] = {"backend",      "isa",     "precision", "kv_cache",
                                              "kv_precision", "threads", "numerics"};

[[noreturn]] void wrong(const std::string& field, std::string_view expected, std::string_view found) {
  fail(ErrorCode::invalid_data, "{}: expected {}, found {}", field, expected, found);
}

bool is_utf8(const std::string& text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::type_error&) {
    return false;
  }
}

/// Databases cannot hold the rest, or would cut it.
void check_text(const std::string& field, const std::string& text) {
  if (text.find('\0') != std::string::npos || !is_utf8(text)) {
    wrong(field, "UTF-8 text without a zero byte", "'" + engine::printable(text) + "'");
  }
}

/// Names that stand in tables and on command lines.
void check_name(const std::string& field, const std::string& text) {
  check_text(field, text);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      wrong(field, "text on one line", "'" + engine::printable(text) + "'");
    }
  }
}

void check_number(const std::string& field, double value) {
  if (!(std::abs(value) <= kMaxFigure)) {
    wrong(field, fmt::format("a number up to {}", kMaxFigure), fmt::format("{}", value));
  }
}

void check_figure(const std::string& field, const Figure& figure) {
  const Series& s = figure.series;
  for (const auto& [name, text] :
       {std::pair{"capture id", &s.capture_id}, std::pair{"capture name", &s.capture_name},
        std::pair{"model name", &s.model_name}, std::pair{"model sha256", &s.model_sha256},
        std::pair{"placement", &s.placement}, std::pair{"metric", &s.metric}, std::pair{"unit", &s.unit},
        std::pair{"machine", &s.machine}, std::pair{"machine description", &s.machine_description}}) {
    check_text(field + ": " + name, *text);
  }
  check_number(field + ": value", figure.value);
  if (figure.ci) {
    check_number(field + ": ci", figure.ci->low);
    check_number(field + ": ci", figure.ci->high);
    if (figure.ci->low > figure.ci->high) {
      wrong(field + ": ci", "the lower end first",
            fmt::format("{} before {}", figure.ci->low, figure.ci->high));
    }
  }
  if (figure.n < 0) {
    wrong(field + ": n", "a whole number from 0", fmt::format("{}", figure.n));
  }
}

void check_submission(Submission& submission) {
  const std::optional<std::string> created = utc_text(submission.created);
  if (!created) {
    wrong("created", "a time such as 2026-01-31T12:00:00Z",
          "'" + engine::printable(submission.created) + "'");
  }
  submission.created = *created;
  check_name("commit", submission.commit);
  check_name("branch", submission.branch);
  check_text("tool", submission.tool);
  if (submission.commit.empty()) {
    wrong("commit", "one in the file or by --commit", "none");
  }
  for (const Figure& figure : submission.figures) {
    check_figure(engine::printable(label_of(figure.series), 200), figure);
  }
}

/// "" for a build that was made outside a checkout: all of these would seem to be one commit.
std::string commit_of(const ToolInfo& tool) {
  const bool known = !tool.git_commit.empty() && tool.git_commit != "unknown";
  return known ? tool.git_commit + (tool.dirty ? "-dirty" : "") : "";
}

json placement_identity(const std::string& placement) {
  const std::optional<PlacementInfo> known = placement_of(placement);
  if (!known) {
    return placement;
  }
  const json all = engine::to_json_value(*known);
  json identity = json::object();
  for (const char* field : kPlacementIdentity) {
    if (const auto found = all.find(field); found != all.end() && !found->is_null()) {
      identity[field] = *found;
    }
  }
  return identity;
}

}  // namespace

Submission submission_of(const json& document, const std::string& source, const std::string& commit,
                         const std::string& branch) {
  const Report report = from_json(document, source);
  Submission submission;
  submission.source = source;
  submission.digest = json_digest(document);
  submission.created = report.created;
  submission.commit = commit.empty() ? commit_of(report.tool) : commit;
  submission.branch = branch;
  submission.tool = fmt::format("{} {}", report.tool.name, report.tool.version);
  const std::string machine = machine_fingerprint(report.machine);
  const std::string description = machine_description(report.machine);
  for (const Row& row : report.rows) {
    if (row.verification.verdict == OutputVerdict::differs) {
      continue;  // a wrong answer has no speed
    }
    const CaptureInfo& c = row.capture;
    const std::string placement = engine::to_json_text(row.placement);
    for (const auto& [name, metric] : row.metrics) {
      submission.figures.push_back({{0, c.id, c.name, c.model.name, c.model.sha256, placement, name,
                                     metric.unit, metric.better, machine, description},
                                    metric.value,
                                    metric.ci,
                                    metric.n});
    }
  }
  return submission;
}

Submission checked(Submission submission) {
  try {
    check_submission(submission);
  } catch (const Error& error) {
    if (submission.source.empty()) {
      throw;
    }
    fail(error.code(), "{}: {}", submission.source, error.what());
  }
  return submission;
}

std::string identity_of(const Series& s) {
  json parts = {{"capture_id", s.capture_id},
                {"capture_name", s.capture_name},
                {"model_sha256", s.model_sha256},
                {"placement", placement_identity(s.placement)},
                {"metric", s.metric},
                {"machine", s.machine}};
  for (auto part = parts.begin(); part != parts.end();) {
    part = *part == "" ? parts.erase(part) : std::next(part);
  }
  return json_digest(parts);
}

std::string_view name_of(Better better) {
  for (const auto& [value, name] : engine::JsonEnum<Better>::kNames) {
    if (value == better) {
      return name;
    }
  }
  REPRISE_CHECK(false);
}

std::optional<Better> better_named(std::string_view name) {
  for (const auto& [value, known] : engine::JsonEnum<Better>::kNames) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::string label_of(const Series& series) {
  const std::string placement = placement_label(series.placement);
  return fmt::format("{} {}{}{}", series.capture_name, series.metric, placement.empty() ? "" : ", ",
                     placement);
}

std::optional<PlacementInfo> placement_of(const std::string& placement) {
  try {
    return engine::from_json_value<PlacementInfo>(engine::parse_json(placement, "placement"), "placement");
  } catch (const Error&) {
    return std::nullopt;  // text of another program
  }
}

std::string placement_label(const std::string& placement) {
  const std::optional<PlacementInfo> p = placement_of(placement);
  return p ? describe(*p) : placement;
}

}  // namespace reprise::harness
