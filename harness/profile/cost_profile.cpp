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
  auto& [centre, work] = sum_of(record.phase, record.name);
  centre.calls += record.calls;
  centre.seconds += record.seconds;
  centre.bytes += record.bytes;
  centre.flops += record.flops;
  work.add(record.bytes, record.flops, record.arithmetic);
  calls_ += record.calls;
}

void CostProfileBuilder::add(const CostProfileBuilder& other) {
  for (const auto& [key, more] : other.sums_) {
    auto& [centre, work] = sum_of(key.first, key.second);
    centre.calls += more.centre.calls;
    centre.seconds += more.centre.seconds;
    centre.bytes += more.centre.bytes;
    centre.flops += more.centre.flops;
    work.add(more.work);
  }
  calls_ += other.calls_;
}

CostProfileBuilder::Sum& CostProfileBuilder::sum_of(std::string_view phase, std::string_view name) {
  auto at = sums_.find(std::pair(phase, name));
  if (at == sums_.end()) {
    at = sums_.try_emplace({std::string(phase), std::string(name)}).first;
    at->second.centre.phase = phase;
    at->second.centre.name = name;
  }
  return at->second;
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
