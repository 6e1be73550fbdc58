/// What no model of today's exceeds. Readers of configurations refuse more, which keeps every product of two
/// extents far from overflow.
#pragma once

#include <cstdint>

namespace reprise::engine {

inline constexpr std::int64_t kMaxExtent = std::int64_t{1} << 26;
inline constexpr std::int64_t kMaxLayers = 4096;

}  // namespace reprise::engine
