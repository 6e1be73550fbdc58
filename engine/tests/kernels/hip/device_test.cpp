// A GPU as its runtime's errors, copies, recordings and clocks show it; emulated. What its kernels compute is
// tested with those of all other backends.
#include "engine/kernels/hip/device.h"

#include <gmock/gmock.h>

#include <cstring>

#include "engine/kernels/hip/emulation/emulation.h"
#include "engine/kernels/reference/reference.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine::kernels {
namespace {

using reprise::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Values in a device's memory.
class Memory {
 public:
  Memory(HipDevice& device, const std::vector<float>& values)
      : device_(device), n_(values.size()), memory_(device.allocate(n_ * sizeof(float)), {device.release()}) {
    device.copy_in(memory_.get(), std::as_bytes(std::span(values)));
  }

  [[nodiscard]] TensorView<float> as(Shape shape) const {
    return {reinterpret_cast<float*>(memory_.get()), shape};
  }
  [[nodiscard]] std::vector<float> values() const {
    std::vector<float> values(n_);
    device_.copy_out(std::as_writable_bytes(std::span(values)), memory_.get());
    return values;
  }

 private:
  struct Release {
    HipDevice::Release release;
    void operator()(std::byte* memory) const { release(memory, 0); }
  };

  HipDevice& device_;
  std::size_t n_;
  std::unique_ptr<std::byte, Release> memory_;
};

std::unique_ptr<HipDevice> device(int index = 0) {
  return emulated_world().open_device(index);
}

/// Embeds a token, and adds its position's row.
struct EmbedWithPosition {
  explicit EmbedWithPosition(HipDevice& device)
      : table(device, ordered({1, 2, 3, 4, 5, 6})),
        positions(device, ordered({10, 20, 30, 40})),
        out(device, {0, 0}) {}

  /// Rows of two elements, in the order of the device: padded to 64 elements.
  static std::vector<float> ordered(const std::vector<float>& rows) {
    std::vector<float> ordered(rows.size() / 2 * 64);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ordered[i / 2 * 64 + i % 2 * 4] = rows[i];
    }
    return ordered;
  }
  [[nodiscard]] Program program() const {
    static const TokenId any = 0;
    const Embed op = {out.as({1, 2}),
                      {DType::f32, reinterpret_cast<const std::byte*>(table.as({3, 2}).data()), {3, 2}},
                      {&any, 1},
                      {DType::f32, reinterpret_cast<const std::byte*>(positions.as({2, 2}).data()), {2, 2}},
                      0};
    return {{without_position(&op)}, 0};
  }

  Memory table;
  Memory positions;
  Memory out;
};

TEST(HipDevice, TellsWhatItIs) {
  ASSERT_EQ(emulated_world().device_count(), 2);
  EXPECT_EQ(device(0)->info().architecture, "wave32");
  EXPECT_EQ(device(1)->info().architecture, "wave64");
  EXPECT_GT(device()->info().memory_bytes, 0U);
}

TEST(HipDevice, MemoryIsZeroedAndCounted) {
  const auto gpu = device();
  const std::size_t before = gpu->free_bytes();
  std::byte* const memory = gpu->allocate(1000);
  EXPECT_LE(gpu->free_bytes() + 1000, before);
  std::vector<std::byte> bytes(1000, std::byte{1});
  gpu->copy_out(bytes, memory);
  EXPECT_THAT(bytes, ::testing::Each(std::byte{0}));
  gpu->release()(memory, 1000);
  EXPECT_EQ(gpu->free_bytes(), before);
}

TEST(HipDevice, StartsAProgramWithEachInput) {
  for (const int index : {0, 1}) {
    const auto gpu = device(index);
    const EmbedWithPosition embed(*gpu);
    const Program program = embed.program();
    for (const TokenId token : {0, 2, 1}) {
      const std::vector<TokenId> tokens = {token};
      gpu->start(program, {tokens, 1});
      EXPECT_THAT(embed.out.values(), ElementsAre(31.0F + 2.0F * static_cast<float>(token),
                                                  42.0F + 2.0F * static_cast<float>(token)));
    }
  }
}

TEST(HipDevice, ARecordingDoesTheSameWithEachInput) {
  const auto gpu = device();
  const EmbedWithPosition embed(*gpu);
  const auto recording = gpu->record(embed.program());
  EXPECT_THAT(embed.out.values(), ElementsAre(0, 0)) << "recording is not doing";
  for (const TokenId token : {2, 0}) {
    const std::vector<TokenId> tokens = {token};
    gpu->start(*recording, {tokens, 0});
    EXPECT_THAT(embed.out.values(), ElementsAre(11.0F + 2.0F * static_cast<float>(token),
                                                22.0F + 2.0F * static_cast<float>(token)));
  }
  // Memory that a longer program needs meanwhile is not the recording's.
  const std::vector<TokenId> many(5000, 1);
  const Memory wide(*gpu, std::vector<float>(10000));
  const auto embedded = std::get<Embed>(embed.program().operations().front());
  const Embed all = {wide.as({5000, 2}), embedded.table, many, {}, 0};
  gpu->start(Program({without_position(&all)}, 0), {many, 0});
  EXPECT_THAT(wide.values(), ::testing::Contains(3.0F).Times(5000));
  const std::vector<TokenId> tokens = {1};
  gpu->start(*recording, {tokens, 1});
  EXPECT_THAT(embed.out.values(), ElementsAre(33, 44));
}

