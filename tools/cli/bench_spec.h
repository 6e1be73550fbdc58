/// Benchmark specifications: a matrix of captures and placements, and when to stop measuring. specs/README.md
/// explains the grammar to users.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backends/placement.h"
#include "harness/measure/stopping_rule.h"
#include "harness/replay/verification.h"

namespace reprise::cli {

struct BenchSpec {
  std::string name;
  std::vector<std::filesystem::path> captures;  ///< relative ones were resolved against the file's folder
  /// Every combination, duplicates removed, all possible here; in a block, the keys as the tables' columns
  /// stand, the last varying fastest.
  std::vector<engine::Placement> placements;
  std::optional<harness::ReplayMode> mode;
  harness::MedianRuleOptions measure;
  std::uint64_t seed = 1;
  bool profile = false;
};

/// `name` stands for the file in messages; `folder` is where relative captures start.
/// Errors: invalid_data for unknown keys, wrong types, values outside what is allowed and placements that
/// cannot run here, naming the key and what is allowed.
BenchSpec parse_bench_spec(std::string_view json, const std::string& name,
                           const std::filesystem::path& folder);

BenchSpec read_bench_spec(const std::filesystem::path& path);

}  // namespace reprise::cli
