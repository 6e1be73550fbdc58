#include "harness/clock/roofline.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/core/thread_team.h"
#include "harness/clock/roofline_kernels.h"

namespace reprise::harness {
namespace {

using detail::kWordsPerStep;
using detail::RooflineKernels;

constexpr std::size_t kMebibyte = std::size_t{1} << 20;
constexpr int kMinPasses = 3;
/// About half a millisecond of multiply-adds a thread: far above the cost of starting the threads, far below
/// a scheduler's time slice.
constexpr std::int64_t kIterations = 40'000;

/// Four times the last-level cache leaves at most a quarter of a pass to it. The upper limit keeps the first
/// touch of the pages, about 0.3 s a gibibyte, within the promised second.
std::size_t default_buffer_bytes() {
  const long l3_bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  const std::size_t cache = l3_bytes > 0 ? static_cast<std::size_t>(l3_bytes) : 32 * kMebibyte;
  return std::clamp(4 * cache, 64 * kMebibyte, 1024 * kMebibyte);
}

/// The best of several passes, in seconds, never 0: a clock may be too coarse to see a pass.
template <class Pass>
Seconds best_pass(Clock& clock, Seconds wanted, Pass&& pass) {
  const Seconds start = clock.now();
  Seconds best = 0;
  Seconds end = start;
  for (int passes = 0; passes < kMinPasses || end - start < wanted; ++passes) {
    const Seconds before = clock.now();
    pass();
    end = clock.now();
    const Seconds seconds = std::max(end - before, 1e-9);
    best = passes == 0 ? seconds : std::min(best, seconds);
  }
  return best;
}

/// The words of one member: equal parts of whole steps; what is left over at the end is not read.
std::span<std::uint64_t> part_of(std::span<std::uint64_t> words, int member, int members) {
  const std::size_t steps = words.size() / kWordsPerStep / static_cast<std::size_t>(members);
  return words.subspan(static_cast<std::size_t>(member) * steps * kWordsPerStep, steps * kWordsPerStep);
}

RooflinePoint measure_point(int threads, std::span<std::uint64_t> words, const RooflineKernels& kernels,
                            Clock& clock, const RooflineOptions& options) {
  engine::ThreadTeam team(threads);
  std::atomic<std::uint64_t> sink = 0;  // keeps the results alive
  const Seconds read_seconds = best_pass(clock, options.read_seconds, [&] {
    team.run([&](int member) {
      sink.fetch_add(kernels.sum(part_of(words, member, threads)), std::memory_order_relaxed);
    });
  });
  const Seconds flops_seconds = best_pass(clock, options.flops_seconds, [&] {
    team.run([&](int) {
      // x * 0.5 + 0.5 goes to 1: no subnormal or infinite operand changes the speed.
      const float lanes = kernels.multiply_add(kIterations, 0.5F, 0.5F);
      sink.fetch_add(static_cast<std::uint64_t>(lanes), std::memory_order_relaxed);
    });
  });
  const double bytes = static_cast<double>(part_of(words, 0, threads).size_bytes()) * threads;
  const double flops =
      2.0 * kernels.n_chains * kernels.lanes_per_chain * static_cast<double>(kIterations) * threads;
  return {threads, bytes / read_seconds, flops / flops_seconds};
}

}  // namespace

Roofline RooflineMeasurement::ceilings() const {
  REPRISE_CHECK(!points.empty());
  return {points.back().read_bytes_per_second, points.back().f32_flops_per_second};
}

RooflineMeasurement measure_roofline(int threads, Clock& clock, const RooflineOptions& options) {
  REPRISE_CHECK(threads >= 1);
  const std::size_t wanted = options.buffer_bytes == 0 ? default_buffer_bytes() : options.buffer_bytes;
  const std::size_t step = kWordsPerStep * static_cast<std::size_t>(threads);
  const std::size_t n_words = std::max(wanted / sizeof(std::uint64_t) / step, std::size_t{1}) * step;
  // Left uninitialised, so that each page is first touched, and placed, by the thread that will read it.
  const std::unique_ptr<std::uint64_t[]> buffer(new (std::nothrow) std::uint64_t[n_words]);
  if (buffer == nullptr) {
    fail(ErrorCode::out_of_memory,
         "roofline: expected {} bytes of memory for the read buffer, found too little",
         n_words * sizeof(std::uint64_t));
  }
  const std::span<std::uint64_t> words(buffer.get(), n_words);
  engine::ThreadTeam(threads).run([&](int member) {
    const std::span<std::uint64_t> part = part_of(words, member, threads);
    std::fill(part.begin(), part.end(), 1);
  });

  const RooflineKernels kernels = detail::supported_roofline_kernels().back();
  RooflineMeasurement measurement{std::string(kernels.isa),
                                  {measure_point(1, words, kernels, clock, options)}};
  if (threads > 1) {
    measurement.points.push_back(measure_point(threads, words, kernels, clock, options));
  }
  return measurement;
}

RooflineMeasurement measure_roofline(int threads) {
  MonotonicClock clock;
  return measure_roofline(threads, clock);
}

}  // namespace reprise::harness
