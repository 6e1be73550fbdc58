// Backends: which kernels they run and in how many slices, their memory, and what an observer is told.
#include "engine/backends/backend.h"

#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <vector>

#include "engine/core/error.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/fast/fast_kernels.h"

namespace reprise::engine {
namespace {

Placement cpu(const std::string& isa, int threads) {
  Placement placement;
  placement.isa = isa;
  placement.threads = threads;
  return placement;
}

Placement reference() {
  Placement placement;
  placement.backend = "reference";
  return placement;
}

/// Every placement kind that runs here.
std::vector<std::unique_ptr<Backend>> all_backends() {
  std::vector<std::unique_ptr<Backend>> backends;
  backends.push_back(make_backend(reference()));
  for (const std::string_view isa : kernels::available_isas()) {
    for (const int threads : {1, 2, 3}) {
      backends.push_back(make_backend(cpu(std::string(isa), threads)));
    }
  }
  return backends;
}

/// And emulated GPUs.
std::vector<std::unique_ptr<Backend>> all_backends_and_gpus() {
  auto backends = all_backends();
  for (const char* isa : {"wave32", "wave64"}) {
    backends.push_back(make_backend({.backend = "hip-emulated", .isa = isa}));
  }
  return backends;
}

TEST(Backend, IsMadeAsPlaced) {
  EXPECT_EQ(make_backend(reference())->placement(), resolved(reference()));
  for (const std::string_view isa : kernels::available_isas()) {
    const std::unique_ptr<Backend> backend = make_backend(cpu(std::string(isa), 3));
    EXPECT_EQ(backend->placement().isa, isa);
    EXPECT_EQ(backend->placement().threads, 3);
  }
}

TEST(Backend, RefusesAPlacementThatCannotRun) {
  Placement placement = reference();
  placement.threads = 2;
  EXPECT_THROW(make_backend(placement), Error);
  EXPECT_THROW(make_backend(cpu("mmx", 1)), Error);
}

TEST(BackendMemory, IsZeroedAndAligned) {
  for (const auto& backend : all_backends_and_gpus()) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{9} << 20}) {
      const Buffer buffer = backend->allocate(size);
      ASSERT_EQ(buffer.size_bytes(), size);
      ASSERT_NE(buffer.data(), nullptr);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
      ASSERT_TRUE(
          std::all_of(buffer.data(), buffer.data() + size, [](std::byte b) { return b == std::byte{0}; }));
    }
  }
}

TEST(BackendMemory, CopiesInAndOut) {
  for (const auto& backend : all_backends_and_gpus()) {
    std::vector<std::byte> given(1000);
    for (std::size_t i = 0; i < given.size(); ++i) {
      given[i] = static_cast<std::byte>(i * 7);
    }
    const Buffer buffer = backend->allocate(given.size() + 2);
    backend->copy_in(buffer.data() + 1, given);
    std::vector<std::byte> found(given.size() + 2);
    backend->copy_out(found, buffer.data());
    EXPECT_EQ(found.front(), std::byte{0});
    EXPECT_EQ(found.back(), std::byte{0});
    EXPECT_TRUE(std::equal(given.begin(), given.end(), found.begin() + 1));
  }
}

TEST(BackendMemory, ReadsAndImports) {
  const std::vector<float> host = {1, 2, 3, 4, 5, 6};
  for (const auto& backend : all_backends_and_gpus()) {
    std::vector<Buffer> copies;
    const AnyTensorView imported =
        backend->import({DType::f32, reinterpret_cast<const std::byte*>(host.data()), {6}}, copies);
    EXPECT_EQ(imported.shape(), Shape({6}));
    EXPECT_THAT(backend->read(imported.as<float>()), ::testing::ElementsAreArray(host));
  }
}

