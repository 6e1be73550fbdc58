// The backend of GPUs, emulated: where it can be placed, what it starts together, and what it tells.
#include "engine/backends/hip_backend.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <numeric>

#include "engine/core/error.h"
#include "engine/kernels/hip/emulation/emulation.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

using reprise::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Placement emulated(const std::string& isa = "auto") {
  Placement placement;
  placement.backend = "hip-emulated";
  placement.isa = isa;
  return placement;
}

TEST(HipPlacement, TakesTheArchitectureOfItsDevice) {
  EXPECT_EQ(resolved(emulated()).isa, "wave32");
  EXPECT_EQ(resolved(emulated("wave64")).isa, "wave64");
  EXPECT_EQ(resolved(emulated()).threads, 1);
  EXPECT_EQ(memory_of(resolved(emulated("wave64"))), "hip-emulated wave64");
}

TEST(HipPlacement, RefusesWhatAGpuHasNoChoiceIn) {
  Placement threads = emulated();
  threads.threads = 2;
  EXPECT_STREQ(error_of([&] { resolved(threads); }).what(),
               "placement: threads: expected 1 with backend hip-emulated, found 2");
  EXPECT_THAT(error_of([&] { resolved(emulated("gfx90a")); }).what(),
              HasSubstr("placement: isa: expected a device of the architecture gfx90a, found emulated: only "
                        "wave32, wave64"));
  EXPECT_THAT(error_of([&] { resolved(emulated("avx2")); }).what(), HasSubstr("placement: isa: expected"));
}

TEST(HipPlacement, HasBothNumerics) {
  Placement fast = emulated();
  fast.numerics = "fast";
  EXPECT_EQ(resolved(fast).numerics, "fast");
  EXPECT_EQ(resolved(emulated()).numerics, "exact");
}

class Recorder final : public KernelObserver {
 public:
  void on_record(const KernelRecord& record) override {
    n_operations += record.n_operations;
    seconds += record.seconds;
    if (record.name != "host_gap" && record.name != "launch_overhead") {
      names.emplace_back(record.name);
      last_arithmetic = record.cost.arithmetic;
    }
  }
  std::vector<std::string> names;
  Arithmetic last_arithmetic = Arithmetic::f32;
  int n_operations = 0;
  double seconds = 0;
};

/// y = W norm(x), as a decoder would have it, with x of one token.
class NormAndProduct {
 public:
  explicit NormAndProduct(Backend& backend) : backend_(backend) {
    std::iota(host_weight_.begin(), host_weight_.end(), -2000.0F);
    weight_ = backend.import(
        {DType::f32, reinterpret_cast<const std::byte*>(host_weight_.data()), {kWidth, kWidth}}, copies_);
    for (Buffer& buffer : rows_) {
      buffer = backend.allocate(kWidth * sizeof(float));
    }
  }
  std::vector<float> operator()(float first) {
    std::vector<float> x(kWidth, 0.5F);
    x[0] = first;
    backend_.copy_in(rows_[0].data(), std::as_bytes(std::span(x)));
    backend_.rms_norm({row(1), row(0), {}, 1e-6F});
    backend_.linear({row(2), row(1), weight_, {}, {}});
    const auto values = backend_.read(row(2));
    return {values.begin(), values.end()};
  }

 private:
  static constexpr std::int64_t kWidth = 64;
  [[nodiscard]] TensorView<float> row(std::size_t i) const { return rows_[i].as_f32({1, kWidth}); }

  Backend& backend_;
  std::vector<float> host_weight_ = std::vector<float>(kWidth * kWidth);
  std::vector<Buffer> copies_;
  AnyTensorView weight_;
  std::array<Buffer, 3> rows_;
};

