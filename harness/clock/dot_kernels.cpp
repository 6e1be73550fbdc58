#include "harness/clock/dot_kernels.h"

#include <algorithm>
#include <bit>
#include <iterator>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace reprise::harness::detail {

std::uint16_t bf16_bits(int value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16);
}

#if defined(__x86_64__)
namespace {

// Latency up to 8 on one port, 5 on two: 10 chains are busy. They start at different values: equal ones would
// be merged into one by the compiler.

constexpr int kZmmChains = 16;
constexpr int kYmmChains = 12;
/// Three instructions a step take as many registers for what is on its way.
constexpr int kAvx2DotChains = 8;

/// What the chains, started at 1, 2, ..., hold before anything is added.
constexpr double starts(int n_chains, int n_lanes) {
  return n_lanes * n_chains * (n_chains + 1) / 2.0;
}

[[gnu::target("avx512f,avx512bf16")]] double dot_bf16_avx512(std::int64_t iterations, int a, int b) {
  __m512 chains[kZmmChains];
  float start = 0;
#pragma GCC unroll 32
  for (__m512& chain : chains) {
    chain = _mm512_set1_ps(start += 1.0F);
  }
  const __m512i a_bits = _mm512_set1_epi16(static_cast<short>(bf16_bits(a)));
  const __m512i b_bits = _mm512_set1_epi16(static_cast<short>(bf16_bits(b)));
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 32
    for (__m512& chain : chains) {
      chain = _mm512_dpbf16_ps(chain, reinterpret_cast<__m512bh>(a_bits), reinterpret_cast<__m512bh>(b_bits));
    }
  }
  double total = -starts(kZmmChains, 16);
#pragma GCC unroll 32
  for (const __m512& chain : chains) {
    alignas(64) float lanes[16];
    _mm512_store_ps(lanes, chain);
    for (const float lane : lanes) {
      total += static_cast<double>(lane);
    }
  }
  return total;
}

[[gnu::target("avx512f,avx512vnni")]] double dot_int8_avx512(std::int64_t iterations, int a, int b) {
  __m512i chains[kZmmChains];
  int start = 0;
#pragma GCC unroll 32
  for (__m512i& chain : chains) {
    chain = _mm512_set1_epi32(++start);
  }
  const __m512i as = _mm512_set1_epi8(static_cast<char>(a));
  const __m512i bs = _mm512_set1_epi8(static_cast<char>(b));
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 32
    for (__m512i& chain : chains) {
      chain = _mm512_dpbusd_epi32(chain, as, bs);
    }
  }
  double total = -starts(kZmmChains, 16);
#pragma GCC unroll 32
  for (const __m512i& chain : chains) {
    alignas(64) std::int32_t lanes[16];
    _mm512_store_si512(lanes, chain);
    for (const std::int32_t lane : lanes) {
      total += lane;
    }
  }
  return total;
}

[[gnu::target("avx2")]] double sum_of_lanes(const __m256i* chains, int n_chains) {
  double total = 0;
  for (int j = 0; j < n_chains; ++j) {
    alignas(32) std::int32_t lanes[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), chains[j]);
    for (const std::int32_t lane : lanes) {
      total += lane;
    }
  }
  return total;
}

[[gnu::target("avx2,avxvnni")]] double dot_int8_avxvnni(std::int64_t iterations, int a, int b) {
  __m256i chains[kYmmChains];
  int start = 0;
#pragma GCC unroll 32
  for (__m256i& chain : chains) {
    chain = _mm256_set1_epi32(++start);
  }
  const __m256i as = _mm256_set1_epi8(static_cast<char>(a));
  const __m256i bs = _mm256_set1_epi8(static_cast<char>(b));
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 32
    for (__m256i& chain : chains) {
      chain = _mm256_dpbusd_avx_epi32(chain, as, bs);
    }
  }
  return sum_of_lanes(chains, kYmmChains) - starts(kYmmChains, 8);
}

/// The same sum where no instruction has all of it: multiply to pairs, to quadruples, add.
[[gnu::target("avx2")]] double dot_int8_avx2(std::int64_t iterations, int a, int b) {
  __m256i chains[kAvx2DotChains];
  int start = 0;
#pragma GCC unroll 32
  for (__m256i& chain : chains) {
    chain = _mm256_set1_epi32(++start);
  }
  const __m256i as = _mm256_set1_epi8(static_cast<char>(a));
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i bs = _mm256_set1_epi8(static_cast<char>(b));
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 32
    for (__m256i& chain : chains) {
      asm volatile("" : "+x"(bs));  // the product is the same every time, and would be computed once
      chain = _mm256_add_epi32(chain, _mm256_madd_epi16(_mm256_maddubs_epi16(as, bs), ones));
    }
  }
  return sum_of_lanes(chains, kAvx2DotChains) - starts(kAvx2DotChains, 8);
}

constexpr std::int64_t kIterations = 30'000;

void add_int8_vectors(std::vector<DotKernel>& kernels) {
  if (__builtin_cpu_supports("avx512vnni")) {
    kernels.push_back({Limit::int8_dot, "VPDPBUSD zmm", dot_int8_avx512, 2L * 64 * kZmmChains, kIterations});
  } else if (__builtin_cpu_supports("avxvnni")) {
    kernels.push_back({Limit::int8_dot, "VPDPBUSD ymm", dot_int8_avxvnni, 2L * 32 * kYmmChains, kIterations});
  } else if (__builtin_cpu_supports("avx2")) {
    kernels.push_back(
        {Limit::int8_dot, "VPMADDUBSW ymm", dot_int8_avx2, 2L * 32 * kAvx2DotChains, kIterations});
  }
}

}  // namespace

std::vector<DotKernel> supported_dot_kernels() {
  std::vector<DotKernel> kernels;
  if (__builtin_cpu_supports("avx512bf16")) {
    kernels.push_back({Limit::bf16_dot, "VDPBF16PS zmm", dot_bf16_avx512, 2L * 32 * kZmmChains, kIterations});
  }
  add_int8_vectors(kernels);
  const std::vector<DotKernel> tiles = supported_tile_kernels();
  kernels.insert(kernels.end(), tiles.begin(), tiles.end());
  std::stable_sort(kernels.begin(), kernels.end(),
                   [](const DotKernel& x, const DotKernel& y) { return x.limit < y.limit; });
  return kernels;
}

#else

std::vector<DotKernel> supported_dot_kernels() {
  return {};
}
std::vector<DotKernel> supported_tile_kernels() {
  return {};
}

#endif

}  // namespace reprise::harness::detail