TEST(BackendMemory, SaysHowMuchCouldNotBeHad) {
  for (const auto& backend : all_backends()) {
    try {
      backend->allocate(std::size_t{1} << 60);
      FAIL() << "an exbibyte was allocated";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
      EXPECT_STREQ(error.what(), "memory: expected 1152921504606846976 bytes to be available, found fewer");
    }
  }
}

TEST(BufferDeathTest, IsNoLargerTensorThanItself) {
  const Buffer buffer = make_backend(reference())->allocate(24);
  EXPECT_EQ(buffer.as_f32({2, 3}).data(), reinterpret_cast<float*>(buffer.data()));
  EXPECT_EQ(buffer.as(DType::f16, {3, 4}).dtype(), DType::f16);
  EXPECT_DEATH(static_cast<void>(buffer.as_f32({7})), "check failed");
  EXPECT_DEATH(static_cast<void>(buffer.as(DType::bf16, {13})), "check failed");
}

TEST(Buffer, FreesItsMemoryOnceWithItsSize) {
  static int freed = 0;
  static std::size_t freed_bytes = 0;
  freed = 0;
  std::byte memory[8];
  {
    Buffer first(memory, 8, [](std::byte*, std::size_t size_bytes) {
      ++freed;
      freed_bytes = size_bytes;
    });
    const Buffer second = std::move(first);
    EXPECT_EQ(freed, 0);
  }
  EXPECT_EQ(freed, 1);
  EXPECT_EQ(freed_bytes, 8U);
}

