/// GPUs' matrix instructions, on the processor: which lane holds what in which register is what the makers
/// document, so that a kernel which loads another element is found out. Sums are taken in order, each
/// addition rounded: the hardware's order and roundings are its own. Included by matrix_cores.h in the
/// emulation.
///
/// Sources: NVIDIA, "PTX ISA", matrix fragments for mma.m16n8k16 with floating point type; AMD, "CDNA2
/// instruction set architecture", and the AMD Matrix Instruction Calculator for v_mfma_f32_16x16x16f16.
#pragma once

#include <cstdint>
#include <source_location>

#include "engine/core/dtype.h"
#include "engine/kernels/hip/emulation/block_threads.h"

namespace reprise::engine::kernels::emulation {

/// What the lanes of a wave hold in n registers, while all of them look.
template <int n>
class WaveRegisters {
 public:
  WaveRegisters(const std::uint32_t (&own)[n], std::source_location where) : where_(where) {
    const auto thread = position().thread.x;
    for (int i = 0; i < n; ++i) {
      all[thread][i] = own[i];
    }
    first_lane_ = thread - thread % static_cast<unsigned>(wave_size());
    exchange_in_wave(0, where_);
  }
  ~WaveRegisters() { exchange_in_wave(0, where_); }  // until then nobody may write the next
  WaveRegisters(const WaveRegisters&) = delete;
  WaveRegisters& operator=(const WaveRegisters&) = delete;

  /// Element i of a lane's, two to a register, the lower bits first.
  template <class T>
  [[nodiscard]] float element(int lane, int i) const {
    const std::uint32_t pair = all[first_lane_ + static_cast<unsigned>(lane)][i / 2];
    return to_f32(static_cast<T>(i % 2 == 0 ? pair & 0xffffU : pair >> 16U));
  }

 private:
  static inline thread_local std::uint32_t all[kMaxThreads]
                                              [n];  // a block stays on one thread of the processor

  std::source_location where_;
  unsigned first_lane_;
};

/// mma.sync.aligned.m16n8k16.row.col.f32: the lane's four of 16 x 8 sums += a [16, 16] times b [16, 8], in
/// waves of 32.
template <class T>
void mma_m16n8k16(float* sums, const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  std::source_location where) {
  const WaveRegisters<6> registers({a[0], a[1], a[2], a[3], b[0], b[1]}, where);
  const int lane = static_cast<int>(position().thread.x) % 32;
  const int group = lane >> 2;
  float rows[2][16];     // of a: group and group + 8, held by the lanes of this group
  float columns[2][16];  // of b: those of the lane's sums, held by the lanes of these groups
  for (int in_group = 0; in_group < 4; ++in_group) {
    for (int i = 0; i < 8; ++i) {
      const bool upper = i < 2 || (i >= 4 && i < 6);
      const int k = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
      rows[upper ? 0 : 1][k] = registers.element<T>(group * 4 + in_group, i);
    }
    for (int column = 0; column < 2; ++column) {
      for (int i = 0; i < 4; ++i) {
        const int k = in_group * 2 + (i & 1) + (i < 2 ? 0 : 8);
        const int group_of_column = (lane % 4) * 2 + column;
        columns[column][k] = registers.element<T>(group_of_column * 4 + in_group, 8 + i);
      }
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 16; ++k) {
      sums[i] = __builtin_fmaf(rows[i < 2 ? 0 : 1][k], columns[i & 1][k], sums[i]);
    }
  }
}

/// v_mfma_f32_16x16x16: the lane's four of 16 x 16 sums += a [16, 16] times b [16, 16], in waves of 64.
template <class T>
void mfma_16x16x16(float* sums, const std::uint32_t (&a)[2], const std::uint32_t (&b)[2],
                   std::source_location where) {
  const WaveRegisters<4> registers({a[0], a[1], b[0], b[1]}, where);
  const int lane = static_cast<int>(position().thread.x) % 64;
  for (int i = 0; i < 4; ++i) {
    const int row = 4 * (lane / 16) + i;
    const int column = lane % 16;
    for (int k = 0; k < 16; ++k) {
      const float of_a = registers.element<T>(row + 16 * (k / 4), k % 4);
      const float of_b = registers.element<T>(column + 16 * (k / 4), 4 + k % 4);
      sums[i] = __builtin_fmaf(of_a, of_b, sums[i]);
    }
  }
}

}  // namespace reprise::engine::kernels::emulation
