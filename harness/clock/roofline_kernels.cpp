#include "harness/clock/roofline_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace reprise::harness::detail {
namespace {

// Latency 4 times two ports asks for 8 chains; more hide the loop's own instructions. 12 leaves registers
// free where there are 16 of them, 24 fill wider machines (NEON has four ports).

/// Places that a sum reads at in turn. Prefetchers follow each of them: one stream got 13.5 GB/s from a core
/// whose eight streams got 22, the same memory.
constexpr std::size_t kStreams = 8;

std::uint64_t sum_scalar(std::span<const std::uint64_t> words) {
  const std::size_t part = words.size() / kStreams;
  std::uint64_t sums[kStreams] = {};
  for (std::size_t i = 0; i < part; ++i) {
#pragma GCC unroll 32
    for (std::size_t j = 0; j < kStreams; ++j) {
      sums[j] += words[j * part + i];
    }
  }
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) {
    total += sum;
  }
  return total;
}

constexpr int kScalarLanes = 32;

/// Multiplies and adds apart: without the instruction, std::fma is a slow library call.
float multiply_add_scalar(std::int64_t iterations, float factor, float addend) {
  float lanes[kScalarLanes];
  float start = 0;
  for (float& lane : lanes) {
    lane = start += 1.0F;
  }
  for (std::int64_t i = 0; i < iterations; ++i) {
    for (float& lane : lanes) {
      lane = lane * factor + addend;
    }
  }
  float total = 0;
  for (const float lane : lanes) {
    total += lane;
  }
  return total;
}

#if defined(__x86_64__)

[[gnu::target("avx2,fma")]] std::uint64_t sum_avx2(std::span<const std::uint64_t> words) {
  const std::size_t part = words.size() / kStreams;
  __m256i sums[kStreams];
#pragma GCC unroll 32
  for (__m256i& sum : sums) {
    sum = _mm256_setzero_si256();
  }
  for (std::size_t i = 0; i < part; i += 4) {
#pragma GCC unroll 32
    for (std::size_t j = 0; j < kStreams; ++j) {
      const auto* at = reinterpret_cast<const __m256i*>(words.data() + j * part + i);
      sums[j] = _mm256_add_epi64(sums[j], _mm256_loadu_si256(at));
    }
  }
  std::uint64_t total = 0;
#pragma GCC unroll 32
  for (const __m256i& sum : sums) {
    alignas(32) std::uint64_t lanes[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
    total += lanes[0] + lanes[1] + lanes[2] + lanes[3];
  }
  return total;
}

constexpr int kAvx2Chains = 12;

[[gnu::target("avx2,fma")]] float multiply_add_avx2(std::int64_t iterations, float factor, float addend) {
  __m256 chains[kAvx2Chains];
  float start = 0;
#pragma GCC unroll 32
  for (__m256& chain : chains) {
    chain = _mm256_set1_ps(start += 1.0F);
  }
  const __m256 factors = _mm256_set1_ps(factor);
  const __m256 addends = _mm256_set1_ps(addend);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 32
    for (__m256& chain : chains) {
      chain = _mm256_fmadd_ps(chain, factors, addends);
    }
  }
  float total = 0;
#pragma GCC unroll 32
  for (const __m256& chain : chains) {
    alignas(32) float lanes[8];
    _mm256_store_ps(lanes, chain);
    for (const float lane : lanes) {
      total += lane;
    }
  }
  return total;
}

[[gnu::target("avx512f")]] std::uint64_t sum_avx512(std::span<const std::uint64_t> words) {
  const std::size_t part = words.size() / kStreams;
  __m512i sums[kStreams];
#pragma GCC unroll 32
  for (__m512i& sum : sums) {
    sum = _mm512_setzero_si512();
  }
  for (std::size_t i = 0; i < part; i += 8) {
#pragma GCC unroll 32
    for (std::size_t j = 0; j < kStreams; ++j) {
      sums[j] = _mm512_add_epi64(sums[j], _mm512_loadu_si512(words.data() + j * part + i));
    }
  }
  std::uint64_t total = 0;
#pragma GCC unroll 32
  for (const __m512i& sum : sums) {
    alignas(64) std::uint64_t lanes[8];
    _mm512_store_si512(lanes, sum);
    for (const std::uint64_t lane : lanes) {
      total += lane;
    }
  }
  return total;
}

constexpr int kAvx512Chains = 24;

[[gnu::target("avx512f")]] float multiply_add_avx512(std::int64_t iterations, float factor, float addend) {
  __m512 chains[kAvx512Chains];
  float start = 0;
#pragma GCC unroll 32
  for (__m512& chain : chains) {
    chain = _mm512_set1_ps(start += 1.0F);
  }
  const __m512 factors = _mm512_set1_ps(factor);
  const __m512 addends = _mm512_set1_ps(addend);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 32
    for (__m512& chain : chains) {
      chain = _mm512_fmadd_ps(chain, factors, addends);
    }
  }
  float total = 0;
#pragma GCC unroll 32
  for (const __m512& chain : chains) {
    alignas(64) float lanes[16];
    _mm512_store_ps(lanes, chain);
    for (const float lane : lanes) {
      total += lane;
    }
  }
  return total;
}

#elif defined(__aarch64__)

constexpr int kNeonChains = 24;

float multiply_add_neon(std::int64_t iterations, float factor, float addend) {
  float32x4_t chains[kNeonChains];
  float start = 0;
#pragma GCC unroll 32
  for (float32x4_t& chain : chains) {
    chain = vdupq_n_f32(start += 1.0F);
  }
  const float32x4_t factors = vdupq_n_f32(factor);
  const float32x4_t addends = vdupq_n_f32(addend);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 32
    for (float32x4_t& chain : chains) {
      chain = vfmaq_f32(addends, chain, factors);
    }
  }
  float total = 0;
#pragma GCC unroll 32
  for (const float32x4_t& chain : chains) {
    total += vaddvq_f32(chain);
  }
  return total;
}

#endif

}  // namespace

std::span<std::uint64_t> part_of(std::span<std::uint64_t> words, int member, int members) {
  const std::size_t steps = words.size() / kWordsPerStep / static_cast<std::size_t>(members);
  return words.subspan(static_cast<std::size_t>(member) * steps * kWordsPerStep, steps * kWordsPerStep);
}

std::vector<RooflineKernels> supported_roofline_kernels() {
  std::vector<RooflineKernels> kernels = {
      {"scalar", sum_scalar, multiply_add_scalar, "64-bit loads", "multiply, add", kScalarLanes, 1}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    kernels.push_back({"avx2", sum_avx2, multiply_add_avx2, "VMOVDQU ymm", "VFMADD ymm", kAvx2Chains, 8});
  }
  if (__builtin_cpu_supports("avx512f")) {
    kernels.push_back(
        {"avx512", sum_avx512, multiply_add_avx512, "VMOVDQU zmm", "VFMADD zmm", kAvx512Chains, 16});
  }
#elif defined(__aarch64__)
  // The plain sum is already 128 bits wide there.
  kernels.push_back({"neon", sum_scalar, multiply_add_neon, "LDR q", "FMLA 4s", kNeonChains, 4});
#endif
  return kernels;
}

}  // namespace reprise::harness::detail
