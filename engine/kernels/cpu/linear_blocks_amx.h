/// Products of many tokens with weights in blocks by the tile multiplier of Intel's AMX: one TDPBSSD makes
/// the exact integer products of a block for 16 tokens and 16 outputs. Compiled only in target_amx.cpp.
///
/// The integers then go through L1 into vectors: one chain of floats for each output, as everywhere. That,
/// not the multiplier (16 cycles), is the bound: for 16 integers an addition and a subtraction
/// (dots_to_float), a product of scales and a fused multiply-add, and a part of the tile's store, make 80
/// operations a block. Two ports take them, and while tiles are in use only one of the two multiplies. It
/// comes to 42 cycles a block with operands in L1, to 50 with weights from L2; VPDPBUSD needs 88, at a higher
/// clock. Widening to bf16, whose tiles sum floats, would save the conversion, but doubles what comes from
/// L2: 60 cycles.
#pragma once

#include "engine/kernels/cpu/dots_avx512.h"
#include "engine/kernels/cpu/outputs.h"
#include "engine/kernels/cpu/targets.h"

namespace reprise::engine::kernels {

/// From this many tokens on. Fewer leave rows of the tiles empty, and unpacking weights is no longer little
/// beside them.
inline constexpr std::int64_t kAmxTokens = 8;

/// Bytes of unpacked weights that stay in L2 beside the activations that pass.
inline constexpr std::int64_t kAmxPanelBytes = 512 * 1024;

/// A block of 16 weight rows, as a tile: four consecutive weights of each row, side by side.
struct AmxBlock {
  std::int8_t values[kBlock / 4][kLanes][4];
  float scales[kLanes];
};
/// Blocks that are loaded before the sums of a block are taken: so many after the last one may be read.
inline constexpr std::int64_t kAmxAhead = 3;

/// Lane r of words[i]: bytes 4 i to 4 i + 3 of the 16 that row r has at `offset` in its block b.
template <class Block>
REPRISE_INLINE void amx_words(const BlockRows<Block>& rows, std::int64_t b, std::size_t offset,
                              __m512i (&words)[4]) {
  const auto load = [&](int row) __attribute__((always_inline)) {
    return _mm_loadu_si128(
        reinterpret_cast<const __m128i*>(reinterpret_cast<const std::byte*>(&rows.at(row, b)) + offset));
  };
  __m512i in[4];
  for (int i = 0; i < 4; ++i) {
    in[i] = _mm512_castsi128_si512(load(i));
    in[i] = _mm512_inserti32x4(in[i], load(4 + i), 1);
    in[i] = _mm512_inserti32x4(in[i], load(8 + i), 2);
    in[i] = _mm512_inserti32x4(in[i], load(12 + i), 3);
  }
  const __m512i low_a = _mm512_unpacklo_epi32(in[0], in[1]);
  const __m512i high_a = _mm512_unpackhi_epi32(in[0], in[1]);
  const __m512i low_b = _mm512_unpacklo_epi32(in[2], in[3]);
  const __m512i high_b = _mm512_unpackhi_epi32(in[2], in[3]);
  words[0] = _mm512_unpacklo_epi64(low_a, low_b);
  words[1] = _mm512_unpackhi_epi64(low_a, low_b);
  words[2] = _mm512_unpacklo_epi64(high_a, high_b);
  words[3] = _mm512_unpackhi_epi64(high_a, high_b);
}

REPRISE_INLINE void amx_unpack(const BlockRows<Int8Block>& rows, std::int64_t b, AmxBlock& to) {
  for (int half = 0; half < 2; ++half) {
    __m512i words[4];
    amx_words(rows, b, offsetof(Int8Block, values) + static_cast<std::size_t>(half) * 16, words);
    for (int i = 0; i < 4; ++i) {
      _mm512_store_si512(to.values[4 * half + i], words[i]);
    }
  }
}
REPRISE_INLINE void amx_unpack(const BlockRows<Int4Block>& rows, std::int64_t b, AmxBlock& to) {
  const __m512i mask = _mm512_set1_epi8(15);
  const __m512i bias = _mm512_set1_epi8(8);
  __m512i words[4];
  amx_words(rows, b, offsetof(Int4Block, nibbles), words);
  for (int i = 0; i < 4; ++i) {
    const __m512i low = _mm512_and_si512(words[i], mask);
    const __m512i high = _mm512_and_si512(_mm512_srli_epi16(words[i], 4), mask);
    _mm512_store_si512(to.values[i], _mm512_sub_epi8(low, bias));
    _mm512_store_si512(to.values[4 + i], _mm512_sub_epi8(high, bias));
  }
}

/// Shapes of three of the eight tiles: 0 integer products, 1 activations, 2 weights.
struct AmxTileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, kBlock, 64};
  std::uint8_t rows[16] = {};

  REPRISE_INLINE explicit AmxTileShapes(std::int64_t n_tokens)
      : rows{static_cast<std::uint8_t>(n_tokens), static_cast<std::uint8_t>(n_tokens), kBlock / 4} {}
  /// Not _tile_loadconfig: g++ 12 takes it to read 8 bytes, and drops the stores of the others.
  REPRISE_INLINE void load() const { asm volatile("ldtilecfg %0" : : "m"(*this)); }
};
static_assert(sizeof(AmxTileShapes) == 64);

