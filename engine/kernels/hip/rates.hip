// Work that nothing but a device's own speed limits, and the speed that it has.
#include <algorithm>
#include <utility>

#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/matrix_cores.h"
#include "engine/kernels/hip/memory.h"
#include "engine/kernels/hip/timer.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 256;
constexpr int kWordsOfThread = 4;            // loads under way at once
constexpr int kChains = 16;                  // of multiply-adds, independent of each other
constexpr int kTiles = 4;                    // sums of tiles, likewise
constexpr int kBlocksOfMultiprocessor = 32;  // enough to keep all of it busy

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

/// Measures on one stream; the least time counts, of several launches.
class RateMeter {
 public:
  RateMeter(int n_blocks, hipStream_t stream) : n_blocks_(n_blocks), stream_(stream) { timer_.turn(true); }

  /// Bytes read and written.
  double copy_bytes_per_second(std::byte* to, const std::byte* from, std::size_t size_bytes) {
    const auto n_words = static_cast<std::int64_t>(size_bytes / sizeof(Word));
    const double seconds = least_seconds([&] {
      REPRISE_LAUNCH(copy_memory, dim3(pieces(n_words, kThreads * kWordsOfThread)), kThreads, stream_,
                     reinterpret_cast<Word*>(to), reinterpret_cast<const Word*>(from), n_words);
    });
    return 2.0 * static_cast<double>(n_words) * sizeof(Word) / seconds;
  }
  /// `out` takes a float of each thread.
  double multiply_add_flops_per_second(float* out) {
    const auto [steps, seconds] = time_enough_steps([&](int n_steps) {
      REPRISE_LAUNCH(multiply_add, dim3(static_cast<unsigned>(n_blocks_)), kThreads, stream_, out, n_steps);
    });
    return 2.0 * n_blocks_ * kThreads * kChains * steps / seconds;
  }
  /// `out` takes a float of each block.
  double tile_flops_per_second(float* out) {
    const double seconds = time_enough_steps([&](int n_steps) {
                             REPRISE_LAUNCH(multiply_constant_tiles, dim3(static_cast<unsigned>(n_blocks_)),
                                            kThreads, stream_, out, n_steps);
                           }).second;
    float flops_of_block = 0;
    REPRISE_HIP_CALL(
        hipMemcpyAsync(&flops_of_block, out, sizeof flops_of_block, hipMemcpyDeviceToHost, stream_));
    REPRISE_HIP_CALL(hipStreamSynchronize(stream_));
    return static_cast<double>(n_blocks_) * flops_of_block / seconds;
  }

 private:
  template <class Launch>
  double least_seconds(const Launch& launch) {
    double least = 0;
    for (int i = 0; i < 8; ++i) {
      timer_.time(stream_, launch, [] { return TimedWork{}; });
      REPRISE_HIP_CALL(hipGetLastError());
      REPRISE_HIP_CALL(hipStreamSynchronize(stream_));
      const double seconds = timer_.take().front().seconds;
      least = i == 0 ? seconds : std::min(least, seconds);
    }
    return least;
  }
  /// Steps that take about a millisecond, beside which starting a kernel does not count, and their time.
  template <class Launch>
  std::pair<int, double> time_enough_steps(const Launch& launch) {
    constexpr double kWorthTiming = 1e-3;
    int n_steps = 1;
    while (n_steps < 1 << 20 && least_seconds([&] { launch(n_steps); }) < kWorthTiming) {
      n_steps *= 4;
    }
    return {n_steps, least_seconds([&] { launch(n_steps); })};
  }

  int n_blocks_;
  hipStream_t stream_;
  Timer timer_;
};

}  // namespace

DeviceRates measure_rates(const DeviceInfo& device, std::size_t free_bytes, int n_multiprocessors,
                          hipStream_t stream) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 30;
  const int n_blocks = kBlocksOfMultiprocessor * n_multiprocessors;
  const std::size_t result_bytes = sizeof(float) * kThreads * static_cast<std::size_t>(n_blocks);
  const auto size_bytes = static_cast<std::int64_t>(
      std::max(std::min(kMostBytes, free_bytes / 8), result_bytes) / sizeof(Word) * sizeof(Word));
  Scratch from;
  Scratch to;
  const std::byte* const in = from.as<std::byte>(size_bytes, device.name);
  std::byte* const out = to.as<std::byte>(size_bytes, device.name);
  RateMeter meter(n_blocks, stream);
  DeviceRates rates;
  rates.copy_bytes_per_second = meter.copy_bytes_per_second(out, in, static_cast<std::size_t>(size_bytes));
  rates.f32_flops_per_second = meter.multiply_add_flops_per_second(reinterpret_cast<float*>(out));
  rates.bf16_flops_per_second = meter.tile_flops_per_second(reinterpret_cast<float*>(out));
  return rates;
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
