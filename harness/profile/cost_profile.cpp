#include "harness/profile/cost_profile.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "engine/core/check.h"

namespace reprise::harness {
namespace {

double per_second(std::int64_t count, Seconds seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace

void CostProfileBuilder::add(const CostRecord& record) {
  REPRISE_CHECK(std::isfinite(record.seconds) && record.seconds >= 0);
  REPRISE_CHECK(record.bytes >= 0 && record.flops >= 0 && record.calls >= 0);
  auto at = sums_.find(std::pair(record.phase, record.name));
  if (at == sums_.end()) {
    at = sums_.try_emplace({std::string(record.phase), std::string(record.name)}).first;
    at->second.centre.phase = record.phase;
    at->second.centre.name = record.name;
  }
  auto& [centre, work] = at->second;
  centre.calls += record.calls;
  centre.seconds += record.seconds;
  centre.bytes += record.bytes;
  centre.flops += record.flops;
  work.add(record.bytes, record.flops, record.arithmetic);
  calls_ += record.calls;
}

CostProfile CostProfileBuilder::build(Seconds wall_seconds, const std::optional<Roofline>& roofline) const {
  REPRISE_CHECK(std::isfinite(wall_seconds) && wall_seconds >= 0);
  CostProfile profile;
  profile.wall_seconds = wall_seconds;
  for (const auto& [key, sum] : sums_) {
    CostCentre& centre = profile.centres.emplace_back(sum.centre);
    centre.fraction = wall_seconds > 0 ? centre.seconds / wall_seconds : 0;
    centre.bytes_per_second = per_second(centre.bytes, centre.seconds);
    centre.flops_per_second = per_second(centre.flops, centre.seconds);
    if (roofline) {
      const RooflineShare share = roofline_share(sum.work, centre.seconds, *roofline);
      centre.roofline_fraction = share.fraction;
      centre.roofline_limit = share.limit;
    }
  }
  std::sort(profile.centres.begin(), profile.centres.end(), [](const CostCentre& a, const CostCentre& b) {
    return std::tie(b.seconds, a.phase, a.name) < std::tie(a.seconds, b.phase, b.name);
  });
  Seconds attributed = 0;
  for (const CostCentre& centre : profile.centres) {
    attributed += centre.seconds;
  }
  profile.unattributed_seconds = wall_seconds - attributed;
  return profile;
}

}  // namespace reprise::harness
