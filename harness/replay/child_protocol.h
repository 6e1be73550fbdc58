/// What a replay in a child process and its parent say to each other: one JSON object a line, both ways
/// (README.md, "Replaying in a child process"). Structs of the wire, and lines made of them and read again.
///
/// The other side may be another version of the program: fields that are not known are passed over; a field
/// that is missing, of another type, or seconds below 0, is an error that names it. Used by ChildReplay, and
/// by tools/cli for `reprise runs`, which fills the structs from what profile measures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backends/placement_fields.h"
#include "engine/core/build_info.h"
#include "harness/replay/replay_info.h"
#include "harness/replay/sample.h"
#include "harness/replay/verification.h"

namespace reprise::harness {

inline constexpr std::int64_t kChildProtocol = 1;
/// In one request: more would be an answer longer than lines may be.
inline constexpr std::int64_t kMaxChildRuns = 100'000;

/// The child's first line, when the capture is open and was verified.
struct ChildHandshake {
  engine::BuildInfo tool;
  CaptureInfo capture;
  engine::PlacementFields placement;  ///< resolved, with the weights' actual precision
  Verification verification;
  std::int64_t n_prompt_processed = 0;  ///< prompt tokens that a run processes
  MemoryUse memory;
};

struct ChildRequest {
  enum class Do : std::uint8_t { run, runs, profile, counts, quit };
  Do what = Do::run;
  std::int64_t n = 1;  ///< of runs and profile: how many, from 1 to kMaxChildRuns
};

struct ChildCostCentre {
  std::string phase;
  std::string name;
  std::int64_t calls = 0;
  Seconds seconds = 0;
  std::int64_t bytes = 0;
  std::int64_t flops = 0;
};

/// Of one run; the centres and the rest add up to the wall time.
struct ChildProfile {
  Seconds wall_seconds = 0;
  Seconds unattributed_seconds = 0;  ///< negative where records overlap (cost_profile.h)
  std::vector<ChildCostCentre> cost_centres;
};

struct ChildKernelCount {
  std::string phase;
  std::string name;
  std::int64_t calls = 0;
  std::int64_t bytes = 0;
  std::int64_t flops = 0;
};

/// What one run does, whatever the machine does meanwhile.
struct ChildCounts {
  std::vector<ChildKernelCount> kernels;  ///< by phase and name
  std::optional<std::int64_t>
      allocations;  ///< calls of operator new in one warm run; absent when not counted
  std::int64_t peak_kv_bytes = 0;
  std::int64_t weights_bytes = 0;
};

/// Lines, without their ends. Errors: invalid_data for a figure that is not finite.
std::string to_line(const ChildHandshake& handshake);
std::string to_line(const ChildRequest& request);
std::string to_line(const Sample& sample);
std::string to_line(const std::vector<Sample>& samples);
std::string to_line(const std::vector<ChildProfile>& profiles);
std::string to_line(const ChildCounts& counts);
/// In place of a handshake (with the code that the child exits with), or of an answer.
std::string error_line(std::string_view error, std::optional<int> exit_code = {});

/// `source` names the child in errors. Errors: invalid_data for a line that is not the expected one;
/// invalid_argument with the child's own words for an error line.
ChildHandshake parse_handshake(std::string_view line, const std::string& source);
Sample parse_sample(std::string_view line, const std::string& source);
/// There must be `n`, as were asked for.
std::vector<Sample> parse_samples(std::string_view line, std::int64_t n, const std::string& source);
std::vector<ChildProfile> parse_profiles(std::string_view line, std::int64_t n, const std::string& source);
ChildCounts parse_counts(std::string_view line, const std::string& source);

/// Errors: invalid_data.
ChildRequest parse_request(std::string_view line);

}  // namespace reprise::harness
