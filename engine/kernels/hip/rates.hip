// Work that nothing but a device's own speed limits.
#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/matrix_cores.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 256;
constexpr int kWordsOfThread = 4;  // loads under way at once
constexpr int kChains = 16;        // of multiply-adds, independent of each other
constexpr int kTiles = 4;          // sums of tiles, likewise

struct alignas(16) Word {
  std::uint32_t parts[4];
};

__global__ void copy_memory(Word* to, const Word* from, std::int64_t n_words) {
  const std::int64_t first =
      static_cast<std::int64_t>(block_x()) * kThreads * kWordsOfThread + thread_in_block();
  Word words[kWordsOfThread];
  REPRISE_UNROLL
  for (int i = 0; i < kWordsOfThread; ++i) {
    if (first + i * kThreads < n_words) {
      words[i] = from[first + i * kThreads];
    }
  }
  REPRISE_UNROLL
  for (int i = 0; i < kWordsOfThread; ++i) {
    if (first + i * kThreads < n_words) {
      to[first + i * kThreads] = words[i];
    }
  }
}

__global__ void multiply_add(float* out, int n_steps) {
  float chains[kChains];
  REPRISE_UNROLL
  for (int i = 0; i < kChains; ++i) {
    chains[i] = static_cast<float>(thread_in_block() + i);
  }
  for (int step = 0; step < n_steps; ++step) {
    REPRISE_UNROLL
    for (int i = 0; i < kChains; ++i) {
      chains[i] = __builtin_fmaf(chains[i], 0.5F, 1.0F);
    }
  }
  float sum = 0;
  REPRISE_UNROLL
  for (int i = 0; i < kChains; ++i) {
    sum += chains[i];
  }
  out[static_cast<std::int64_t>(block_x()) * kThreads + thread_in_block()] = sum;
}

/// Its first thread writes the block's operations. Elements are small and differ: of zeros, nothing would be
/// computed.
__global__ void multiply_constant_tiles(float* out, int n_steps) {
  with_matrix_cores([&](auto cores) {
    using Cores = decltype(cores);
    __shared__ Eight tile[kTileRows * Cores::kRowEights];
    for (int i = thread_in_block(); i < kTileRows * Cores::kRowEights; i += kThreads) {
      for (int pair = 0; pair < 4; ++pair) {
        tile[i].pairs[pair] = 0x3c003c00U + static_cast<std::uint32_t>(i * 0x10003 + n_steps % 2);
      }
    }
    wait_for_block();
    const typename Cores::A a = Cores::load_a(tile, 0);
    const typename Cores::B b = Cores::load_b(tile, 0);
    float sums[kTiles][Cores::kSums] = {};
    for (int step = 0; step < n_steps; ++step) {
      REPRISE_UNROLL
      for (int i = 0; i < kTiles; ++i) {
        Cores::template multiply<Bf16>(sums[i], a, b);
      }
    }
    float sum = 0;
    REPRISE_UNROLL
    for (int i = 0; i < kTiles; ++i) {
      sum += sums[i][0];
    }
    constexpr int kFlops = 2 * kTileRows * kTileRows * kTileDepth / Cores::kPieces * kTiles;
    if (thread_in_block() == 0) {
      const float flops = static_cast<float>(n_steps) * kFlops * (kThreads / Cores::kWave);
      out[block_x()] = sum < 0.0F ? 0.0F : flops;  // never, but it takes the sums to know
    }
  });
}

}  // namespace

void copy_words(std::byte* to, const std::byte* from, std::int64_t n_words, hipStream_t stream) {
  Word* const out = reinterpret_cast<Word*>(to);
  const Word* const in = reinterpret_cast<const Word*>(from);
  REPRISE_LAUNCH(copy_memory, dim3(pieces(n_words, kThreads * kWordsOfThread)), kThreads, stream, out, in,
                 n_words);
}

void multiply_registers(float* out, int n_blocks, int n_steps, hipStream_t stream) {
  REPRISE_LAUNCH(multiply_add, dim3(static_cast<unsigned>(n_blocks)), kThreads, stream, out, n_steps);
}

std::size_t bytes_of_registers(int n_blocks) {
  return sizeof(float) * kThreads * static_cast<std::size_t>(n_blocks);
}

double flops_of_registers(int n_blocks, int n_steps) {
  return 2.0 * n_blocks * kThreads * kChains * n_steps;
}

void multiply_register_tiles(float* flops, int n_blocks, int n_steps, hipStream_t stream) {
  REPRISE_LAUNCH(multiply_constant_tiles, dim3(static_cast<unsigned>(n_blocks)), kThreads, stream, flops,
                 n_steps);
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
