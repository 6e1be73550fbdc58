/// Products of small tiles by a wave: on matrix cores where the GPU has them, else by fused multiply-adds.
///
/// A tile product is sum[i, j] += sum over k of a[i, k] * b[j, k], i and j below 16, k below 32; a and b in
/// 16 bits, sums in f32, added in an order of the hardware's own. Rows of both lie in shared memory, the
/// elements of a row together, rows kRowEights * 16 bytes apart. Which of the 32 k an instruction takes first
/// is free, as long as a and b agree. So the four lanes that share a row load 16 bytes of it each, and two
/// instructions of depth 16 take half of that each.
///
/// A type of cores says how large its waves are, what a lane keeps of tiles (`A`, `B`, and kSums sums) when
/// it takes them in kPieces along k, and where in the tile sum i of a lane stands. The sums of a lane are
/// of kRowsOfLane rows, sum i of row_of_lane(i), which kLanesOfRow neighbouring lanes share. Used by kernels
/// of
/// `--numerics fast`.
#pragma once

#include "engine/kernels/hip/runtime.h"

#if !defined(__HIPCC__) && !defined(__CUDACC__)
#include "engine/kernels/hip/emulation/matrix_instructions.h"
#define REPRISE_MMA
#define REPRISE_MFMA
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define REPRISE_MMA
#elif defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) || defined(__gfx941__) || \
    defined(__gfx942__)
#define REPRISE_MFMA
#endif

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

inline constexpr int kTileRows = 16;
inline constexpr int kTileDepth = 32;

/// Eight elements of a row, two to a word: what one load brings.
#if defined(__HIPCC__)
using FourWords =
    std::uint32_t __attribute__((ext_vector_type(4)));  // an array would not be kept in registers
#else
using FourWords = std::uint32_t[4];
#endif
struct alignas(16) Eight {
  FourWords pairs;
};
inline constexpr int kTileEights = kTileDepth / 8;

#if defined(REPRISE_MMA)
/// NVIDIA, from sm_80 on: mma.m16n8k16, two for the 16 columns. Lane 4g + t holds columns of k of rows g and
/// g + 8. Source: PTX ISA, matrix fragments for mma.m16n8k16 with floating point type.
struct MmaCores {
  static constexpr int kWave = 32;
  static constexpr int kSums = 8;
  static constexpr int kRowsOfLane = 2;
  static constexpr int kLanesOfRow = 4;
  static constexpr int kPieces = 1;
  static constexpr int kRowEights = kTileEights;  // a quarter of a wave reads two whole rows: all banks once
  struct A {
    Eight rows[2];
  };
  using B = A;

  __device__ static A load_a(const Eight* tile, int /*piece*/) {
    const Eight* const own = tile + lane() / 4 * kRowEights + lane() % 4;
    return {{own[0], own[8 * kRowEights]}};
  }
  __device__ static B load_b(const Eight* tile, int piece) { return load_a(tile, piece); }

  template <class T>
  __device__ static void multiply(float (&sums)[kSums], const A& a, const B& b,
                                  [[maybe_unused]] CallSite where = CallSite::current()) {
    REPRISE_UNROLL
    for (int half = 0; half < 4; half += 2) {
      const std::uint32_t rows[4] = {a.rows[0].pairs[half], a.rows[1].pairs[half], a.rows[0].pairs[half + 1],
                                     a.rows[1].pairs[half + 1]};
      REPRISE_UNROLL
      for (int right = 0; right < 2; ++right) {
        const std::uint32_t columns[2] = {b.rows[right].pairs[half], b.rows[right].pairs[half + 1]};
#if defined(__CUDACC__)
        mma(T{}, sums + 4 * right, rows, columns);
#else
        emulation::mma_m16n8k16<T>(sums + 4 * right, rows, columns, where);
#endif
      }
    }
  }

  __device__ static constexpr int row_of_lane(int i) {
    return i / 2 % 2;
  }
  __device__ static int row(int i) {
    return lane() / 4 + 8 * (i / 2 % 2);
  }
  __device__ static int column(int i) {
    return lane() % 4 * 2 + i % 2 + 8 * (i / 4);
  }

