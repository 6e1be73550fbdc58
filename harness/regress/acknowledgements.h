/// Regressions that people have accepted, so that the gate lets them pass for a while: a JSON file that is
/// kept with the code (specs/README.md). Reading it, and whether an entry covers a finding; what follows from
/// that is judged in gate.h. Nothing here knows today's date.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backends/placement_fields.h"
#include "harness/replay/replay_info.h"

namespace reprise::harness {

inline constexpr std::string_view kAcknowledgementsSchema = "reprise.acknowledgements/1";

/// The dimensions of a placement that must agree; those that are absent may have any value.
struct PlacementPattern {
  std::optional<std::string> backend = {};
  std::optional<std::string> isa = {};
  std::optional<std::string> precision = {};
  std::optional<bool> kv_cache = {};
  std::optional<std::string> kv_precision = {};
  std::optional<int> threads = {};
  std::optional<std::string> numerics = {};

  [[nodiscard]] bool covers(const engine::PlacementFields& placement) const;
};

struct Acknowledgement {
  std::string capture;  ///< its name, or its id
  std::string metric;   ///< a timed one (compared_metrics.h) or a count (exact_counts.h)
  std::string commit;   ///< the one that brought the change, for readers: 7 to 64 hexadecimal digits
  std::string reason;
  std::string expires;                             ///< "YYYY-MM-DD", the last day on which it excuses
  std::optional<PlacementPattern> placement = {};  ///< absent: everywhere
  std::optional<double> at_most = {};  ///< the greatest relative worsening that is accepted; absent: any

  [[nodiscard]] bool is_expired(std::string_view today) const { return std::string_view(expires) < today; }
  /// Whether it is about this finding. `worsening`: how much worse, as a relative change above 0.
  [[nodiscard]] bool covers(const CaptureInfo& of, const engine::PlacementFields& at, std::string_view what,
                            double worsening) const;
};

/// `source` names the file in errors. Errors: invalid_data naming the field, for keys that are not known,
/// missing ones, wrong types, metrics that no gate has, and dates that no calendar has.
std::vector<Acknowledgement> parse_acknowledgements(std::string_view text, const std::string& source);

std::vector<Acknowledgement> read_acknowledgements(const std::filesystem::path& path);

}  // namespace reprise::harness