/// Exact for magnitudes below 2^22 (a block's are at most 2^19): counted from the bits of 1.5 * 2^23, where
/// the last bit of a float is worth 1. Both operations have two ports while tiles are in use, VCVTDQ2PS one:
/// 8 % slower.
REPRISE_INLINE __m512 dots_to_float(const std::int32_t* dots) {
  const __m512 magic = _mm512_set1_ps(12582912.0F);
  const __m512i shifted = _mm512_add_epi32(_mm512_castps_si512(magic), _mm512_load_si512(dots));
  return _mm512_sub_ps(_mm512_castsi512_ps(shifted), magic);
}

/// Up to 16 tokens, and what they are multiplied with.
struct AmxGroup {
  std::int64_t first;  ///< token
  std::int64_t n_tokens;
  const float* scales;      ///< [n_blocks, 16] of the activations
  const AmxBlock* weights;  ///< [panels, n_blocks]
  Range outputs;
};

/// Outputs of a group, of whose 16 rows Rows are computed. A step takes the integers of one block; meanwhile
/// the tiles store those of the next one, multiply the one after it and load a third.
template <int Rows>
[[gnu::noinline]] void amx_group(const Linear& op, const AmxGroup& group) {
  const std::int64_t n_in = op.x.extent(1);
  const std::int64_t n_blocks = n_in / kBlock;
  const std::int8_t* x = op.x_blocks.values.row(group.first);
  const AmxBlock* loaded = group.weights;
  std::int64_t place = 0;
  const auto load_activations = [&]() __attribute__((always_inline)) {
    _tile_loadd(1, x + place * kBlock, n_in);
    place = place + 1 < n_blocks ? place + 1 : 0;
  };
  const auto load_weights = [&]() __attribute__((always_inline)) {
    _tile_loadd(2, loaded->values, 64);
    ++loaded;
  };
  const auto multiply = []() __attribute__((always_inline)) {
    _tile_zero(0);
    _tile_dpbssd(0, 1, 2);
  };
  alignas(64) std::int32_t dots[2][kLanes][kLanes] = {};  // rows without a token stay 0
  std::int32_t(*now)[kLanes] = dots[0];
  std::int32_t(*next)[kLanes] = dots[1];
  load_activations();
  load_weights();
  multiply();
  _tile_stored(0, now, 64);
  load_activations();
  load_weights();
  multiply();
  load_activations();
  load_weights();

  const AmxBlock* block = group.weights;
  for (std::int64_t o = group.outputs.begin; o < group.outputs.end; o += kLanes) {
    __m512 sum[Rows];
    for (int r = 0; r < Rows; ++r) {
      sum[r] = _mm512_setzero_ps();
    }
    const float* scales = group.scales;
    for (std::int64_t b = 0; b < n_blocks; ++b) {
      _tile_stored(0, next, 64);
      const __m512 weight_scales = _mm512_load_ps(block->scales);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        if (r == Rows / 8) {
          multiply();
        }
        if (r == Rows / 4) {
          load_activations();
        }
        if (r == Rows / 2) {
          load_weights();
        }
        const __m512 scale = _mm512_mul_ps(weight_scales, _mm512_set1_ps(scales[r]));
        sum[r] = _mm512_fmadd_ps(dots_to_float(now[r]), scale, sum[r]);
      }
      ++block;
      scales += kLanes;
      std::int32_t(*const taken)[kLanes] = now;
      now = next;
      next = taken;
    }
    alignas(64) float y[Rows][kLanes];
    for (int r = 0; r < Rows; ++r) {
      _mm512_store_ps(y[r], sum[r]);
    }
    const std::int64_t left = group.outputs.end - o;
    for (std::int64_t t = 0; t < group.n_tokens; ++t) {
      store_outputs(op, group.first + t, o, left < kLanes ? left : kLanes, Avx512Lanes::load(y[t]));
    }
  }
}

