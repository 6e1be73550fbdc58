#include "engine/text/byte_alphabet.h"

#include <gtest/gtest.h>

#include <set>

namespace reprise::engine {
namespace {

// From GPT-2's `bytes_to_unicode`, at the ends of its ranges.
TEST(ByteAlphabet, SpellsBytesAsGpt2Does) {
  EXPECT_EQ(spell_bytes(" a\n"), "\u0120a\u010A");
  EXPECT_EQ(spell_bytes(std::string_view("\0", 1)), "\u0100");
  EXPECT_EQ(spell_bytes("!~\x7F\x80\xA0"), "!~\u0121\u0122\u0142");
  EXPECT_EQ(spell_bytes("\xA1\xAC\xAD\xAE\xFF"), "\u00A1\u00AC\u0143\u00AE\u00FF");
}

TEST(ByteAlphabet, EveryByteHasASpellingOfItsOwn) {
  std::set<std::string> spellings;
  for (int code = 0; code < 256; ++code) {
    const std::string byte(1, static_cast<char>(code));
    EXPECT_EQ(spelled_bytes(spell_bytes(byte)), byte);
    spellings.insert(spell_bytes(byte));
  }
  EXPECT_EQ(spellings.size(), 256);
}

TEST(ByteAlphabet, OtherCharactersSpellNothing) {
  for (const char* other : {" ", "a\n", "\u0144", "\u00AD", "\u20AC", "\xFF"}) {
    EXPECT_EQ(spelled_bytes(other), std::nullopt) << other;
  }
  EXPECT_EQ(spelled_bytes(""), "");
}

}  // namespace
}  // namespace reprise::engine
