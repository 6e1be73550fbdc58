#include "harness/clock/roofline.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/check.h"
#include "engine/core/thread_team.h"
#include "harness/clock/dot_kernels.h"
#include "harness/clock/page_buffer.h"
#include "harness/clock/roofline_kernels.h"

namespace reprise::harness {
namespace {

using detail::kWordsPerStep;
using detail::part_of;
using detail::RooflineKernels;

constexpr std::size_t kMebibyte = std::size_t{1} << 20;
constexpr int kMinPasses = 3;
/// About half a millisecond of multiply-adds a thread: far above the cost of starting the threads, far below
/// a scheduler's time slice.
constexpr std::int64_t kIterations = 40'000;

/// Four times the last-level cache leaves at most a quarter of a pass to it. The upper limit keeps the first
/// touch of the pages, about 0.3 s a gibibyte, within the promised seconds.
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

/// One thread, and all of them when there are more.
std::vector<int> thread_counts(int threads) {
  return threads == 1 ? std::vector{1} : std::vector{1, threads};
}

class Measurement {
 public:
  Measurement(int threads, Clock& clock, const RooflineOptions& options)
      : threads_(threads), clock_(clock), options_(options) {}

  void read(const RooflineKernels& kernels) {
    const std::size_t bytes = options_.buffer_bytes == 0 ? default_buffer_bytes() : options_.buffer_bytes;
    const std::size_t step = kWordsPerStep * sizeof(std::uint64_t) * static_cast<std::size_t>(threads_);
    for (const PageSize pages : {PageSize::small, PageSize::huge}) {
      const detail::PageBuffer buffer(std::max(bytes / step, std::size_t{1}) * step, pages);
      const std::span<std::uint64_t> words = buffer.words();
      // Each page is first touched, and placed, by the thread that will read it.
      engine::ThreadTeam(threads_).run([&](int member) {
        const std::span<std::uint64_t> part = part_of(words, member, threads_);
        std::fill(part.begin(), part.end(), 1);
      });
      for (const int threads : thread_counts(threads_)) {
        const Seconds seconds = best(threads, options_.read_seconds, [&](int member) {
          return static_cast<double>(kernels.sum(part_of(words, member, threads)));
        });
        const double read = static_cast<double>(part_of(words, 0, threads).size_bytes()) * threads;
        points_.push_back({Limit::read, threads, read / seconds, std::string(kernels.load_instruction), pages,
                           buffer.huge_page_fraction()});
      }
    }
  }

  void multiply_add(const RooflineKernels& kernels) {
    const double flops = 2.0 * kernels.n_chains * kernels.lanes_per_chain * static_cast<double>(kIterations);
    // x * 0.5 + 0.5 goes to 1: no subnormal or infinite operand changes the speed.
    arithmetic(Limit::f32_fma, kernels.multiply_add_instruction, flops,
               [&](int) { return static_cast<double>(kernels.multiply_add(kIterations, 0.5F, 0.5F)); });
  }

  void dot(const detail::DotKernel& kernel) {
    const double operations =
        static_cast<double>(kernel.operations_per_iteration * kernel.iterations_per_pass);
    arithmetic(kernel.limit, kernel.instruction, operations,
               [&](int) { return kernel.run(kernel.iterations_per_pass, 1, 2); });
  }

  [[nodiscard]] std::vector<RooflinePoint> points() {
    std::stable_sort(points_.begin(), points_.end(), [](const RooflinePoint& a, const RooflinePoint& b) {
      return std::pair(a.limit, a.threads) < std::pair(b.limit, b.threads);
    });
    return points_;
  }

 private:
  template <class Work>
  void arithmetic(Limit limit, std::string_view instruction, double operations, const Work& work) {
    for (const int threads : thread_counts(threads_)) {
      const Seconds seconds = best(threads, options_.arithmetic_seconds, work);
      points_.push_back({limit, threads, operations * threads / seconds, std::string(instruction)});
    }
  }

  /// The best pass of `work(member)` by so many threads at once.
  template <class Work>
  Seconds best(int threads, Seconds wanted, const Work& work) {
    engine::ThreadTeam team(threads);
    return best_pass(clock_, wanted, [&] {
      team.run([&](int member) { sink_.store(work(member), std::memory_order_relaxed); });
    });
  }

  int threads_;
  Clock& clock_;
  RooflineOptions options_;
  std::vector<RooflinePoint> points_;
  std::atomic<double> sink_ = 0;  // keeps the results alive
};

/// The highest point of a limit with so many threads.
std::optional<double> highest(const std::vector<RooflinePoint>& points, Limit limit, int threads) {
  std::optional<double> best;
  for (const RooflinePoint& point : points) {
    if (point.limit == limit && point.threads == threads) {
      best = std::max(best.value_or(0), point.per_second);
    }
  }
  return best;
}

}  // namespace

Roofline roofline_for(const Roofline& roofline, int threads) {
  const auto read = highest(roofline.points, Limit::read, threads);
  const auto f32 = highest(roofline.points, Limit::f32_fma, threads);
  if (!read || !f32) {
    return roofline;
  }
  return {*read, *f32, highest(roofline.points, Limit::bf16_dot, threads),
          highest(roofline.points, Limit::int8_dot, threads), roofline.points};
}

std::string_view label_of(Limit limit) {
  switch (limit) {
    case Limit::read:
      return "read";
    case Limit::f32_fma:
      return "f32";
    case Limit::bf16_dot:
      return "bf16 dot";
    case Limit::int8_dot:
      return "int8 dot";
  }
  return "";
}

Roofline measure_roofline(int threads, Clock& clock, const RooflineOptions& options) {
  REPRISE_CHECK(threads >= 1);
  Measurement measurement(threads, clock, options);
  const RooflineKernels kernels = detail::supported_roofline_kernels().back();
  measurement.read(kernels);
  measurement.multiply_add(kernels);
  for (const detail::DotKernel& kernel : detail::supported_dot_kernels()) {
    measurement.dot(kernel);
  }
  Roofline roofline;
  roofline.points = measurement.points();
  return roofline_for(roofline, threads);
}

Roofline measure_roofline(int threads) {
  MonotonicClock clock;
  return measure_roofline(threads, clock);
}

}  // namespace reprise::harness
