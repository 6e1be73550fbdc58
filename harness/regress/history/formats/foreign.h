/// Figures of other programs' files, between their formats and a history: the neutral form that every format
/// is read into and written from. The formats themselves: google_benchmark.h, bencher.h, github_action.h,
/// otava.h. Used by tools/cli.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/regress/history/series.h"

namespace reprise::harness {

struct ForeignPoint {
  std::string name;    ///< of the benchmark
  std::string metric;  ///< what was measured of it
  std::string unit;    ///< "" where the format has none
  Better better = Better::lower;
  double value = 0;
  std::optional<Interval> ci = {};
  std::int64_t n = 0;  ///< samples; 0 where the format does not say
};

/// The figures of one run, or of a part of it that is stored alone. What the file does not say is "".
struct ForeignReport {
  std::string created;  ///< time_text.h
  std::string commit;
  std::string branch;
  std::string machine;  ///< a description that stays the same while the machine does
  std::vector<ForeignPoint> points;
  std::string source = {};  ///< the file, and where in it, for errors
};

/// What a format was made of.
struct ForeignFile {
  std::string text;
  std::size_t left_out = 0;  ///< figures that the format cannot hold
};

enum class ForeignFormat { google_benchmark, bencher, github_action, otava };

/// As users call them.
inline constexpr std::array kForeignFormats = {
    std::pair{ForeignFormat::google_benchmark, std::string_view("gbench")},
    std::pair{ForeignFormat::bencher, std::string_view("bmf")},
    std::pair{ForeignFormat::github_action, std::string_view("github")},
    std::pair{ForeignFormat::otava, std::string_view("otava")}};

std::string_view name_of(ForeignFormat format);

/// The figures of a file, oldest first. `source` names it in errors; `better` is the direction of metrics for
/// which the format has none. `columns`: of Otava's CSV, those that are metrics (otava.h).
/// Errors: invalid_data, one line "source: field: expected ..., found ...".
std::vector<ForeignReport> read_foreign(ForeignFormat format, std::string_view text,
                                        const std::string& source, Better better,
                                        std::span<const std::string> columns = {});

/// A file of these reports, oldest first. Formats of one run take the newest figure of each metric;
/// github_action has one direction a file, which `better` chooses. Errors: invalid_argument for figures of
/// several machines, and, in formats of one run, of several branches; in Otava's, for no run to write.
ForeignFile write_foreign(ForeignFormat format, std::span<const ForeignReport> reports, Better better);

/// What the user says of figures whose file does not.
struct ForeignDefaults {
  std::string created;
  std::string commit;
  std::string branch;
  std::string machine;  ///< stands for what the file says: the user knows better
};

/// What a history takes of it. The digest is that of the file's figures with the commit, branch and machine,
/// so that importing a file again adds nothing.
Submission submission_of(const ForeignReport& report, ForeignFormat format, const ForeignDefaults& defaults);

/// The reports behind tracks, oldest first; those of one second in the order in which they came.
/// Errors: invalid_argument for two series that a file would give one name (benchmark_name) and metric.
std::vector<ForeignReport> foreign_reports_of(std::span<const Track> tracks);

/// "call/cpu/avx512/bf16/kv-f32/threads-2/exact": a capture at a placement as one word.
std::string benchmark_name(const Series& series);

/// One run with the newest figure of each name and metric, in their order. Errors: those of write_foreign.
ForeignReport newest_of(std::span<const ForeignReport> reports);

/// The direction that a metric's name tells: "..._per_second" and "throughput" are better higher,
/// "..._seconds" and "latency" lower; `otherwise` for the rest.
Better direction_of(std::string_view metric, Better otherwise);

}  // namespace reprise::harness
