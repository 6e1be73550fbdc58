/// Text as it is drawn: characters, stop strings, ends from outside.
#include "engine/serve/text_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;

/// Drives a stream as generate() does, one byte a token; how many tokens were drawn.
std::size_t drive(TextStream& stream, std::string_view text) {
  std::size_t n = 0;
  for (const char byte : text) {
    if (!stream.wants_more()) {
      break;
    }
    const auto id = static_cast<TokenId>(static_cast<unsigned char>(byte));
    stream.on_token({static_cast<std::int64_t>(n), id, id, {}, 0.0});
    ++n;
  }
  stream.finish();
  return n;
}

struct Pieces {
  std::vector<std::string> pieces;
  TextStreamOptions options(std::vector<std::string> stops = {}) {
    TextStreamOptions options;
    options.stop_strings = std::move(stops);
    options.on_text = [this](std::string_view piece) { pieces.emplace_back(piece); };
    return options;
  }
};

TEST(TextStream, PassesOnWholeCharacters) {
  Pieces pieces;
  TextStream stream(Tokenizer::bytes(), pieces.options());
  EXPECT_EQ(drive(stream, "aä!"), 4U);
  EXPECT_THAT(pieces.pieces, ElementsAre("a", "ä", "!"));
  EXPECT_EQ(stream.text(), "aä!");
  EXPECT_FALSE(stream.found_stop_string());
}

TEST(TextStream, AStopStringEndsTheCallAndIsCutOff) {
  Pieces pieces;
  TextStream stream(Tokenizer::bytes(), pieces.options({"END", "ND"}));
  EXPECT_EQ(drive(stream, "abEND of it"), 5U);
  EXPECT_EQ(stream.text(), "ab") << "the one that begins first";
  EXPECT_TRUE(stream.found_stop_string());
  EXPECT_FALSE(stream.wants_more());
  std::string all;
  for (const std::string& piece : pieces.pieces) {
    all += piece;
  }
  EXPECT_EQ(all, "ab") << "nothing of it was passed on before it was whole";
}

TEST(TextStream, WhatCouldBecomeAStopStringIsHeldBackAndComesWhenItDoesNot) {
  Pieces pieces;
  TextStream stream(Tokenizer::bytes(), pieces.options({"aab"}));
  drive(stream, "xaaaab");
  EXPECT_THAT(pieces.pieces, ElementsAre("x", "a", "a")) << "of four a, two belong to the stop string";
  Pieces open;
  TextStream unfinished(Tokenizer::bytes(), open.options({"aab"}));
  drive(unfinished, "xaa");
  EXPECT_THAT(open.pieces, ElementsAre("x", "aa")) << "at the end it was none";
}

TEST(TextStream, EosHasNoTextAndNeitherHasAnIdWithoutAToken) {
  TextStreamOptions options;
  options.eos_ids = {'z'};
  TextStream stream(Tokenizer::bytes(), std::move(options));
  stream.on_token({0, 'a', 'a', {}, 0.0});
  stream.on_token({1, 5000, 5000, {}, 0.0});
  stream.on_token({2, 'z', 'z', {}, 0.0});
  stream.finish();
  EXPECT_EQ(stream.text(), "a");
}

TEST(TextStream, EndsWhenCancelledAndAsksTheNextObserverToo) {
  struct Next final : GenerateObserver {
    void on_token(const TokenEvent& event) override { ids.push_back(event.id); }
    bool wants_more() override { return ids.size() < 3; }
    std::vector<TokenId> ids;
  } next;
  bool cancel = false;
  TextStreamOptions options;
  options.is_cancelled = [&] { return cancel; };
  options.next = &next;
  TextStream stream(Tokenizer::bytes(), std::move(options));
  EXPECT_EQ(drive(stream, "abcdef"), 3U);
  EXPECT_THAT(next.ids, ElementsAre('a', 'b', 'c'));
  EXPECT_FALSE(stream.was_cancelled());
  cancel = true;
  EXPECT_FALSE(stream.wants_more());
  EXPECT_TRUE(stream.was_cancelled());
}

TEST(TextStream, AnUnfinishedCharacterBecomesAReplacement) {
  TextStream stream(Tokenizer::bytes(), {});
  drive(stream, "a\xC3");
  EXPECT_EQ(stream.text(), "a\xEF\xBF\xBD");
}

}  // namespace
}  // namespace reprise::engine
