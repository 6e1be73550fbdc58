#include "engine/text/utf8.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <random>

namespace reprise::engine {
namespace {

/// With "?" for U+FFFD, which reads better.
std::string replaced(std::string_view bytes) {
  std::string text = replace_invalid_utf8(bytes);
  for (std::size_t i = text.find(kReplacement); i != std::string::npos; i = text.find(kReplacement)) {
    text.replace(i, kReplacement.size(), 1, '?');
  }
  return text;
}

// The Unicode Standard 15, tables 3-8 to 3-11.
TEST(Utf8, ReplacesMaximalSubpartsAsTheUnicodeStandardShows) {
  EXPECT_EQ(replaced("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), "????????A");
  EXPECT_EQ(replaced("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), "????????A");
  EXPECT_EQ(replaced("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), "?????A??B");
  EXPECT_EQ(replaced("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "????A");
}

TEST(Utf8, TellsACutCharacterFromAnInvalidOne) {
  EXPECT_EQ(first_utf8_step("\xF0\x9F\xA6").kind, Utf8Kind::cut);
  EXPECT_EQ(first_utf8_step("\xF0\x9F\xA6").size, 3);
  EXPECT_EQ(first_utf8_step("\xF0\x9Fx").kind, Utf8Kind::invalid);
  EXPECT_EQ(first_utf8_step("\xF0\x9Fx").size, 2);
  EXPECT_EQ(first_utf8_step("\xF0\x9F\xA6\x99x").code_point, 0x1F999);
}

TEST(Utf8, EveryCodePointRoundTrips) {
  for (std::uint32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) {
      continue;
    }
    unsigned char bytes[4];
    const auto size = static_cast<std::size_t>(utf8proc_encode_char(static_cast<int>(code_point), bytes));
    const Utf8Step step = first_utf8_step({reinterpret_cast<const char*>(bytes), size});
    ASSERT_EQ(step.kind, Utf8Kind::character);
    ASSERT_EQ(step.size, size);
    ASSERT_EQ(step.code_point, code_point);
  }
}

TEST(Nfc, ComposesAndOrders) {
  EXPECT_EQ(to_nfc("plain"), "plain");
  EXPECT_EQ(to_nfc("e\u0301"), "\u00E9");
  EXPECT_EQ(to_nfc("q\u0307\u0323"), "q\u0323\u0307") << "canonical order";
  EXPECT_EQ(to_nfc("\u212B"), "\u00C5") << "singleton";
  EXPECT_EQ(to_nfc("\u0958"), "\u0915\u093C") << "composition exclusion";
  EXPECT_EQ(to_nfc("\u1112\u1161\u11AB"), "\uD55C") << "Hangul";
  EXPECT_EQ(to_nfc("\uFB01"), "\uFB01") << "compatibility characters stay";
  EXPECT_EQ(to_nfc(std::string_view("\0\u0301", 3)), std::string_view("\0\u0301", 3));
}

TEST(Nfc, EqualsUtf8procOnRandomText) {
  std::mt19937 random(1);
  const std::uint32_t alphabet[] = {'a',    'e',    'o',    0x300,  0x301,  0x323,  0x328,  0x345,  0x5B0,
                                    0x1100, 0x1161, 0x11A8, 0xAC00, 0x1E0B, 0x0F73, 0x212B, 0x1D15E};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto i = random() % 12; i > 0; --i) {
      unsigned char bytes[4];
      const auto n = utf8proc_encode_char(static_cast<int>(alphabet[random() % std::size(alphabet)]), bytes);
      text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
    }
    unsigned char* expected = utf8proc_NFC(reinterpret_cast<const unsigned char*>(text.c_str()));
    EXPECT_EQ(to_nfc(text), reinterpret_cast<const char*>(expected));
    std::free(expected);
  }
}

// utf8proc's own ordering of this takes minutes.
TEST(Nfc, SortsALongRunOfMarksInReasonableTime) {
  constexpr std::size_t kPairs = 100'000;
  std::string mixed = "e";
  for (std::size_t i = 0; i < kPairs; ++i) {
    mixed += "\u0301\u0323";
  }
  const std::string sorted = to_nfc(mixed);
  EXPECT_TRUE(sorted.starts_with("\u1EB9\u0323\u0323"));
  EXPECT_TRUE(sorted.ends_with("\u0301\u0301"));
  EXPECT_EQ(sorted.size(), 3 + 2 * (2 * kPairs - 1));
}

TEST(CharacterClasses, AreThoseOfUnicode) {
  for (const std::uint32_t c : {0x09U, 0x20U, 0x85U, 0xA0U, 0x2003U, 0x3000U}) {
    EXPECT_TRUE(is_white_space(c)) << c;
    EXPECT_FALSE(is_word_character(c)) << c;
  }
  for (const std::uint32_t c : {0x41U, 0x5FU, 0x39U, 0xE9U, 0x301U, 0x4E16U, 0x2167U, 0x24B6U, 0x200DU}) {
    EXPECT_TRUE(is_word_character(c)) << c;
    EXPECT_FALSE(is_white_space(c)) << c;
  }
  for (const std::uint32_t c : {0x2DU, 0x200BU, 0x180EU, 0x1F999U, 0xBDU}) {
    EXPECT_FALSE(is_white_space(c) || is_word_character(c)) << c;
  }
}

}  // namespace
}  // namespace reprise::engine
