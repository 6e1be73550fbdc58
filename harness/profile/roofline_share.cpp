#include "harness/profile/roofline_share.h"

#include <optional>

#include "engine/core/check.h"

namespace reprise::harness {

void Work::add(std::int64_t more_bytes, std::int64_t more_flops, engine::Arithmetic arithmetic) {
  bytes += more_bytes;
  switch (arithmetic) {
    case engine::Arithmetic::f32:
      f32_flops += more_flops;
      return;
    case engine::Arithmetic::bf16_dot:
      bf16_dot_flops += more_flops;
      return;
    case engine::Arithmetic::int8_dot:
      int8_dot_ops += more_flops;
      return;
  }
}

void Work::add(const Work& more) {
  bytes += more.bytes;
  f32_flops += more.f32_flops;
  bf16_dot_flops += more.bf16_dot_flops;
  int8_dot_ops += more.int8_dot_ops;
}

RooflineShare roofline_share(const Work& work, Seconds seconds, const Roofline& roofline) {
  REPRISE_CHECK(roofline.read_bytes_per_second > 0 && roofline.f32_flops_per_second > 0);
  Seconds arithmetic = 0;
  Seconds longest = -1;
  Limit limit = Limit::f32_fma;
  const auto add = [&](std::int64_t operations, std::optional<double> peak, Limit of) {
    REPRISE_CHECK(!peak || *peak > 0);
    const Seconds at_peak = static_cast<double>(operations) / peak.value_or(roofline.f32_flops_per_second);
    arithmetic += at_peak;
    if (at_peak > longest) {
      longest = at_peak;
      limit = peak ? of : Limit::f32_fma;
    }
  };
  // All kinds of arithmetic share the processor's ports; reading goes on beside them.
  add(work.f32_flops, roofline.f32_flops_per_second, Limit::f32_fma);
  add(work.bf16_dot_flops, roofline.bf16_dot_flops_per_second, Limit::bf16_dot);
  add(work.int8_dot_ops, roofline.int8_dot_ops_per_second, Limit::int8_dot);
  const Seconds read = static_cast<double>(work.bytes) / roofline.read_bytes_per_second;
  if (arithmetic <= read) {
    return {seconds > 0 ? read / seconds : 0, Limit::read};
  }
  return {seconds > 0 ? arithmetic / seconds : 0, limit};
}

}  // namespace reprise::harness