/// Operands for every operation, large enough for every thread to get a share.
class AllOperations {
 public:
  AllOperations() : values_(kRows * kWidth) {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      values_[i] = std::sin(static_cast<float>(i));
    }
  }

  /// Runs each operation once; all outputs, one after the other.
  std::vector<float> run(Backend& backend) {
    std::vector<float> outputs;
    const auto run_one = [&](std::int64_t n_out, auto&& dispatch) {
      const Buffer out = backend.allocate(static_cast<std::size_t>(n_out) * sizeof(float));
      dispatch(reinterpret_cast<float*>(out.data()));
      const auto read = backend.read(out.as_f32({n_out}));
      outputs.insert(outputs.end(), read.begin(), read.end());
    };
    for_each([&](std::int64_t n_out, auto&& make) {
      run_one(n_out, [&](float* out) { make(out, [&](const auto& op) { dispatch(backend, op); }); });
    });
    return outputs;
  }

  /// What an observer should be told, in order.
  std::vector<std::pair<Kernel, Cost>> expected_records() {
    std::vector<std::pair<Kernel, Cost>> records;
    std::vector<float> out(static_cast<std::size_t>(kRows * kWidth));
    for_each([&](std::int64_t /*n_out*/, auto&& make) {
      make(out.data(), [&](const auto& op) { records.emplace_back(kernel_of(op), cost_of(op)); });
    });
    return records;
  }

  std::vector<WorkShape> expected_shapes() {
    std::vector<WorkShape> shapes;
    std::vector<float> out(static_cast<std::size_t>(kRows * kWidth));
    for_each([&](std::int64_t /*n_out*/, auto&& make) {
      make(out.data(), [&](const auto& op) { shapes.push_back(shape_of(&op)); });
    });
    return shapes;
  }

 private:
  static constexpr std::int64_t kRows = 40;
  static constexpr std::int64_t kWidth = 256;
  static constexpr std::int64_t kHeadDim = 64;
  static constexpr std::int64_t kHeads = kWidth / kHeadDim;

  static void dispatch(Backend& b, const Embed& op) { b.embed(op); }
  static void dispatch(Backend& b, const RmsNorm& op) { b.rms_norm(op); }
  static void dispatch(Backend& b, const LayerNorm& op) { b.layer_norm(op); }
  static void dispatch(Backend& b, const Linear& op) { b.linear(op); }
  static void dispatch(Backend& b, const Rope& op) { b.rope(op); }
  static void dispatch(Backend& b, const StoreKv& op) { b.store_kv(op); }
  static void dispatch(Backend& b, const Attention& op) { b.attention(op); }
  static void dispatch(Backend& b, const SwiGlu& op) { b.swiglu(op); }
  static void dispatch(Backend& b, const Gelu& op) { b.gelu(op); }
  static void dispatch(Backend& b, const Relu& op) { b.relu(op); }
  static Kernel kernel_of(const Embed& /*op*/) { return Kernel::embed; }
  static Kernel kernel_of(const RmsNorm& /*op*/) { return Kernel::rms_norm; }
  static Kernel kernel_of(const LayerNorm& /*op*/) { return Kernel::layer_norm; }
  static Kernel kernel_of(const Linear& /*op*/) { return Kernel::linear; }
  static Kernel kernel_of(const Rope& /*op*/) { return Kernel::rope; }
  static Kernel kernel_of(const StoreKv& /*op*/) { return Kernel::store_kv; }
  static Kernel kernel_of(const Attention& /*op*/) { return Kernel::attention; }
  static Kernel kernel_of(const SwiGlu& /*op*/) { return Kernel::swiglu; }
  static Kernel kernel_of(const Gelu& /*op*/) { return Kernel::gelu; }
  static Kernel kernel_of(const Relu& /*op*/) { return Kernel::relu; }

  /// Calls f(n_out, make) for each operation; make(out, use) builds it over `out` and calls use(op).
  template <class F>
  void for_each(F&& f) {
    static const std::array<TokenId, kRows> kTokens = {3, 0, 39, 7};
    const TensorView<const float> x = {values_.data(), {kRows, kWidth}};
    const TensorView<const float> vector = {values_.data(), {kWidth}};
    const AnyTensorView matrix = {
        DType::f32, reinterpret_cast<const std::byte*>(values_.data()), {kRows, kWidth}};
    const Shape q_shape = {kRows, kHeads, kHeadDim};
    const Shape kv_shape = {kRows, kHeads / 2, kHeadDim};
    const Shape cache_shape = {kHeads / 2, kRows, kHeadDim};
    const AnyTensorView cache = {DType::f32, matrix.data(), cache_shape};
    const std::int64_t n = kRows * kWidth;
    const auto wide = [](float* out) { return TensorView<float>(out, {kRows, kWidth}); };

    f(n, [&](float* out, auto&& use) { use(Embed{wide(out), matrix, kTokens, {}, 0}); });
    f(n, [&](float* out, auto&& use) { use(RmsNorm{wide(out), x, vector, 1e-6F}); });
    f(n, [&](float* out, auto&& use) { use(LayerNorm{wide(out), x, vector, vector, 1e-6F}); });
    f(kRows * kRows, [&](float* out, auto&& use) { use(Linear{{out, {kRows, kRows}}, x, matrix, {}, {}}); });
    f(n, [&](float* out, auto&& use) {
      const TensorView<const float> table = {values_.data(), {kRows, kHeadDim / 2}};
      std::copy(values_.begin(), values_.end(), out);
      use(Rope{{out, q_shape}, table, table, 0, RotaryLayout::half});
    });
    f(n, [&](float* out, auto&& use) {
      auto* bytes = reinterpret_cast<std::byte*>(out);
      const TensorView<const float> rows = {values_.data(), kv_shape};
      use(StoreKv{{DType::f32, bytes, cache_shape},
                  {DType::f32, bytes + static_cast<std::size_t>(n / 2) * sizeof(float), cache_shape},
                  rows,
                  rows,
                  0});
    });
    f(n, [&](float* out, auto&& use) {
      use(Attention{{out, q_shape}, {values_.data(), q_shape}, cache, cache, 0, 0.125F});
    });
    f(n, [&](float* out, auto&& use) { use(SwiGlu{wide(out), x, x}); });
    f(n, [&](float* out, auto&& use) { use(Gelu{wide(out), x}); });
    f(n, [&](float* out, auto&& use) { use(Relu{wide(out), x}); });
  }

  std::vector<float> values_;
};

