/// What the kernel benchmarks share: the shapes of real models, backends by thread count, operands in enough
/// copies that caches cannot keep them, and counters from the cost model, as rates and as a share of what the
/// machine can do. Not a measurement of its own.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/backends/backend.h"
#include "engine/model/config.h"
#include "engine/model/model.h"
#include "harness/clock/roofline.h"
#include "harness/profile/roofline_share.h"

namespace reprise::bench {

inline constexpr const char* kModels[] = {"qwen3-0.6b", "llama3.2-1b"};
inline constexpr engine::DType kWeightDTypes[] = {engine::DType::f32, engine::DType::f16, engine::DType::bf16,
                                                  engine::DType::int8, engine::DType::int4};
inline constexpr engine::DType kCacheDTypes[] = {engine::DType::f32, engine::DType::f16, engine::DType::bf16,
                                                 engine::DType::int8};
inline constexpr std::int64_t kDecodeRows[] = {1, 2, 4, 8};  ///< tokens: decoding, and small batches
inline constexpr std::int64_t kPrefillRows[] = {128, 512};   ///< a chunk of a prompt, and a long one
inline constexpr std::int64_t kRows[] = {1, 2, 4, 8, 128, 512};

/// One, and all of this machine's.
inline std::vector<int> thread_counts() {
  const int all = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 1024U));
  return all == 1 ? std::vector{1} : std::vector{1, all};
}

/// The machine's ceilings for one of the thread counts, measured once, before the first benchmark.
inline harness::Roofline ceilings(int threads) {
  static const harness::Roofline measured = harness::measure_roofline(thread_counts().back());
  return harness::roofline_for(measured, threads);
}

inline engine::ModelConfig shape_of(const std::string& model) {
  return engine::parse_config(engine::synthetic_config(model), model);
}

inline std::unique_ptr<engine::Backend> cpu_backend(int threads) {
  engine::Placement placement;
  placement.threads = threads;
  return engine::make_backend(placement);
}

/// Memory of one operand, or several copies of it to go round.
class Operand {
 public:
  Operand(engine::Backend& backend, engine::DType dtype, engine::Shape shape, std::int64_t copies = 1)
      : dtype_(dtype), shape_(shape), bytes_(engine::bytes_of(dtype, shape.count())) {
    for (std::int64_t i = 0; i < copies; ++i) {
      copies_.push_back(backend.allocate(bytes_));
      // 0x3c3c is 1.06 in f16, 0x3c3c.... 0.011 in bf16 and f32: the values of a benchmark only must not be
      // slow.
      std::memset(copies_.back().data(), 0x3c, bytes_);
    }
  }

  [[nodiscard]] engine::MutableAnyTensorView copy(std::int64_t i) const {
    return copies_[static_cast<std::size_t>(i % std::ssize(copies_))].as(dtype_, shape_);
  }
  [[nodiscard]] engine::TensorView<float> floats() const { return copies_.front().as_f32(shape_); }
  [[nodiscard]] engine::TensorView<std::int8_t> bytes() const { return copies_.front().as_bytes(shape_); }

 private:
  engine::DType dtype_;
  engine::Shape shape_;
  std::size_t bytes_;
  std::vector<engine::Buffer> copies_;
};

/// Copies of something of `bytes` that together are several times any last-level cache of a few cores, as a
/// model's layers are: 256 MiB.
inline std::int64_t copies_beyond_cache(std::int64_t bytes) {
  return 1 + (std::int64_t{256} << 20) / bytes;
}

inline benchmark::Counter rate(std::int64_t count) {
  return {static_cast<double>(count), benchmark::Counter::kIsRate, benchmark::Counter::OneK::kIs1000};
}

/// Runs `dispatch(i) -> Cost` and gives rates in the units of the cost model; the label names the ceiling
/// that "roofline%" is a share of.
template <class Dispatch>
void measure(benchmark::State& state, const engine::Backend& backend, Dispatch&& dispatch) {
  const harness::Roofline roofline = ceilings(backend.placement().threads);
  harness::MonotonicClock clock;
  harness::Work work;
  std::int64_t i = 0;
  const harness::Seconds start = clock.now();
  for (auto _ : state) {
    const engine::Cost cost = dispatch(i++);
    work.add(cost.bytes, cost.flops, cost.arithmetic);
  }
  const harness::RooflineShare share = roofline_share(work, clock.now() - start, roofline);
  state.counters["bytes/s"] = rate(work.bytes);
  state.counters["flops/s"] = rate(work.f32_flops + work.bf16_dot_flops + work.int8_dot_ops);
  state.counters["roofline%"] = 100 * share.fraction;
  state.SetLabel("of " + std::string(harness::label_of(share.limit)));
}

/// Registers `body(state, backend)` under `name`, for each thread count.
template <class Body>
void add(const std::string& name, Body body) {
  for (const int threads : thread_counts()) {
    benchmark::RegisterBenchmark((name + "/threads:" + std::to_string(threads)).c_str(),
                                 [body, threads](benchmark::State& state) {
                                   const std::unique_ptr<engine::Backend> backend = cpu_backend(threads);
                                   body(state, *backend);
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

/// `about` is what --help begins with: what is measured, how its names are made, an example.
template <const char* about>
int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv, [] {
    std::printf(
        "%s\nrows: tokens. bytes/s, flops/s: by the cost model. roofline%%: share of the ceiling that the\n"
        "label names, measured first; above 100 where operands stay in a cache. All flags:\n\n",
        about);
    benchmark::PrintDefaultHelp();
  });
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace reprise::bench
