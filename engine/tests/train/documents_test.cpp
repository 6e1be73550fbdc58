// Text to ids and the tokenizer that must agree with them.
#include "engine/train/documents.h"

#include <gmock/gmock.h>

#include "engine/tests/io/io_test_support.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;

std::string refusal(std::string_view text) {
  ErrorCode code{};
  const std::string line = error_of([&] { parse_documents(text, "names.txt"); }, &code);
  EXPECT_EQ(code, ErrorCode::invalid_data);
  return line;
}

TEST(Documents, CharactersAreSortedAndBoundariesAdded) {
  const Documents documents = parse_documents("cab\nb\n", "names.txt");
  EXPECT_THAT(documents.characters, ElementsAre("a", "b", "c"));
  EXPECT_EQ(documents.boundary(), 3);
  EXPECT_EQ(documents.n_vocab(), 4);
  EXPECT_EQ(documents.longest(), 5U);
  EXPECT_THAT(documents.documents, ElementsAre(ElementsAre(3, 2, 0, 1, 3), ElementsAre(3, 1, 3)));
}

TEST(Documents, LinesAreTrimmedAndEmptyOnesLeftOut) {
  const Documents documents = parse_documents("\n \t\r\n  a b\t\r\n\nb", "names.txt");
  EXPECT_THAT(documents.characters, ElementsAre(" ", "a", "b"));
  EXPECT_THAT(documents.documents, ElementsAre(ElementsAre(3, 1, 0, 2, 3), ElementsAre(3, 2, 3)));
}

TEST(Documents, CharactersOfSeveralBytesAreOneToken) {
  const Documents documents = parse_documents("日é\nzé😀", "names.txt");
  EXPECT_THAT(documents.characters, ElementsAre("z", "é", "日", "😀"));
  EXPECT_THAT(documents.documents, ElementsAre(ElementsAre(4, 2, 1, 4), ElementsAre(4, 0, 1, 3, 4)));
}

TEST(Documents, RefusesWhatIsNoText) {
  EXPECT_EQ(refusal(""), "names.txt: expected a document a line, found none");
  EXPECT_EQ(refusal("\n  \n\r\n"), "names.txt: expected a document a line, found none");
  EXPECT_EQ(refusal("ab\n a\xff\n"), "names.txt: line 2, byte 3: expected UTF-8, found byte 0xff");
  EXPECT_EQ(refusal("a\xc3"), "names.txt: line 1, byte 2: expected UTF-8, found byte 0xc3");
  EXPECT_EQ(refusal("a\tb"), "names.txt: line 1, byte 2: expected text, found control character U+0009");
  EXPECT_EQ(refusal(std::string_view("a\0b", 3)),
            "names.txt: line 1, byte 2: expected text, found control character U+0000");
  EXPECT_EQ(refusal("a\x7f"), "names.txt: line 1, byte 2: expected text, found control character U+007F");
  EXPECT_EQ(refusal("a\xc2\x85"), "names.txt: line 1, byte 2: expected text, found control character U+0085");
}

TEST(Documents, OfFiles) {
  const ScratchFolder folder;
  write_raw(folder / "names.txt", "ab\nc\n");
  EXPECT_EQ(read_documents(folder / "names.txt").documents.size(), 2U);
  ErrorCode code{};
  const std::string line = error_of([&] { read_documents(folder / "none.txt"); }, &code);
  EXPECT_EQ(line, (folder / "none.txt").string() + ": cannot open: No such file or directory");
  EXPECT_EQ(code, ErrorCode::not_found);
}

/// Everything below U+0800 that may stand in a document, a few wider characters, and the alphabet's own
/// traps: quotes, backslashes, and the characters that byte-level vocabularies use for other bytes.
TEST(CharacterTokenizer, EncodesEachCharacterAsItsToken) {
  std::string text = "日本😀\xe2\x80\xa8\xef\xbf\xbd";
  for (char32_t c = 0x20; c < 0x800; ++c) {
    if (c >= 0x7f && c < 0xa0) {
      continue;
    }
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else {
      text += static_cast<char>(0xc0 | c >> 6);
      text += static_cast<char>(0x80 | (c & 0x3f));
    }
  }
  const Documents documents = parse_documents(text, "all");
  ASSERT_EQ(documents.documents.size(), 1U);
  const Tokenizer tokenizer = Tokenizer::from_spec(character_tokenizer(documents.characters));
  const std::vector<TokenId>& ids = documents.documents[0];
  const std::string written = std::string(kDocumentBoundary) + text + std::string(kDocumentBoundary);
  EXPECT_EQ(tokenizer.encode(written), ids);
  EXPECT_EQ(tokenizer.decode(ids), written);
  EXPECT_EQ(tokenizer.decode(ids, true), text);
  EXPECT_EQ(tokenizer.size(), documents.n_vocab());
  EXPECT_TRUE(tokenizer.is_special(documents.boundary()));
}

TEST(CharacterTokenizer, RefusesCharactersThatItDoesNotKnow) {
  const Tokenizer tokenizer = Tokenizer::from_spec(character_tokenizer({"a", "b"}));
  EXPECT_THAT(tokenizer.encode("ab<bos>a"), ElementsAre(0, 1, 2, 0));
  EXPECT_EQ(error_of([&] { return tokenizer.encode("abc"); }),
            "characters: model.vocab: expected a token for byte 0x63 of the text, found none");
}

}  // namespace
}  // namespace reprise::engine