TEST(HipBackend, StartsTogetherWhatBelongsTogether) {
  for (const char* isa : {"wave32", "wave64"}) {
    const auto backend = make_backend(emulated(isa));
    const auto reference = make_backend({.backend = "reference"});
    NormAndProduct product(*backend);
    NormAndProduct expected(*reference);
    EXPECT_EQ(product(3.0F), expected(3.0F));
    Recorder recorder;
    backend->observe(&recorder);
    EXPECT_EQ(product(4.0F), expected(4.0F));
    EXPECT_THAT(recorder.names, ElementsAre("copy_host_to_device", "copy_host_to_device", "rms_norm+linear",
                                            "copy_device_to_host"));
    EXPECT_EQ(recorder.n_operations, 2);
    EXPECT_GT(recorder.seconds, 0);
    EXPECT_EQ(backend->n_dispatches(), 4) << "operations, whatever launches they share";
    backend->observe(nullptr);
    EXPECT_EQ(product(5.0F), expected(5.0F));
    EXPECT_EQ(recorder.names.size(), 4U);
  }
}

/// Every record, copies and waiting included.
class Timekeeper final : public KernelObserver {
 public:
  struct Seen {
    std::string name;
    int n_operations;
    double start_seconds;
    double seconds;
    int layer;
    WorkShape shape;
  };
  void on_record(const KernelRecord& record) override {
    records.push_back({std::string(record.name), record.n_operations, record.start_seconds, record.seconds,
                       record.layer, record.shape});
  }
  /// Of the launches: "name layer rows x columns x terms".
  [[nodiscard]] std::vector<std::string> launches() const {
    std::vector<std::string> lines;
    for (const Seen& seen : records) {
      if (seen.n_operations > 0) {
        lines.push_back(fmt::format("{} {} {}x{}x{}", seen.name, seen.layer, seen.shape.rows,
                                    seen.shape.columns, seen.shape.terms));
      }
    }
    return lines;
  }
  std::vector<Seen> records;
};

/// Rows of zeros, a square matrix of zeros, and a cache, for operations in whatever layers.
class Zeros {
 public:
  static constexpr std::int64_t kWidth = 64;
  static constexpr std::int64_t kPositions = 16;

  explicit Zeros(Backend& backend)
      : backend_(backend),
        memory_(backend.allocate(16 * kWidth * sizeof(float))),
        cache_(backend.allocate(kPositions * kWidth * sizeof(float))),
        matrix_(backend.allocate(
            static_cast<std::size_t>(backend.imported_bytes(DType::f32, {kWidth, kWidth})))) {}

  /// Rows of `n` tokens at the i-th place of four tokens.
  [[nodiscard]] TensorView<float> rows(std::int64_t i, std::int64_t n) const {
    return {reinterpret_cast<float*>(memory_.data()) + 4 * i * kWidth, {n, kWidth}};
  }
  void norm_and_product(int norm_layer, int product_layer) {
    {
      const Backend::LayerScope scope(backend_, norm_layer);
      backend_.rms_norm({rows(1, 1), rows(0, 1), {}, 1e-6F});
    }
    const Backend::LayerScope scope(backend_, product_layer);
    backend_.linear({rows(2, 1), rows(1, 1), matrix_.as(DType::f32, {kWidth, kWidth}), {}, {}});
  }
  void relu() { backend_.relu({rows(3, 2), rows(3, 2)}); }
  /// Of two tokens, in one head.
  void attention(int layer, std::int64_t first_position) {
    const Backend::LayerScope scope(backend_, layer);
    const AnyTensorView cache = cache_.as(DType::f32, {1, kPositions, kWidth});
    backend_.attention({rows(0, 2).reshaped({2, 1, kWidth}), rows(1, 2).reshaped({2, 1, kWidth}), cache,
                        cache, first_position, 1});
  }
  void wait() { static_cast<void>(backend_.read(rows(0, 1))); }

 private:
  Backend& backend_;
  Buffer memory_;
  Buffer cache_;
  Buffer matrix_;
};

/// The first operation's layer, though the second is another's; a shape only where there is one operation.
TEST(HipBackend, RecordsOfLaunchesHaveTheFirstOperationsLayer) {
  for (const char* isa : {"wave32", "wave64"}) {
    const auto backend = make_backend(emulated(isa));
    Zeros zeros(*backend);
    Timekeeper seen;
    backend->observe(&seen);
    zeros.norm_and_product(2, 3);
    zeros.relu();
    zeros.attention(3, 5);
    zeros.wait();
    EXPECT_THAT(seen.launches(),
                ElementsAre("rms_norm+linear 2 0x0x0", "relu -1 2x64x0", "attention 3 2x64x7"));
    backend->observe(nullptr);
  }
}

