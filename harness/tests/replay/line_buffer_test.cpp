#include "harness/replay/line_buffer.h"

#include <gtest/gtest.h>

#include <vector>

namespace reprise::harness {
namespace {

TEST(LineBuffer, GivesTheSameLinesHoweverTheyArrive) {
  const std::string text = "one\n\nthree is longer\nfour\nrest";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    LineBuffer buffer;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      buffer.append(std::string_view(text).substr(at, piece));
      while (buffer.has_line()) {
        lines.push_back(buffer.take_line());
      }
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "three is longer", "four"})) << piece;
    EXPECT_EQ(buffer.size_bytes(), 4U);
    EXPECT_EQ(buffer.line_bytes(), 4U);
  }
}

TEST(LineBuffer, KnowsHowLongTheNextLineIs) {
  LineBuffer buffer;
  EXPECT_EQ(buffer.line_bytes(), 0U);
  buffer.append("ab");
  EXPECT_EQ(buffer.line_bytes(), 2U);
  buffer.append("c\nlonger line");
  EXPECT_EQ(buffer.line_bytes(), 3U);
  buffer.take_line();
  EXPECT_EQ(buffer.line_bytes(), 11U);
}

TEST(LineBufferDeathTest, ALineMustBeThere) {
  LineBuffer buffer;
  buffer.append("half");
  EXPECT_DEATH(buffer.take_line(), "check failed: has_line");
}

}  // namespace
}  // namespace reprise::harness
