// Compressed texts, taken apart by zlib itself, which also checks the sum and the length at their end.
#include "engine/io/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace reprise::engine {
namespace {

/// What one gzip member holds; fails the test where it is none, or is not all there is.
std::string inflated(std::string bytes) {
  constexpr int kGzipOnly = 15 + 16;
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, kGzipOnly), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  int state = Z_OK;
  while (state == Z_OK) {
    char buffer[1 << 14];
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer, sizeof buffer - stream.avail_out);
  }
  EXPECT_EQ(state, Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0U) << "bytes after the member's end";
  inflateEnd(&stream);
  return text;
}

/// Bytes that no compression makes shorter.
std::string random_bytes(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(n, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random() & 0xFFU);
  }
  return bytes;
}

TEST(Gzip, OfNothingIsAMemberOfNothing) {
  EXPECT_EQ(inflated(gzip("")), "");
}

TEST(Gzip, ComesBackAsItWas) {
  const std::string with_zeros("a\0b\n\0", 5);
  for (const std::string& text : {std::string("x"), std::string("{\"rows\": []}\n"), with_zeros}) {
    EXPECT_EQ(inflated(gzip(text)), text);
  }
}

/// Longer than any buffer on the way, in and out.
TEST(Gzip, OfAMegabyteThatDoesNotShrinkComesBack) {
  const std::string text = random_bytes(1 << 20, 11);
  EXPECT_TRUE(inflated(gzip(text)) == text);
}

TEST(Gzip, OfRepeatsIsFarSmaller) {
  std::string text;
  while (text.size() < 5'000'000) {
    text += "\"layer\": 17, \"name\": \"rms_norm+linear\",\n";
  }
  const std::string bytes = gzip(text);
  EXPECT_LT(bytes.size(), text.size() / 100);
  EXPECT_TRUE(inflated(bytes) == text);
}

TEST(Gzip, EqualTextsAreEqualBytes) {
  const std::string text = random_bytes(100'000, 12) + std::string(100'000, 'a');
  const std::string same = text;
  EXPECT_TRUE(gzip(text) == gzip(same));
  EXPECT_FALSE(gzip(text) == gzip(text + "a"));
}

TEST(Gzip, HeaderHasNeitherNameNorTime) {
  const std::string bytes = gzip("text");
  ASSERT_GE(bytes.size(), 18U);  // RFC 1952: 10 of a header, 8 of a trailer
  EXPECT_EQ(bytes.substr(0, 3), "\x1f\x8b\x08");
  EXPECT_EQ(bytes.substr(3, 1), std::string(1, '\0')) << "flags: a name, a comment, more fields";
  EXPECT_EQ(bytes.substr(4, 4), std::string(4, '\0')) << "time";
}

}  // namespace
}  // namespace reprise::engine
