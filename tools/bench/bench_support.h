/// What the kernel benchmarks share: the shapes of real models, backends by thread count, operands in enough
/// copies that caches cannot keep them, and counters from the cost model. Not a measurement of its own.
#pragma once

#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/backends/backend.h"
#include "engine/model/config.h"
#include "engine/model/model.h"

namespace reprise::bench {

inline constexpr const char* kModels[] = {"qwen3-0.6b", "llama3.2-1b"};
inline constexpr engine::DType kWeightDTypes[] = {engine::DType::f32, engine::DType::f16, engine::DType::bf16,
                                                  engine::DType::int8, engine::DType::int4};
inline constexpr engine::DType kCacheDTypes[] = {engine::DType::f32, engine::DType::f16, engine::DType::bf16,
                                                 engine::DType::int8};
inline constexpr std::int64_t kRows[] = {1, 8, 128};  ///< tokens: decoding, a small batch, a chunk of prefill
inline constexpr int kThreads[] = {1, 2};

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
      : dtype_(dtype),
        shape_(shape),
        bytes_(engine::bytes_of(dtype, shape.count())) {
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

/// Runs `dispatch(i) -> Cost` and gives rates in the units of the cost model.
template <class Dispatch>
void measure(benchmark::State& state, Dispatch&& dispatch) {
  std::int64_t i = 0;
  engine::Cost total;
  for (auto _ : state) {
    const engine::Cost cost = dispatch(i++);
    total.bytes += cost.bytes;
    total.flops += cost.flops;
  }
  state.counters["bytes/s"] = benchmark::Counter(
      static_cast<double>(total.bytes), benchmark::Counter::kIsRate, benchmark::Counter::OneK::kIs1000);
  state.counters["flops/s"] = benchmark::Counter(
      static_cast<double>(total.flops), benchmark::Counter::kIsRate, benchmark::Counter::OneK::kIs1000);
}

/// Registers `body(state, backend)` under `name`, for each thread count.
template <class Body>
void add(const std::string& name, Body body) {
  for (const int threads : kThreads) {
    benchmark::RegisterBenchmark((name + "/threads:" + std::to_string(threads)).c_str(),
                                 [body, threads](benchmark::State& state) {
                                   const std::unique_ptr<engine::Backend> backend = cpu_backend(threads);
                                   body(state, *backend);
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

inline int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace reprise::bench
