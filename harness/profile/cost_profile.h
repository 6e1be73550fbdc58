/// Where the time of one call went: cost centres (a kernel in a phase) that together with an unattributed
/// rest are the wall time. A profile is made in runs of its own; its seconds are never mixed into samples.
/// Not a timeline: the order of calls is gone. Used by tools/cli for profile, and by the report.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/clock/clock.h"
#include "harness/clock/machine.h"
#include "harness/profile/roofline_share.h"

namespace reprise::harness {

/// What an instrumented backend tells about one dispatch of a kernel, or about several alike.
struct CostRecord {
  std::string_view phase;  ///< "prefill" or "decode"
  std::string_view name;   ///< the kernel's
  Seconds seconds = 0;     ///< of all `calls` together, as are bytes and flops
  std::int64_t bytes = 0;  ///< by the cost model (engine/kernels/cost.h)
  std::int64_t flops = 0;
  std::int64_t calls = 1;
  engine::Arithmetic arithmetic = engine::Arithmetic::f32;
};

struct CostCentre {
  std::string phase;
  std::string name;
  std::int64_t calls = 0;
  Seconds seconds = 0;
  double fraction = 0;  ///< of the wall time
  std::int64_t bytes = 0;
  std::int64_t flops = 0;
  double bytes_per_second = 0;  ///< 0 when no time was seen
  double flops_per_second = 0;
  /// Share of the ceiling that this centre is nearest to (roofline_share.h), and which one that is. Above 1
  /// when it reads from caches. Absent without a measured roofline.
  std::optional<double> roofline_fraction;
  std::optional<Limit> roofline_limit = {};
};

struct CostProfile {
  std::vector<CostCentre> centres;  ///< most seconds first
  Seconds wall_seconds = 0;
  /// wall_seconds minus the centres. Negative only when records overlap each other or the wall clock
  /// disagrees with the device's: such a profile contradicts itself, and is shown so rather than repaired.
  Seconds unattributed_seconds = 0;
};

/// Adds records up.
class CostProfileBuilder {
 public:
  /// Seconds are finite; no figure is negative.
  void add(const CostRecord& record);
  /// All that another one has added up.
  void add(const CostProfileBuilder& other);

  /// Dispatches added so far, to be reconciled with the engine's own count.
  [[nodiscard]] std::int64_t calls() const { return calls_; }

  /// The centres' seconds and the unattributed ones add up to `wall_seconds`, to rounding.
  [[nodiscard]] CostProfile build(Seconds wall_seconds, const std::optional<Roofline>& roofline = {}) const;

 private:
  struct Sum {
    CostCentre centre;
    Work work;
  };
  /// Lets add() look a centre up without making strings of its names: it runs between the kernels it times.
  struct ByName {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      const int phase = std::string_view(a.first).compare(b.first);
      return phase != 0 ? phase < 0 : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  Sum& sum_of(std::string_view phase, std::string_view name);

  std::map<std::pair<std::string, std::string>, Sum, ByName> sums_;  // by phase and name
  std::int64_t calls_ = 0;
};

}  // namespace reprise::harness
