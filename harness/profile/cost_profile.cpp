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
  CostCentre& centre = centres_[{std::string(record.phase), std::string(record.name)}];
  if (centre.name.empty()) {
    centre.phase = record.phase;
    centre.name = record.name;
  }
  centre.calls += record.calls;
  centre.seconds += record.seconds;
  centre.bytes += record.bytes;
  centre.flops += record.flops;
  calls_ += record.calls;
}

CostProfile CostProfileBuilder::build(Seconds wall_seconds, const std::optional<Roofline>& roofline) const {
  REPRISE_CHECK(std::isfinite(wall_seconds) && wall_seconds >= 0);
  CostProfile profile;
  profile.wall_seconds = wall_seconds;
  for (const auto& [key, summed] : centres_) {
    CostCentre& centre = profile.centres.emplace_back(summed);
    centre.fraction = wall_seconds > 0 ? centre.seconds / wall_seconds : 0;
    centre.bytes_per_second = per_second(centre.bytes, centre.seconds);
    centre.flops_per_second = per_second(centre.flops, centre.seconds);
    if (roofline) {
      REPRISE_CHECK(roofline->read_bytes_per_second > 0 && roofline->f32_flops_per_second > 0);
      centre.roofline_fraction = std::max(centre.bytes_per_second / roofline->read_bytes_per_second,
                                          centre.flops_per_second / roofline->f32_flops_per_second);
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
