#include "harness/profile/roofline_share.h"

#include "engine/core/check.h"

namespace reprise::harness {

void Work::add(std::int64_t more_bytes, std::int64_t more_flops, engine::Arithmetic arithmetic) {
  bytes += more_bytes;
  (arithmetic == engine::Arithmetic::int8_dot ? int8_dot_ops : f32_flops) += more_flops;
}

RooflineShare roofline_share(const Work& work, Seconds seconds, const Roofline& roofline) {
  const double int8_peak = roofline.int8_dot_ops_per_second.value_or(roofline.f32_flops_per_second);
  REPRISE_CHECK(roofline.read_bytes_per_second > 0 && roofline.f32_flops_per_second > 0 && int8_peak > 0);
  const Seconds read = static_cast<double>(work.bytes) / roofline.read_bytes_per_second;
  const Seconds f32 = static_cast<double>(work.f32_flops) / roofline.f32_flops_per_second;
  const Seconds int8 = static_cast<double>(work.int8_dot_ops) / int8_peak;
  // Both kinds of arithmetic share the processor's ports; reading goes on beside them.
  if (f32 + int8 <= read) {
    return {seconds > 0 ? read / seconds : 0, Limit::read};
  }
  const bool dots = int8 > f32 && roofline.int8_dot_ops_per_second.has_value();
  return {seconds > 0 ? (f32 + int8) / seconds : 0, dots ? Limit::int8_dot : Limit::f32_fma};
}

}  // namespace reprise::harness
