/// What a history holds: series of points, and the figures of a report on their way there. Plain values;
/// history.h stores them, detect.h looks for changes in them, formats/ and the printers know nothing else.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/report/report.h"
#include "harness/stats/change_points.h"

namespace reprise::harness {

/// What must be equal for figures to be compared: all but the id, the unit and the direction.
struct Series {
  std::int64_t id = 0;  ///< in its database
  std::string capture_id;
  std::string capture_name;
  std::string model_name;
  std::string model_sha256;
  std::string placement;  ///< JSON of PlacementFields; of imported figures, what their file says
  std::string metric;
  std::string unit;
  Better better = Better::lower;
  std::string machine;  ///< fingerprint.h
  std::string machine_description;
};

/// One figure of a series, in one report.
struct Point {
  std::int64_t id = 0;
  std::string commit;
  std::string branch;   ///< "" when nobody said
  std::string created;  ///< time_text.h
  double value = 0;
  std::optional<Interval> ci;
  std::int64_t n = 0;         ///< samples; 0 when not known
  std::string tool;           ///< and its version: "reprise 0.1.0"
  std::string report_digest;  ///< SHA-256
};

/// The points of a series on one branch, over time: where changes are looked for.
struct Track {
  Series series;
  std::string branch;
  std::vector<Point> points;
};

/// One figure on its way into a history.
struct Figure {
  Series series;  ///< without an id
  double value = 0;
  std::optional<Interval> ci;
  std::int64_t n = 0;
};

/// What one report adds to a history, whole or not at all.
struct Submission {
  std::string digest;
  std::string created;
  std::string commit;
  std::string branch;
  std::string tool;
  std::vector<Figure> figures;
  std::string source = {};  ///< what errors begin with: its file, and where in it; "" where there is none
};

/// The figures of every row of a report whose outputs were right. No commit: that of the build that measured,
/// with "-dirty" when it was built with uncommitted changes; none for a build that does not know its commit.
///
/// The digest is that of the document as it is, not of the Report that this build reads from it: a later
/// build, which knows more fields, must find the same report there.
///   source: names the document in errors, here and of the history that takes the submission.
/// Errors: those of from_json (report/report_json.h).
Submission submission_of(const nlohmann::json& document, const std::string& source,
                         const std::string& commit = "", const std::string& branch = "");

/// A submission that a history can hold, its time in the spelling of time_text.h.
/// Errors: invalid_data naming source and field: a time that is none, a figure or interval that is not
///         finite, text that is not UTF-8 or has a zero byte, a commit or branch with line breaks, no commit.
Submission checked(Submission submission);

/// The digest by which a history knows a series: of its capture, model, placement, metric and machine. Of the
/// placement, the fields that decide the speed; one that is null or "" counts as one that is not there, so
/// that a field of later builds does not start every series anew.
std::string identity_of(const Series& series);

/// "lower", "higher", and back; nothing for another text.
std::string_view name_of(Better better);
std::optional<Better> better_named(std::string_view name);

/// "call total_seconds, cpu avx512 bf16, KV cache f32, 2 threads, exact": a series for people, on one line.
std::string label_of(const Series& series);

/// The fields of Series::placement; nothing where it is no placement of a report.
std::optional<PlacementInfo> placement_of(const std::string& placement);

/// "cpu avx512 bf16, KV cache f32, 2 threads, exact" of a series' placement; other texts as they are.
std::string placement_label(const std::string& placement);

}  // namespace reprise::harness