class RecordingObserver final : public KernelObserver {
 public:
  void on_record(const KernelRecord& record) override {
    records.emplace_back(record.name, record.cost);
    negative_seconds = negative_seconds || !(record.seconds >= 0);
  }
  std::vector<std::pair<std::string, Cost>> records;
  bool negative_seconds = false;
};

/// When, in which layer, and how large.
class PlacingObserver final : public KernelObserver {
 public:
  void on_record(const KernelRecord& record) override {
    starts.push_back(record.start_seconds);
    ends.push_back(record.start_seconds + record.seconds);
    layers.push_back(record.layer);
    shapes.push_back(record.shape);
  }
  std::vector<double> starts;
  std::vector<double> ends;
  std::vector<int> layers;
  std::vector<WorkShape> shapes;
};

TEST(Backend, EveryOperationGivesTheReferencesBitsOnEveryPlacement) {
  AllOperations operations;
  const std::vector<float> expected = operations.run(*make_backend(reference()));
  for (const auto& backend : all_backends()) {
    const std::vector<float> found = operations.run(*backend);
    ASSERT_EQ(found.size(), expected.size());
    ASSERT_EQ(std::memcmp(found.data(), expected.data(), expected.size() * sizeof(float)), 0)
        << describe(backend->placement());
  }
}

/// Threads of this process.
std::ptrdiff_t n_threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

TEST(Backend, FastNumericsComputeOnTheTeamAlone) {
  if (!kernels::fast_kernels_available()) {
    GTEST_SKIP() << "no bf16 dot products here";
  }
  Placement placement = cpu("auto", 2);
  placement.numerics = "fast";
  const std::unique_ptr<Backend> backend = make_backend(placement);
  const std::ptrdiff_t before = n_threads();
  constexpr std::int64_t kTokens = 64;
  constexpr std::int64_t kWidth = 256;
  const Buffer weight = backend->allocate(kWidth * kWidth * sizeof(Bf16));
  const Buffer x = backend->allocate(kTokens * kWidth * sizeof(float));
  const Buffer out = backend->allocate(kTokens * kWidth * sizeof(float));
  for (std::int64_t i = 0; i < kWidth * kWidth; ++i) {
    reinterpret_cast<Bf16*>(weight.data())[i] = to_bf16(0.5F);
  }
  std::fill_n(x.as_f32({kTokens * kWidth}).data(), kTokens * kWidth, 1.0F);
  RecordingObserver observer;
  backend->observe(&observer);
  backend->linear({out.as_f32({kTokens, kWidth}),
                   x.as_f32({kTokens, kWidth}),
                   weight.as(DType::bf16, {kWidth, kWidth}),
                   {},
                   {}});
  EXPECT_THAT(backend->read(out.as_f32({kTokens * kWidth})), ::testing::Each(0.5F * kWidth));
  EXPECT_EQ(observer.records.at(0).second.arithmetic, Arithmetic::bf16_dot);
  EXPECT_EQ(n_threads(), before) << "another pool of threads was started";
}

TEST(Backend, ObserverIsToldOfEveryDispatchWithItsCost) {
  AllOperations operations;
  const auto expected = operations.expected_records();
  ASSERT_EQ(expected.size(), 10U);
  for (const auto& backend : all_backends()) {
    RecordingObserver observer;
    backend->observe(&observer);
    operations.run(*backend);
    ASSERT_EQ(observer.records.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(observer.records[i].first, name_of(expected[i].first));
      EXPECT_EQ(observer.records[i].second.bytes, expected[i].second.bytes);
      EXPECT_EQ(observer.records[i].second.flops, expected[i].second.flops);
    }
    EXPECT_FALSE(observer.negative_seconds);
    backend->observe(nullptr);
    operations.run(*backend);
    EXPECT_EQ(observer.records.size(), expected.size()) << "told after it left";
  }
}

