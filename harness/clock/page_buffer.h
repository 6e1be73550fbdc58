/// Memory in pages of a chosen size, and what the kernel made of the choice: how fast memory is read depends
/// on how often an address must be looked up. Not an allocator. Used by roofline.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <span>

#include "harness/clock/machine.h"

namespace reprise::harness::detail {

class PageBuffer {
 public:
  /// Errors: Error out_of_memory. Pages are placed where they are first touched.
  PageBuffer(std::size_t bytes, PageSize pages);
  ~PageBuffer();
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  /// `bytes` of them, rounded down.
  [[nodiscard]] std::span<std::uint64_t> words() const { return words_; }
  /// The share of the memory that is in huge pages now, 0 where the kernel does not tell.
  [[nodiscard]] double huge_page_fraction() const;

 private:
  std::span<std::byte> reserved_;
  std::span<std::byte> memory_;  ///< whole huge pages within
  std::span<std::uint64_t> words_;
};

/// Bytes in huge pages of the mapping that starts at `address`, by the lines of /proc/self/smaps; 0 when
/// there is no such mapping.
std::int64_t huge_bytes_of(std::istream& smaps, std::uintptr_t address);

}  // namespace reprise::harness::detail
