// The tiles of Intel's AMX. Their registers hold 8 KiB a thread, so Linux gives them only to who asks.
#if defined(__x86_64__)

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "harness/clock/dot_kernels.h"

namespace reprise::harness::detail {
namespace {

constexpr std::size_t kTileRows = 16;
constexpr std::size_t kTileRowBytes = 64;
constexpr std::size_t kTileBytes = kTileRows * kTileRowBytes;
/// A product takes 16 cycles and is ready after 52: six of eight tiles sum, two are the operands.
constexpr std::int64_t kSums = 6;
/// 96 cycles each.
constexpr std::int64_t kIterations = 6'000;

struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

/// g++ 12 does not know that the tile instructions read what their pointers point at.
void keep_written(const void* memory) {
  asm volatile("" : : "r"(memory) : "memory");
}

[[gnu::target("amx-tile")]] void configure_tiles() {
  TileConfig config;
  std::fill_n(config.row_bytes, 8, static_cast<std::uint16_t>(kTileRowBytes));
  std::fill_n(config.rows, 8, static_cast<std::uint8_t>(kTileRows));
  keep_written(&config);
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
}

/// The operands, in tiles 6 and 7.
template <class Element>
[[gnu::target("amx-tile")]] void load_operands(Element a, Element b) {
  alignas(64) Element as[kTileBytes / sizeof(Element)];
  alignas(64) Element bs[kTileBytes / sizeof(Element)];
  std::fill(std::begin(as), std::end(as), a);
  std::fill(std::begin(bs), std::end(bs), b);
  keep_written(as);
  keep_written(bs);
  _tile_loadd(6, as, kTileRowBytes);
  _tile_loadd(7, bs, kTileRowBytes);
}

template <class Element>
[[gnu::target("amx-tile")]] double take_sums() {
  constexpr std::size_t kElements = kTileBytes / sizeof(Element);
  alignas(64) Element sums[static_cast<std::size_t>(kSums) * kElements];
  _tile_stored(0, sums, kTileRowBytes);
  _tile_stored(1, sums + kElements, kTileRowBytes);
  _tile_stored(2, sums + 2 * kElements, kTileRowBytes);
  _tile_stored(3, sums + 3 * kElements, kTileRowBytes);
  _tile_stored(4, sums + 4 * kElements, kTileRowBytes);
  _tile_stored(5, sums + 5 * kElements, kTileRowBytes);
  _tile_release();
  return std::accumulate(std::begin(sums), std::end(sums), 0.0);
}

[[gnu::target("amx-tile,amx-bf16")]] double dot_bf16_tiles(std::int64_t iterations, int a, int b) {
  configure_tiles();
  load_operands(bf16_bits(a), bf16_bits(b));
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbf16ps(0, 6, 7);
    _tile_dpbf16ps(1, 6, 7);
    _tile_dpbf16ps(2, 6, 7);
    _tile_dpbf16ps(3, 6, 7);
    _tile_dpbf16ps(4, 6, 7);
    _tile_dpbf16ps(5, 6, 7);
  }
  return take_sums<float>();
}

[[gnu::target("amx-tile,amx-int8")]] double dot_int8_tiles(std::int64_t iterations, int a, int b) {
  configure_tiles();
  load_operands(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b));
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbusd(0, 6, 7);
    _tile_dpbusd(1, 6, 7);
    _tile_dpbusd(2, 6, 7);
    _tile_dpbusd(3, 6, 7);
    _tile_dpbusd(4, 6, 7);
    _tile_dpbusd(5, 6, 7);
  }
  return take_sums<std::int32_t>();
}

/// Refused by kernels before 5.16, and by sandboxes.
bool tiles_are_granted() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

std::vector<DotKernel> supported_tile_kernels() {
  std::vector<DotKernel> kernels;
  if (!__builtin_cpu_supports("amx-tile") || !tiles_are_granted()) {
    return kernels;
  }
  // A row of a sum, 16 by 16, is the dot product of a row and a column of 64 bytes.
  constexpr std::int64_t kProducts = 16L * 16 * kSums;
  if (__builtin_cpu_supports("amx-bf16")) {
    kernels.push_back({Limit::bf16_dot, "TDPBF16PS", dot_bf16_tiles, 2 * 32 * kProducts, kIterations});
  }
  if (__builtin_cpu_supports("amx-int8")) {
    kernels.push_back({Limit::int8_dot, "TDPBUSD", dot_int8_tiles, 2 * 64 * kProducts, kIterations});
  }
  return kernels;
}

}  // namespace reprise::harness::detail

#endif
