/// Bit equality of the instruction sets: one kernel on every table that this machine can run, in one to four
/// slices, and on GPUs, emulated ones and this machine's, against the reference.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/reference/reference.h"
#include "engine/tests/kernels/base_reference.h"
#include "engine/tests/kernels/gpu_operands.h"

namespace reprise::engine::testing {

/// Memory for a kernel's output between two guards, all poisoned with a byte that is a NaN in f32, f16 and
/// bf16 and that no kernel computes.
class Output {
 public:
  static constexpr std::byte kPoison{0xff};

  explicit Output(std::size_t size_bytes) : bytes_(size_bytes + 2 * kGuard, kPoison) {}
  /// For operations in place: starts as `values`.
  explicit Output(std::span<const float> values) : Output(values.size_bytes()) {
    std::ranges::copy(std::as_bytes(values), data());
  }
  static Output of_floats(std::int64_t n) { return Output(static_cast<std::size_t>(n) * sizeof(float)); }

  [[nodiscard]] std::byte* data() { return bytes_.data() + kGuard; }
  [[nodiscard]] float* floats() { return reinterpret_cast<float*>(data()); }
  [[nodiscard]] std::size_t size_bytes() const { return bytes_.size() - 2 * kGuard; }
  [[nodiscard]] bool operator==(const Output&) const = default;

  [[nodiscard]] bool guards_intact() const {
    for (std::size_t i = 0; i < kGuard; ++i) {
      if (bytes_[i] != kPoison || bytes_[bytes_.size() - 1 - i] != kPoison) {
        return false;
      }
    }
    return true;
  }
  /// Whether every f32 was written.
  [[nodiscard]] bool all_floats_written() {
    for (std::size_t i = 0; i < size_bytes(); i += sizeof(float)) {
      if (std::all_of(data() + i, data() + i + sizeof(float), [](std::byte b) { return b == kPoison; })) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 256;

  std::vector<std::byte> bytes_;
};

template <class Op>
using KernelMember = void (*KernelTable::*)(const Op&, Slice);

/// Runs one slice in a workspace of exactly the promised size, full of NaN, on memory of its own (which
/// AddressSanitizer watches).
template <class Op>
void run_slice(const KernelTable& table, KernelMember<Op> kernel, const std::type_identity_t<Op>& op,
               int index, int count) {
  const std::size_t n_bytes = workspace_bytes(table, op);
  const std::unique_ptr<std::byte, decltype(&std::free)> memory(
      static_cast<std::byte*>(std::aligned_alloc(64, n_bytes + (64 - n_bytes % 64) % 64)), &std::free);
  std::memset(memory.get(), 0xff, n_bytes);
  (table.*kernel)(op, {index, count, memory.get()});
}

/// Runs all slices, the last one first when asked: no slice may depend on another.
template <class Op>
void run_slices(const KernelTable& table, KernelMember<Op> kernel, const Op& op, int count, bool backwards) {
  for (int i = 0; i < count; ++i) {
    run_slice<Op>(table, kernel, op, backwards ? count - 1 - i : i, count);
  }
}

inline std::string first_difference(Output expected, Output found) {
  for (std::size_t i = 0; i < expected.size_bytes(); i += 2) {
    if (std::memcmp(expected.data() + i, found.data() + i, 2) != 0) {
      const std::size_t word = i / sizeof(float);
      return fmt::format("byte {}, as f32 element {}: expected {:a}, found {:a}", i, word,
                         expected.floats()[word], found.floats()[word]);
    }
  }
  return "a guard beside the output was overwritten";
}

/// `make(std::byte* out) -> Op` builds the operation over output memory that starts as a copy of `blank`.
template <class Op, class Make>
::testing::AssertionResult same_bits_on_every_isa(KernelMember<Op> kernel, const Output& blank, Make&& make) {
  Output expected = blank;
  const Op reference = make(expected.data());
  check(reference);
  run_slice<Op>(kernels::reference_kernels(), kernel, reference, 0, 1);
  if (!expected.guards_intact()) {
    return ::testing::AssertionFailure() << "the reference wrote outside its output";
  }
  Output from_base = blank;
  run_slice<Op>(base_reference_kernels(), kernel, make(from_base.data()), 0, 1);
  if (!(from_base == expected)) {
    return ::testing::AssertionFailure() << "the reference differs between machines with and without FMA at "
                                         << first_difference(from_base, expected);
  }
  for (const std::string_view isa : kernels::available_isas()) {
    const KernelTable& table = kernels::cpu_kernels(isa);
    if (table.isa != isa) {
      return ::testing::AssertionFailure() << "asked for " << isa << ", got " << table.isa;
    }
    for (int count = 1; count <= 4; ++count) {
      Output found = blank;
      const Op op = make(found.data());
      run_slices<Op>(table, kernel, op, count, count % 2 == 0);
      if (!(found == expected)) {
        return ::testing::AssertionFailure()
               << isa << " in " << count << " slices differs from the reference at "
               << first_difference(expected, found);
      }
    }
  }
  static std::size_t n_cases = 0;
  for (const auto& gpu : gpus_of_case(n_cases++)) {
    Output found = blank;
    run_on_gpu(*gpu, make(found.data()));
    if (!(found == expected)) {
      return ::testing::AssertionFailure()
             << "the GPU " << gpu->info().architecture << " differs from the reference at "
             << first_difference(expected, found);
    }
  }
  return ::testing::AssertionSuccess();
}

/// The same for operations whose output is all f32 and all written.
template <class Op, class Make>
::testing::AssertionResult writes_same_floats_on_every_isa(KernelMember<Op> kernel, std::int64_t n_out,
                                                           Make&& make) {
  const Output blank = Output::of_floats(n_out);
  Output written = blank;
  run_slice<Op>(kernels::reference_kernels(), kernel, make(written.data()), 0, 1);
  if (!written.all_floats_written()) {
    return ::testing::AssertionFailure() << "the reference left part of its output unwritten";
  }
  return same_bits_on_every_isa<Op>(kernel, blank, make);
}

inline TensorView<float> floats_at(std::byte* memory, Shape shape) {
  return {reinterpret_cast<float*>(memory), shape};
}

/// Notes in the test's record which instruction sets it ran on.
inline void record_isas() {
  ::testing::Test::RecordProperty("isas", fmt::format("{}", fmt::join(kernels::available_isas(), ",")));
}

}  // namespace reprise::engine::testing