/// Each launch takes the layers of its own operations: also those of a later program, and after operations
/// that nobody observed.
TEST(HipBackend, LayersStayWithTheirOperations) {
  const auto backend = make_backend(emulated());
  Zeros zeros(*backend);
  zeros.attention(9, 0);
  Timekeeper seen;
  backend->observe(&seen);
  zeros.norm_and_product(0, 0);
  backend->submit();
  zeros.attention(1, 0);
  backend->submit();
  zeros.attention(4, 1);
  zeros.attention(5, 2);  // at another position: another program
  zeros.wait();
  zeros.relu();
  zeros.norm_and_product(6, 7);
  backend->observe(nullptr);
  EXPECT_THAT(seen.launches(),
              ElementsAre("rms_norm+linear 0 0x0x0", "attention 1 2x64x2", "attention 4 2x64x3",
                          "attention 5 2x64x4", "relu -1 2x64x0", "rms_norm+linear 6 0x0x0"));
}

TEST(HipBackend, CopiesAndWaitingHaveNeitherLayerNorShape) {
  const auto backend = make_backend(emulated());
  Zeros zeros(*backend);
  Timekeeper seen;
  backend->observe(&seen);
  for (int i = 0; i < 3; ++i) {
    zeros.attention(2, i);
    zeros.wait();
  }
  backend->observe(nullptr);
  std::size_t n_copies = 0;
  for (const Timekeeper::Seen& record : seen.records) {
    if (record.n_operations == 0) {
      n_copies += record.name.starts_with("copy_") ? 1 : 0;
      EXPECT_EQ(record.layer, kNoLayer) << record.name;
      EXPECT_EQ(record.shape, WorkShape()) << record.name;
    }
  }
  EXPECT_EQ(n_copies, 6U) << "of each program its input, and what was read";
}

/// Its clock is what it did and waited for: each record begins where the one before ended.
TEST(HipBackend, RecordsComeInOrderAndNeverOverlap) {
  const auto backend = make_backend(emulated());
  Zeros zeros(*backend);
  Timekeeper seen;
  backend->observe(&seen);
  for (int i = 0; i < 5; ++i) {
    zeros.norm_and_product(0, 0);
    zeros.attention(1, i);
    zeros.wait();
  }
  backend->observe(nullptr);
  ASSERT_GE(seen.records.size(), 5U * 4U);
  const double zero = seen.records.front().start_seconds;
  double sum = 0;
  for (std::size_t i = 0; i < seen.records.size(); ++i) {
    const Timekeeper::Seen& record = seen.records[i];
    if (i > 0) {
      const Timekeeper::Seen& before = seen.records[i - 1];
      EXPECT_GE(record.start_seconds, before.start_seconds + before.seconds)
          << record.name << ", record " << i;
    }
    EXPECT_NEAR(record.start_seconds - zero, sum, 1e-12) << record.name << ", record " << i;
    sum += record.seconds;
  }
}

/// What was done before is told of, as ever.
TEST(HipBackend, AProgramThatFindsNoMemoryLeavesTheRecordsOfThoseBefore) {
  const auto backend = make_backend(emulated());
  Zeros zeros(*backend);
  std::vector<Buffer> copies;
  const std::vector<float> host(8 * Zeros::kWidth);
  const AnyTensorView table = backend->import(
      {DType::f32, reinterpret_cast<const std::byte*>(host.data()), {8, Zeros::kWidth}}, copies);
  const std::array<TokenId, 4> tokens = {1, 2, 3, 4};
  Timekeeper seen;
  backend->observe(&seen);
  zeros.relu();
  backend->submit();
  backend->embed({zeros.rows(0, 4), table, tokens, {}, 0});
  kernels::emulation::fail_call("hipMalloc", 1, hipErrorOutOfMemory);  // of memory for four tokens
  EXPECT_EQ(error_of([&] { backend->submit(); }).code(), ErrorCode::out_of_memory);
  kernels::emulation::fail_call("", 0, 0);
  backend->observe(nullptr);
  EXPECT_THAT(seen.launches(), ElementsAre("relu -1 2x64x0"));
}