/// A slice's workspace: the scales of all activations as AmxGroup has them, then panels.
struct AmxWorkspace {
  std::int64_t n_blocks;
  std::int64_t n_scales;  ///< of all groups
  std::int64_t n_panels;  ///< unpacked at a time

  REPRISE_INLINE explicit AmxWorkspace(const Linear& op)
      : n_blocks(op.x.extent(1) / kBlock),
        n_scales((op.x.extent(0) + kLanes - 1) / kLanes * kLanes * n_blocks) {
    const std::int64_t all = (op.weight.extent(0) + kLanes - 1) / kLanes;
    const std::int64_t fit = kAmxPanelBytes / (n_blocks * static_cast<std::int64_t>(sizeof(AmxBlock)));
    n_panels = fit < 1 ? 1 : fit < all ? fit : all;
  }
  [[nodiscard]] REPRISE_INLINE std::size_t bytes() const {
    return static_cast<std::size_t>(n_scales) * sizeof(float) +
           static_cast<std::size_t>(n_panels * n_blocks + kAmxAhead) * sizeof(AmxBlock);
  }
};

/// The scales of each 16 tokens side by side; 0 for those past the last.
REPRISE_INLINE void amx_transpose_scales(const TensorView<const float>& scales, float* to) {
  for (std::int64_t t = 0; t < scales.extent(0); t += kLanes) {
    for (std::int64_t b = 0; b < scales.extent(1); ++b) {
      for (std::int64_t r = 0; r < kLanes; ++r) {
        *to++ = t + r < scales.extent(0) ? scales.row(t + r)[b] : 0.0F;
      }
    }
  }
}

/// All tokens times the panels of the output rows `outputs`.
REPRISE_INLINE void amx_tokens(const Linear& op, const AmxWorkspace& workspace, const float* scales,
                               const AmxBlock* panels, Range outputs) {
  const std::int64_t n_tokens = op.x.extent(0);
  AmxTileShapes(kLanes).load();
  std::int64_t t = 0;
  for (; t + kLanes <= n_tokens; t += kLanes) {
    amx_group<16>(op, {t, kLanes, scales + t * workspace.n_blocks, panels, outputs});
  }
  if (t < n_tokens) {
    const AmxGroup rest = {t, n_tokens - t, scales + t * workspace.n_blocks, panels, outputs};
    AmxTileShapes(rest.n_tokens).load();
    if (rest.n_tokens <= 4) {
      amx_group<4>(op, rest);
    } else if (rest.n_tokens <= 8) {
      amx_group<8>(op, rest);
    } else if (rest.n_tokens <= 12) {
      amx_group<12>(op, rest);
    } else {
      amx_group<16>(op, rest);
    }
  }
  _tile_release();
}

inline std::size_t amx_linear_blocks_workspace(const Linear& op) {
  return op.x.extent(0) < kAmxTokens ? kAvx512VnniBlocks.workspace(op) : AmxWorkspace(op).bytes();
}

inline void amx_linear_blocks(const Linear& op, Slice slice) {
  if (op.x.extent(0) < kAmxTokens) {
    kAvx512VnniBlocks.linear_blocks(op, slice);
    return;
  }
  const AmxWorkspace workspace(op);
  auto* scales = reinterpret_cast<float*>(slice.workspace);
  auto* panels = reinterpret_cast<AmxBlock*>(scales + workspace.n_scales);
  amx_transpose_scales(op.x_blocks.scales, scales);
  with_block_type(
      op.weight, [&]<class Block>(const BlockView<Block>& weight) __attribute__((always_inline)) {
        const Range share = share_of(op.weight.extent(0), slice, kLanes);
        const std::int64_t together = workspace.n_panels * kLanes;
        for (std::int64_t begin = share.begin; begin < share.end; begin += together) {
          const Range outputs = {begin, begin + together < share.end ? begin + together : share.end};
          AmxBlock* to = panels;
          for (std::int64_t o = outputs.begin; o < outputs.end; o += kLanes) {
            const auto rows = block_rows(weight, o, outputs.end - o < kLanes ? outputs.end - o : kLanes);
            for (std::int64_t b = 0; b < workspace.n_blocks; ++b, ++to) {
              amx_unpack(rows, b, *to);
              Avx512Lanes(sixteen_scales(rows.column(b))).store(to->scales);
            }
          }
          amx_tokens(op, workspace, scales, panels, outputs);
        }
      });
}

}  // namespace reprise::engine::kernels
