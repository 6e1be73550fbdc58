#include "harness/clock/page_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <sstream>

#include "engine/core/error.h"

namespace reprise::harness::detail {
namespace {

constexpr const char* kSmaps =
    "7f0000000000-7f0000200000 rw-p 00000000 00:00 0 \n"
    "Size:               2048 kB\n"
    "AnonHugePages:      1024 kB\n"
    "VmFlags: rd wr mr mw me ac\n"
    "7f0000400000-7f0000800000 rw-p 00000000 00:00 0    [heap]\n"
    "Rss:                4096 kB\n"
    "AnonHugePages:      4096 kB\n";

TEST(HugeBytes, AreThoseOfTheMappingThatStartsThere) {
  const auto huge_bytes = [](std::uintptr_t address, const std::string& text) {
    std::istringstream smaps(text);
    return huge_bytes_of(smaps, address);
  };
  EXPECT_EQ(huge_bytes(0x7f0000000000, kSmaps), 1024 * 1024);
  EXPECT_EQ(huge_bytes(0x7f0000400000, kSmaps), 4096 * 1024);
  EXPECT_EQ(huge_bytes(0x7f0000200000, kSmaps), 0);  // an end, not a start
  EXPECT_EQ(huge_bytes(0x7f0000000000, ""), 0);
  EXPECT_EQ(huge_bytes(0x7f0000000000, "7f0000000000-\nAnonHugePages: many kB\n"), 0);
}

TEST(PageBuffer, HoldsTheWordsAskedFor) {
  for (const PageSize pages : {PageSize::small, PageSize::huge}) {
    const PageBuffer buffer((std::size_t{5} << 20) + 8, pages);
    EXPECT_EQ(buffer.words().size_bytes(), (std::size_t{5} << 20) + 8);
    std::fill(buffer.words().begin(), buffer.words().end(), 7);
    EXPECT_EQ(buffer.words().back(), 7U);
  }
}

TEST(PageBuffer, SmallPagesAreNeverHuge) {
  const PageBuffer buffer(std::size_t{8} << 20, PageSize::small);
  std::fill(buffer.words().begin(), buffer.words().end(), 1);
  EXPECT_EQ(buffer.huge_page_fraction(), 0);
}

TEST(PageBuffer, HugePagesAreAShareEvenBesideAnotherBuffer) {
  const PageBuffer first(std::size_t{8} << 20, PageSize::huge);
  const PageBuffer second(std::size_t{8} << 20, PageSize::huge);
  EXPECT_EQ(first.huge_page_fraction(), 0);  // untouched
  std::fill(second.words().begin(), second.words().end(), 1);
  EXPECT_EQ(first.huge_page_fraction(), 0);  // as listed apart from its neighbour
  EXPECT_GE(second.huge_page_fraction(), 0);
  EXPECT_LE(second.huge_page_fraction(), 1);
}

TEST(PageBuffer, TooMuchIsAnErrorAndNothingLeaks) {
  try {
    const PageBuffer buffer(std::numeric_limits<std::size_t>::max() / 4, PageSize::small);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_NE(std::string(error.what()).find("roofline: expected 4611686018427387903 bytes of memory"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace reprise::harness::detail