TEST(HipDevice, TimesEveryLaunchAndCopy) {
  const auto gpu = device();
  const EmbedWithPosition embed(*gpu);
  const std::vector<TokenId> tokens = {1};
  gpu->start(embed.program(), {tokens, 0});
  EXPECT_TRUE(gpu->take_times().empty()) << "timed without being asked";
  gpu->time(true);
  for (int round = 0; round < 3; ++round) {
    gpu->start(embed.program(), {tokens, 0});
    static_cast<void>(embed.out.values());
    const std::vector<TimedWork> times = gpu->take_times();
    ASSERT_EQ(times.size(), 3U);
    EXPECT_EQ(times[0].name, "copy_host_to_device");
    EXPECT_EQ(times[1].name, "embed");
    EXPECT_EQ(times[2].name, "copy_device_to_host");
    EXPECT_EQ(times[2].cost.bytes, 8);
    EXPECT_EQ(times[1].cost.bytes, cost_of(std::get<Embed>(embed.program().operations().front())).bytes);
    EXPECT_THAT((std::vector{times[0].n_operations, times[1].n_operations, times[2].n_operations}),
                ElementsAre(0, 1, 0));
    for (const TimedWork& work : times) {
      EXPECT_GE(work.seconds, 0);
      EXPECT_GE(work.idle_seconds, 0);
    }
    EXPECT_EQ(times[0].idle_seconds > 0, round > 0) << "the first work of all follows nothing";
  }
  gpu->time(false);
  gpu->start(embed.program(), {tokens, 0});
  EXPECT_TRUE(gpu->take_times().empty());
}

TEST(HipDevice, MeasuresItsRates) {
  emulation::set_memory_bytes(1 << 20);
  const auto gpu = device();
  const std::size_t before = gpu->free_bytes();
  const DeviceRates rates = gpu->measure_rates();
  EXPECT_GT(rates.copy_bytes_per_second, 0);
  EXPECT_GT(rates.f32_flops_per_second, 0);
  EXPECT_GT(rates.bf16_flops_per_second, 0);
  EXPECT_EQ(gpu->free_bytes(), before);
  emulation::set_memory_bytes(0);
}

TEST(HipDevice, SaysWhatWasNeededAndWhatIsFree) {
  emulation::set_memory_bytes(1 << 20);
  const auto gpu = device();
  const Error error = error_of([&] { gpu->allocate(3 << 20); });
  emulation::set_memory_bytes(0);
  EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
  EXPECT_THAT(error.what(),
              ::testing::MatchesRegex("memory: expected 3145728 bytes to be available on emulated GPU, "
                                      "waves of 32, found [0-9]+"));
}

TEST(HipDevice, WorksOnAfterAProgramThatDidNotFit) {
  emulation::set_memory_bytes(1 << 20);
  const auto gpu = device();
  const EmbedWithPosition embed(*gpu);
  const std::vector<TokenId> many(1 << 18, 1);
  const auto embedded = std::get<Embed>(embed.program().operations().front());
  const Embed all = {embedded.out, embedded.table, many, {}, 0};
  const Program too_large({without_position(&all)}, 0);
  EXPECT_EQ(error_of([&] { gpu->start(too_large, {many, 0}); }).code(), ErrorCode::out_of_memory);
  EXPECT_EQ(error_of([&] { gpu->record(too_large); }).code(), ErrorCode::out_of_memory);
  const std::vector<TokenId> one = {2};
  gpu->start(embed.program(), {one, 0});
  EXPECT_THAT(embed.out.values(), ElementsAre(15, 26));
  emulation::set_memory_bytes(0);
}

/// All that a decoder asks of a device.
void use_everything() {
  const auto gpu = device();
  const EmbedWithPosition embed(*gpu);
  const std::vector<TokenId> tokens = {1};
  gpu->time(true);
  gpu->start(embed.program(), {tokens, 0});
  gpu->take_times();
  const auto recording = gpu->record(embed.program());
  gpu->start(*recording, {tokens, 0});
  static_cast<void>(gpu->read(reinterpret_cast<const std::byte*>(embed.out.as({2}).data()), 8));
  static_cast<void>(gpu->free_bytes());
}

TEST(HipDevice, EveryCallOfTheRuntimeThatFailsEndsTheWork) {
  for (const char* call :
       {"hipGetDeviceProperties", "hipSetDevice", "hipMalloc", "hipHostMalloc", "hipMemGetInfo",
        "hipStreamCreate", "hipStreamSynchronize", "hipMemcpyAsync", "hipMemsetAsync", "hipEventCreate",
        "hipEventRecord", "hipEventElapsedTime", "hipStreamBeginCapture", "hipStreamEndCapture",
        "hipGraphInstantiate", "hipGraphLaunch"}) {
    emulation::fail_call(call, 1, hipErrorLaunchFailure);
    const Error error = error_of(use_everything);
    EXPECT_EQ(error.code(), ErrorCode::device_failed) << call;
    EXPECT_THAT(error.what(), StartsWith("gpu: ")) << call;
    EXPECT_THAT(error.what(), HasSubstr("(engine/kernels/hip/")) << call;
    EXPECT_THAT(error.what(), HasSubstr("found hipErrorLaunchFailure: a kernel failed")) << call;
    EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("\n"))) << call;
  }
  use_everything();
}

TEST(HipDevice, ALaunchThatFailsEndsTheWork) {
  emulation::fail_call("launch", 1, hipErrorInvalidValue);
  const Error error = error_of(use_everything);
  EXPECT_EQ(error.code(), ErrorCode::device_failed);
  EXPECT_THAT(error.what(),
              ::testing::MatchesRegex("gpu: hipGetLastError\\(\\) \\(engine/kernels/hip/device.hip:[0-9]+"
                                      "\\): expected success, found hipErrorInvalidValue: invalid "
                                      "argument"));
  use_everything();
}

}  // namespace
}  // namespace reprise::engine::kernels