TEST(Backend, CountsDispatchesObservedOrNot) {
  AllOperations operations;
  for (const auto& backend : all_backends()) {
    EXPECT_EQ(backend->n_dispatches(), 0);
    operations.run(*backend);
    EXPECT_EQ(backend->n_dispatches(), 10);
    RecordingObserver observer;
    backend->observe(&observer);
    operations.run(*backend);
    EXPECT_EQ(backend->n_dispatches(), 20);
    backend->observe(nullptr);
  }
}

TEST(Backend, RecordsComeInOrderAndNeverOverlap) {
  AllOperations operations;
  for (const auto& backend : all_backends()) {
    PlacingObserver observer;
    backend->observe(&observer);
    operations.run(*backend);
    operations.run(*backend);
    backend->observe(nullptr);
    ASSERT_EQ(observer.starts.size(), 20U);
    for (std::size_t i = 1; i < observer.starts.size(); ++i) {
      EXPECT_GE(observer.starts[i], observer.ends[i - 1])
          << describe(backend->placement()) << ", record " << i;
    }
  }
}

TEST(Backend, RecordsHaveTheShapesOfTheirOperations) {
  AllOperations operations;
  const std::vector<WorkShape> expected = operations.expected_shapes();
  ASSERT_EQ(expected.size(), 10U);
  for (const auto& backend : all_backends()) {
    PlacingObserver observer;
    backend->observe(&observer);
    operations.run(*backend);
    EXPECT_THAT(observer.shapes, ::testing::ElementsAreArray(expected));
  }
}

TEST(Backend, RecordsBelongToTheLayerWhoseScopeTheyWereDispatchedIn) {
  AllOperations operations;
  std::vector<int> expected;
  for (const int layer : {kNoLayer, 0, 27, kNoLayer}) {
    expected.insert(expected.end(), 10, layer);
  }
  for (const auto& backend : all_backends()) {
    PlacingObserver observer;
    backend->observe(&observer);
    operations.run(*backend);
    for (const int layer : {0, 27}) {
      const Backend::LayerScope scope(*backend, layer);
      operations.run(*backend);
    }
    operations.run(*backend);
    EXPECT_THAT(observer.layers, ::testing::ElementsAreArray(expected));
  }
}

/// An operation that fails to find memory, say, ends its layer as well.
TEST(Backend, ALayerEndsWithItsScopeWhateverEndedThat) {
  AllOperations operations;
  const std::unique_ptr<Backend> backend = make_backend(cpu("scalar", 1));
  try {
    const Backend::LayerScope scope(*backend, 3);
    fail(ErrorCode::out_of_memory, "memory: a test's");
  } catch (const Error&) {
  }
  PlacingObserver observer;
  backend->observe(&observer);
  operations.run(*backend);
  EXPECT_THAT(observer.layers, ::testing::Each(kNoLayer));
}

TEST(BackendDeathTest, LayersDoNotNest) {
  const std::unique_ptr<Backend> backend = make_backend(cpu("scalar", 1));
  const Backend::LayerScope outer(*backend, 3);
  EXPECT_DEATH({ const Backend::LayerScope scope(*backend, 4); }, "check failed");
  EXPECT_DEATH({ const Backend::LayerScope scope(*backend, 3); }, "check failed");
}

TEST(BackendDeathTest, NoLayerIsNoScope) {
  const std::unique_ptr<Backend> backend = make_backend(cpu("scalar", 1));
  EXPECT_DEATH({ const Backend::LayerScope scope(*backend, kNoLayer); }, "check failed");
}

TEST(BackendDeathTest, ChecksOperandsBeforeItRuns) {
  std::array<float, 64> memory = {};
  const std::unique_ptr<Backend> backend = make_backend(cpu("scalar", 1));
  const Relu bad = {{memory.data(), {4, 4}}, {memory.data(), {4, 5}}};
  EXPECT_DEATH(backend->relu(bad), "check failed");
}

}  // namespace
}  // namespace reprise::engine
