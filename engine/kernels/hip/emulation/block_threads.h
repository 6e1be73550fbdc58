/// The threads of a GPU's blocks, emulated on the processor: each that waits keeps a fiber, so that
/// barriers and wave shuffles mean what they mean on a GPU; and blocks in parallel over the processor's
/// threads. Not fast: for tests and for debugging kernels under sanitizers. Used by emulation.h alone.
///
/// Between two barriers the waves of a block run one after another, and between two exchanges so do the
/// lanes of a wave: all in one order or all in the reverse, so that a kernel that needs a barrier and
/// has none gives other results in one of the two. Waiting that can never end (a thread returned, or
/// waits at another barrier) aborts as a failed REPRISE_CHECK does, with the place in the kernel.
#pragma once

#include <cstdint>
#include <source_location>

#include "engine/core/function_ref.h"

namespace reprise::engine::kernels::emulation {

struct Index3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
};

/// What kind of GPU is emulated.
struct DeviceKind {
  int wave_size = 32;
  bool backwards = false;  ///< the order in which threads take turns
};

/// Where a thread stands; what threadIdx and its kin are on a GPU.
struct Position {
  Index3 thread;
  Index3 block;
  Index3 block_extent;
  Index3 grid_extent;
};
const Position& position();
int wave_size();

/// Runs `kernel` once for each thread of each block; returns when all are done. Threads of a block are a
/// whole number of waves of 64, at most kMaxThreads. The kernel must not throw nor launch another.
inline constexpr unsigned kMaxThreads = 1024;
void run_grid(const DeviceKind& device, Index3 grid, Index3 block, FunctionRef<void()> kernel);

/// Waits until every thread of the block waits here.
void wait_for_block(std::source_location where);
/// Waits until every lane of the wave has come with its value; gives the values of all, valid until the
/// thread waits again.
const std::uint32_t* exchange_in_wave(std::uint32_t value, std::source_location where);

}  // namespace reprise::engine::kernels::emulation
