/// A selection of representative calls as people and machines read it. Only prints: regress/selection.h
/// chooses. The JSON is described by specs/schema/selection.schema.json. Used by `reprise capture select`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/build_info.h"
#include "harness/regress/selection.h"
#include "harness/stats/interval.h"

namespace reprise::harness {

inline constexpr std::string_view kSelectionSchema = "reprise.selection/1";

/// One of the calls chosen. Fields as in the call log and in Representative.
struct SelectedCall {
  std::int64_t call = 0;
  std::string at;
  std::optional<std::string> capture;  ///< its file, where it has one
  std::int64_t n_cached = 0;
  std::int64_t n_processed = 0;
  std::int64_t n_generated = 0;
  std::int64_t n_calls = 0;
  double weight = 0;
  double share = 0;
  double logged_seconds = 0;
  std::optional<double> replayed_seconds;  ///< median of its replays, where it was replayed
};

struct CostTerm {
  std::string name;
  double seconds_per_unit = 0;
};

/// What the calls' times say about the log's total.
struct TotalPrediction {
  double total_seconds = 0;
  double difference = 0;
  Interval ci;
  double confidence = 0.95;
};

struct SelectionReport {
  std::string created;  ///< UTC, ISO 8601
  engine::BuildInfo tool;
  std::string log;
  std::string model;      ///< of the log's calls
  std::string placement;  ///< likewise
  std::int64_t n_calls = 0;
  double logged_total_seconds = 0;
  std::uint64_t seed = 0;
  std::vector<CostTerm> cost_model;
  std::vector<SelectedCall> calls;
  TotalPrediction from_log;  ///< its difference is the error of the method on this log
  std::optional<TotalPrediction>
      from_replays;  ///< its difference is that of this build and machine, and the error
};

/// Errors: invalid_data naming the field that holds a NaN or an infinity.
std::string selection_json(const SelectionReport& report);

/// A table of the calls, and a line for each prediction.
std::string selection_text(const SelectionReport& report);

}  // namespace reprise::harness
