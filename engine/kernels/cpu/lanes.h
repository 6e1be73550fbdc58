/// Helpers over any lane type V: tails shorter than 16, the exponential, division of work. Included by
/// target_*.cpp.
#pragma once

#include <cstdint>

#include "engine/kernels/dispatch.h"
#include "engine/kernels/exp.h"
#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

/// A part of a kernel that is worth a call. Sanitizers add so many branches that a kernel with all its parts inlined
/// takes GCC an hour to compile. Only for templates with the lane type in their name.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPRISE_PART [[gnu::noinline]]
#else
#define REPRISE_PART REPRISE_INLINE
#endif

inline constexpr std::int64_t kLanes = 16;

/// The first n (< 16) elements, the other lanes +0: the padding of the chain sum.
template <class V, class T>
REPRISE_PART V load_part(const T* p, std::int64_t n) {
  alignas(64) T padded[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) {
    padded[i] = p[i];
  }
  return V::load(padded);
}

/// Of a row of blocks; such rows are whole blocks, so this is for generic code, never for speed.
template <class V, class Block>
REPRISE_PART V load_part(BlockCursor<Block> p, std::int64_t n) {
  alignas(64) float padded[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) {
    padded[i] = p[i];
  }
  return V::load(padded);
}

template <class V, class T>
REPRISE_PART void store_part(V v, T* p, std::int64_t n) {
  alignas(64) T padded[kLanes];
  v.store(padded);
  for (std::int64_t i = 0; i < n; ++i) {
    p[i] = padded[i];
  }
}

template <class V>
REPRISE_INLINE V exp_lanes(V x) {
  const V low = V::broadcast(kExpLowest);
  // x second: max and min then let a NaN through, as the reference does.
  const V y = exp_clamped(V::min(V::broadcast(kExpHighest), V::max(low, x)));
  return V::zero_where_less(y, x, low);
}

/// Applies f(lanes...) -> lanes to n elements of each input, pointers or cursors, and stores the results.
template <class V, class F, class... In>
REPRISE_PART void map(float* out, std::int64_t n, F&& f, In... in) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    f(V::load(in + i)...).store(out + i);
  }
  if (i < n) {
    store_part(f(load_part<V>(in + i, n - i)...), out + i, n - i);
  }
}

/// Asks for the line that an element of a row is in; it may be past the end of the row.
template <class T>
REPRISE_INLINE void prefetch(const T* p) {
  __builtin_prefetch(p);
}
/// Blocks wait for their widening, not for memory: asking made int8 attention slower.
template <class Block>
REPRISE_INLINE void prefetch(const BlockCursor<Block>& /*p*/) {}

/// Asks for part `index` of `count` of the bytes [begin, end) to be brought to L2.
REPRISE_INLINE void prefetch_part(const void* begin, std::int64_t n_bytes, std::int64_t index,
                                  std::int64_t count) {
  const auto* bytes = static_cast<const char*>(begin);
  for (std::int64_t at = n_bytes * index / count / 64 * 64; at < n_bytes * (index + 1) / count; at += 64) {
    __builtin_prefetch(bytes + at, 0, 2);
  }
}

struct Range {
  std::int64_t begin;
  std::int64_t end;
};

/// The slice's contiguous share of [0, n), its borders multiples of `grain`.
REPRISE_INLINE Range share_of(std::int64_t n, Slice slice, std::int64_t grain) {
  const std::int64_t grains = (n + grain - 1) / grain;
  const std::int64_t begin = grains * slice.index / slice.count * grain;
  const std::int64_t end = grains * (slice.index + 1) / slice.count * grain;
  return {begin < n ? begin : n, end < n ? end : n};
}

}  // namespace reprise::engine::kernels
