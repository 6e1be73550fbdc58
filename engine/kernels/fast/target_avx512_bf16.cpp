#if defined(__AVX512BF16__)

#include <immintrin.h>

#include "engine/kernels/fast/bf16_rows.h"

namespace reprise::engine::kernels {
namespace {

constexpr std::int64_t kWide = 16;

/// The first n of 16 lanes.
__mmask16 lanes(std::int64_t n) {
  return static_cast<__mmask16>(n < kWide ? (1U << n) - 1 : 0xffffU);
}

void store(Bf16* to, __m512 values, __mmask16 mask) {
  _mm256_mask_storeu_epi16(to, mask, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)));
}

}  // namespace

void to_bf16_avx512(Bf16* to, const float* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kWide) {
    const __mmask16 mask = lanes(n - i);
    store(to + i, _mm512_maskz_loadu_ps(mask, from + i), mask);
  }
}

void to_bf16_avx512(Bf16* to, const F16* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kWide) {
    const __mmask16 mask = lanes(n - i);
    store(to + i, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from + i)), mask);
  }
}

void finish_outputs_avx512(float* out, const float* sums, const float* bias, const float* residual,
                           std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kWide) {
    const __mmask16 mask = lanes(n - i);
    __m512 y = _mm512_maskz_loadu_ps(mask, sums + i);
    if (bias != nullptr) {
      y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, bias + i));
    }
    if (residual != nullptr) {
      y = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, residual + i), y);
    }
    _mm512_mask_storeu_ps(out + i, mask, y);
  }
}

}  // namespace reprise::engine::kernels

#endif
