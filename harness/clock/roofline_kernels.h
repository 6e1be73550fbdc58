/// The two inner loops that measure_roofline times, one pair per instruction set: a sum that must read every
/// byte, and chains of fused multiply-adds that must not wait for each other. Measuring tools, not engine
/// kernels. Used by roofline.cpp and its test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace reprise::harness::detail {

/// Words per step of `sum`: buffers are a multiple of this.
inline constexpr std::size_t kWordsPerStep = 64;

struct RooflineKernels {
  std::string_view isa;
  /// The sum of all words modulo 2^64; words.size() is a multiple of kWordsPerStep.
  std::uint64_t (*sum)(std::span<const std::uint64_t> words);
  /// Takes the lanes of chain j, counted from 1, from x = j through `iterations` of x = x * factor + addend;
  /// returns the sum of all lanes of all chains.
  float (*multiply_add)(std::int64_t iterations, float factor, float addend);
  std::string_view load_instruction;
  std::string_view multiply_add_instruction;
  int n_chains;
  int lanes_per_chain;  ///< an iteration is 2 flops in each lane of each chain
};

/// The words of one member: equal parts of whole steps; what is left over at the end is nobody's.
std::span<std::uint64_t> part_of(std::span<std::uint64_t> words, int member, int members);

/// The pairs that this processor can run, widest last.
std::vector<RooflineKernels> supported_roofline_kernels();

}  // namespace reprise::harness::detail
