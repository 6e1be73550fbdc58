/// The inner loops that measure the peak of hardware dot products: VDPBF16PS, VPDPBUSD, and the tiles of AMX.
/// Like roofline_kernels.h, measuring tools and not engine kernels. Used by roofline.cpp and its test.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/clock/machine.h"

namespace reprise::harness::detail {

struct DotKernel {
  Limit limit;  ///< bf16_dot or int8_dot
  std::string_view instruction;
  /// Accumulates dot products of vectors full of `a` and `b`, small positive integers, in chains that do not
  /// wait for each other; returns all that was added: iterations * operations_per_iteration / 2 * a * b.
  double (*run)(std::int64_t iterations, int a, int b);
  std::int64_t operations_per_iteration;
  std::int64_t iterations_per_pass;  ///< about a quarter of a millisecond
};

/// Those that this processor can run: for each limit the widest vectors, then tiles. None outside x86-64.
std::vector<DotKernel> supported_dot_kernels();

/// Tiles alone. Asks the kernel for their registers, which it grants to the process for good.
std::vector<DotKernel> supported_tile_kernels();

/// The bits of a small integer as bf16, exactly.
std::uint16_t bf16_bits(int value);

}  // namespace reprise::harness::detail