 private:
  __device__ static int lane() {
    return thread_in_block() % kWave;
  }
#if defined(__CUDACC__)
  __device__ static void mma(Bf16 /*type*/, float* sums, const std::uint32_t (&a)[4],
                             const std::uint32_t (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
  __device__ static void mma(F16 /*type*/, float* sums, const std::uint32_t (&a)[4],
                             const std::uint32_t (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#endif
};
#endif

#if defined(REPRISE_MFMA)
/// AMD's CDNA: v_mfma_f32_16x16x16. Lane 16q + r holds elements of row r for both operands, and sums of
/// column r. Source: AMD Matrix Instruction Calculator.
struct MfmaCores {
  static constexpr int kWave = 64;
  static constexpr int kSums = 4;
  static constexpr int kRowsOfLane = 4;
  static constexpr int kLanesOfRow = 16;
  static constexpr int kPieces = 1;
  static constexpr int kRowEights = kTileEights + 1;  // lanes that follow each other read rows that do
  using A = Eight;
  using B = Eight;

  __device__ static A load_a(const Eight* tile, int /*piece*/) {
    return tile[lane() % 16 * kRowEights + lane() / 16];
  }
  __device__ static B load_b(const Eight* tile, int piece) { return load_a(tile, piece); }

  template <class T>
  __device__ static void multiply(float (&sums)[kSums], const A& a, const B& b,
                                  [[maybe_unused]] CallSite where = CallSite::current()) {
    REPRISE_UNROLL
    for (int half = 0; half < 4; half += 2) {
      const std::uint32_t rows[2] = {a.pairs[half], a.pairs[half + 1]};
      const std::uint32_t columns[2] = {b.pairs[half], b.pairs[half + 1]};
#if defined(__HIPCC__)
      mfma(T{}, sums, rows, columns);
#else
      emulation::mfma_16x16x16<T>(sums, rows, columns, where);
#endif
    }
  }

  __device__ static constexpr int row_of_lane(int i) {
    return i;
  }
  __device__ static int row(int i) {
    return lane() / 16 * 4 + i;
  }
  __device__ static int column(int /*i*/) {
    return lane() % 16;
  }

 private:
  __device__ static int lane() {
    return thread_in_block() % kWave;
  }
#if defined(__HIPCC__)
  using Sums = float __attribute__((ext_vector_type(4)));
  using FourF16 = _Float16 __attribute__((ext_vector_type(4)));
  using TwoBf16 = short __attribute__((ext_vector_type(2)));
  using FourBf16 = short __attribute__((ext_vector_type(4)));

  __device__ static void put(float (&sums)[kSums], Sums added) {
    REPRISE_UNROLL
    for (int i = 0; i < kSums; ++i) {
      sums[i] = added[i];
    }
  }
  __device__ static void mfma(F16 /*type*/, float (&sums)[kSums], const std::uint32_t (&a)[2],
                              const std::uint32_t (&b)[2]) {
    const Sums before = {sums[0], sums[1], sums[2], sums[3]};
    put(sums, __builtin_amdgcn_mfma_f32_16x16x16f16(__builtin_bit_cast(FourF16, a),
                                                    __builtin_bit_cast(FourF16, b), before, 0, 0, 0));
  }
  __device__ static void mfma(Bf16 /*type*/, float (&sums)[kSums], const std::uint32_t (&a)[2],
                              const std::uint32_t (&b)[2]) {
    const Sums before = {sums[0], sums[1], sums[2], sums[3]};
#if defined(__gfx908__)  // of half the depth: again a and b agree in the k of each
    const Sums first = __builtin_amdgcn_mfma_f32_16x16x8bf16(
        __builtin_bit_cast(TwoBf16, a[0]), __builtin_bit_cast(TwoBf16, b[0]), before, 0, 0, 0);
    put(sums, __builtin_amdgcn_mfma_f32_16x16x8bf16(__builtin_bit_cast(TwoBf16, a[1]),
                                                    __builtin_bit_cast(TwoBf16, b[1]), first, 0, 0, 0));
#else
    put(sums, __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(__builtin_bit_cast(FourBf16, a),
                                                        __builtin_bit_cast(FourBf16, b), before, 0, 0, 0));
#endif
  }
#endif
};
#endif

/// Any other GPU. Lanes stand in 8 rows; each has two rows of the tile and as many columns as that leaves it.
template <int kWaveSize>
struct PlainCores {
  static constexpr int kWave = kWaveSize;
  static constexpr int kSums = kTileRows * kTileRows / kWave;
  static constexpr int kRowsOfLane = 2;
  static constexpr int kLanesOfRow = kWave / 8;
  static constexpr int kPieces = kTileEights;
  static constexpr int kRowEights = kTileEights + 1;
  static constexpr int kLanesAcross = kWave / 8;
  static constexpr int kRows = 2;
  static constexpr int kColumns = kTileRows / kLanesAcross;
  struct A {
    Eight rows[kRows];
  };
  struct B {
    Eight columns[kColumns];
  };

  __device__ static A load_a(const Eight* tile, int piece) {
    A a;
    REPRISE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      a.rows[r] = tile[(lane() / kLanesAcross + 8 * r) * kRowEights + piece];
    }
    return a;
  }
  __device__ static B load_b(const Eight* tile, int piece) {
    B b;
    REPRISE_UNROLL
    for (int c = 0; c < kColumns; ++c) {
      b.columns[c] = tile[(lane() % kLanesAcross + kLanesAcross * c) * kRowEights + piece];
    }
    return b;
  }

  template <class T>
  __device__ static void multiply(float (&sums)[kSums], const A& a, const B& b) {
    REPRISE_UNROLL
    for (int i = 0; i < kSums; ++i) {
      REPRISE_UNROLL
      for (int e = 0; e < 8; ++e) {
        const float of_a = element<T>(a.rows[i / kColumns], e);
        sums[i] = __builtin_fmaf(of_a, element<T>(b.columns[i % kColumns], e), sums[i]);
      }
    }
  }

  __device__ static constexpr int row_of_lane(int i) { return i / kColumns; }
  __device__ static int row(int i) { return lane() / kLanesAcross + 8 * (i / kColumns); }
  __device__ static int column(int i) { return lane() % kLanesAcross + kLanesAcross * (i % kColumns); }

 private:
  __device__ static int lane() { return thread_in_block() % kWave; }
  template <class T>
  __device__ static float element(const Eight& eight, int e) {
    const std::uint32_t pair = eight.pairs[e / 2];
    return widen(static_cast<T>(e % 2 == 0 ? pair & 0xffffU : pair >> 16U));
  }
};

/// Calls f with a value of this GPU's cores. Every thread of the block must.
template <class F>
__device__ inline void with_matrix_cores(const F& f) {
#if defined(__CUDACC__) && defined(REPRISE_MMA)
  f(MmaCores());
#elif defined(__HIPCC__) && defined(REPRISE_MFMA)
  f(MfmaCores());
#elif defined(__HIPCC__) && defined(__GFX9__)
  f(PlainCores<64>());
#elif defined(__HIPCC__) || defined(__CUDACC__)
  f(PlainCores<32>());
#else
  if (emulation::wave_size() == MmaCores::kWave) {
    f(MmaCores());
  } else {
    f(MfmaCores());
  }
#endif
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