TEST(HipBackend, FastNumericsRoundTheActivationsOfManyTokens) {
  std::vector<Bf16> ones(32 * 64, to_bf16(1.0F));
  const AnyTensorView weight = {DType::bf16, reinterpret_cast<const std::byte*>(ones.data()), {32, 64}};
  const std::vector<float> x(16 * 64, 1.0F + 0x1p-9F);  // to bf16: 1
  for (const auto& [numerics, expected, arithmetic] :
       {std::tuple{"exact", 64.0F + 0x1p-3F, Arithmetic::f32}, {"fast", 64.0F, Arithmetic::bf16_dot}}) {
    Placement placement = emulated();
    placement.numerics = numerics;
    const auto backend = make_backend(resolved(placement));
    std::vector<Buffer> copies;
    const AnyTensorView there = backend->import(weight, copies);
    const Buffer in = backend->allocate(x.size() * sizeof(float));
    const Buffer out = backend->allocate(16 * 32 * sizeof(float));
    backend->copy_in(in.data(), std::as_bytes(std::span(x)));
    Recorder recorder;
    backend->observe(&recorder);
    backend->linear({out.as_f32({16, 32}), in.as_f32({16, 64}), there, {}, {}});
    backend->submit();
    backend->observe(nullptr);
    EXPECT_EQ(recorder.last_arithmetic, arithmetic) << numerics;
    EXPECT_EQ(backend->read(out.as_f32({16, 32}))[5 * 32 + 7], expected) << numerics;
  }
}

TEST(HipBackend, TheSameTokenAgainIsARecording) {
  const auto backend = make_backend(emulated());
  std::vector<float> rows(64 * 3, 1.0F);
  std::vector<Buffer> copies;
  const AnyTensorView table =
      backend->import({DType::f32, reinterpret_cast<const std::byte*>(rows.data()), {3, 64}}, copies);
  const Buffer out = backend->allocate(64 * sizeof(float));
  const auto embed = [&](TokenId token) {
    backend->embed({out.as_f32({1, 64}), table, {&token, 1}, {}, 0});
    static_cast<void>(backend->read(out.as_f32({1, 64})));
  };
  // What fails here is called when a program comes for the second time, and no sooner or later.
  kernels::emulation::fail_call("hipGraphInstantiate", 1, hipErrorOutOfMemory);
  embed(0);
  EXPECT_THAT(error_of([&] { embed(1); }).what(), HasSubstr("hipErrorOutOfMemory"));
  embed(2);
  kernels::emulation::fail_call("hipGraphInstantiate", 1, hipErrorOutOfMemory);
  embed(0);
  kernels::emulation::fail_call("", 0, 0);
}

TEST(HipBackend, SaysHowMuchMemoryAllOfItWouldTake) {
  kernels::emulation::set_memory_bytes(1 << 20);
  const auto backend = make_backend(emulated());
  const Error error = error_of([&] { backend->expect_room(5 << 20, "weights"); });
  backend->expect_room(1000, "weights");
  kernels::emulation::set_memory_bytes(0);
  EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
  EXPECT_THAT(error.what(),
              ::testing::MatchesRegex("memory: expected 5242880 bytes for weights to be available on "
                                      "emulated GPU, waves of 32, found [0-9]+"));
}

TEST(HipBackend, AFailureEndsTheWorkAndIsNotRepeated) {
  const auto backend = make_backend(emulated());
  NormAndProduct product(*backend);
  kernels::emulation::fail_call("launch", 1, hipErrorLaunchFailure);
  EXPECT_EQ(error_of([&] { product(1.0F); }).code(), ErrorCode::device_failed);
  EXPECT_EQ(product(2.0F).size(), 64U) << "what failed was started again";
}

}  // namespace
}  // namespace reprise::engine
