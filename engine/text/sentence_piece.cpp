#include "engine/text/sentence_piece.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_set>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/piece_spelling.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

/// The scores that occur, best first.
std::vector<float> scores_of(const TokenizerSpec& spec) {
  std::vector<float> scores;
  scores.reserve(spec.vocabulary.size());
  for (const auto& entry : spec.vocabulary) {
    if (!std::isfinite(entry.score)) {
      fail(ErrorCode::invalid_data, "{}: {}: expected a finite score for '{}', found {}", spec.name,
           spec.vocabulary_field, printable(entry.spelling), entry.score);
    }
    scores.push_back(entry.score);
  }
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  return scores;
}

}  // namespace

SentencePiece::SentencePiece(const TokenizerSpec& spec)
    : name_(fmt::format("{}: {}", spec.name, spec.vocabulary_field)),
      fuse_unknown_(spec.fuse_unknown),
      space_prefix_(spec.space_prefix) {
  add_pieces(spec);
  find_unknown(spec);
}

void SentencePiece::add_pieces(const TokenizerSpec& spec) {
  std::unordered_set<std::string_view> added;
  for (const AddedToken& token : spec.added_tokens) {
    added.insert(token.content);
  }
  const std::vector<float> scores = scores_of(spec);
  std::size_t n_letters = 0;
  for (const auto& entry : spec.vocabulary) {
    n_letters += entry.spelling.size();
  }
  letters_.reserve(n_letters);  // the keys point into it: it must not move
  pieces_.reserve(spec.vocabulary.size());
  for (const auto& entry : spec.vocabulary) {
    if (const auto byte = spec.byte_fallback ? spelled_byte_piece(entry.spelling) : std::nullopt) {
      byte_tokens_[*byte] = byte_tokens_[*byte].value_or(entry.id);
      continue;
    }
    if (entry.spelling.empty() || added.contains(entry.spelling)) {
      continue;
    }
    const auto rank = std::lower_bound(scores.begin(), scores.end(), entry.score, std::greater<>());
    const std::size_t begin = letters_.size();
    letters_.insert(letters_.end(), entry.spelling.begin(), entry.spelling.end());
    pieces_.emplace(std::string_view(letters_.data() + begin, entry.spelling.size()),
                    Piece{entry.id, static_cast<std::uint32_t>(rank - scores.begin())});
    longest_ = std::max(longest_, entry.spelling.size());
  }
}

void SentencePiece::find_unknown(const TokenizerSpec& spec) {
  if (spec.unknown_token.empty()) {
    return;
  }
  for (const auto& entry : spec.vocabulary) {
    if (entry.spelling == spec.unknown_token) {
      unknown_ = entry.id;
    }
  }
  for (const AddedToken& token : spec.added_tokens) {
    if (token.content == spec.unknown_token) {
      unknown_ = token.id;
    }
  }
  if (!unknown_) {
    fail(ErrorCode::invalid_data, "{}: expected the unknown token '{}', found none of that name", name_,
         printable(spec.unknown_token));
  }
}

std::string SentencePiece::spell(std::string_view text) const {
  if (text.empty()) {
    return {};
  }
  return (space_prefix_ ? std::string(kPieceSpace) : std::string()) + spell_piece(text);
}

void SentencePiece::encode(std::string_view spelled, Scratch& scratch, std::vector<TokenId>& ids) const {
  REPRISE_CHECK(spelled.size() <= INT32_MAX);
  start(spelled, scratch);
  merge_all(spelled, scratch);
  bool after_unknown = false;
  for (const auto& symbol : scratch.symbols_) {
    if (symbol.size == 0) {
      continue;
    }
    const std::string_view text = spelled.substr(symbol.begin, symbol.size);
    const bool is_known = append_known(symbol.piece, text, ids);
    if (!is_known && !unknown_) {
      fail(ErrorCode::invalid_argument, "{}: expected a token for '{}' of the text, found none", name_,
           printable(text));
    }
    if (!is_known && !(after_unknown && fuse_unknown_)) {
      ids.push_back(*unknown_);
    }
    after_unknown = !is_known;
  }
}

/// Appends the token `piece`, or those of the bytes of `text` if each has one; false if neither can be.
bool SentencePiece::append_known(const Piece* piece, std::string_view text, std::vector<TokenId>& ids) const {
  if (piece != nullptr) {
    ids.push_back(piece->id);
    return true;
  }
  const auto token_of = [&](char c) { return byte_tokens_[static_cast<std::uint8_t>(c)]; };
  if (!std::all_of(text.begin(), text.end(), [&](char c) { return token_of(c).has_value(); })) {
    return false;
  }
  for (const char c : text) {
    ids.push_back(*token_of(c));
  }
  return true;
}

const SentencePiece::Piece* SentencePiece::find(std::string_view spelling) const {
  const auto entry = spelling.size() <= longest_ ? pieces_.find(spelling) : pieces_.end();
  return entry == pieces_.end() ? nullptr : &entry->second;
}

void SentencePiece::start(std::string_view spelled, Scratch& scratch) const {
  auto& symbols = scratch.symbols_;
  symbols.clear();
  for (std::size_t begin = 0; begin < spelled.size();) {
    const std::size_t size = first_utf8_step(spelled.substr(begin)).size;
    const auto index = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(size), index - 1,
                       index + 1, find(spelled.substr(begin, size)), nullptr});
    begin += size;
  }
  if (!symbols.empty()) {
    symbols.back().right = Scratch::kNone;
  }
}

/// Looks up the pair that begins at symbol `left`, and makes it a candidate if it is a token.
void SentencePiece::offer(std::string_view spelled, Scratch& scratch, std::int32_t left) const {
  if (left == Scratch::kNone) {
    return;
  }
  auto& symbols = scratch.symbols_;
  auto& symbol = symbols[left];
  symbol.pair = symbol.right == Scratch::kNone
                    ? nullptr
                    : find(spelled.substr(symbol.begin, symbol.size + symbols[symbol.right].size));
  if (symbol.pair != nullptr) {
    scratch.candidates_.push_back(std::uint64_t{symbol.pair->rank} << 32 | static_cast<std::uint32_t>(left));
  }
}

void SentencePiece::merge_all(std::string_view spelled, Scratch& scratch) const {
  auto& symbols = scratch.symbols_;
  auto& heap = scratch.candidates_;
  heap.clear();
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(symbols.size()); ++i) {
    offer(spelled, scratch, i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto push_offer = [&](std::int32_t left) {
    const std::size_t before = heap.size();
    offer(spelled, scratch, left);
    if (heap.size() > before) {
      std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const std::uint64_t rank = heap.back() >> 32;
    const auto index = static_cast<std::int32_t>(heap.back() & 0xFFFFFFFF);
    heap.pop_back();
    auto& left = symbols[index];
    // Otherwise one of the two has been merged since. A pair of equal score in its place is as good: it is a
    // candidate itself, of the same rank and position.
    if (left.pair == nullptr || left.pair->rank != rank) {
      continue;
    }
    auto& right = symbols[left.right];
    left.piece = left.pair;
    left.size += right.size;
    left.right = right.right;
    right.size = 0;
    right.pair = nullptr;
    if (left.right != Scratch::kNone) {
      symbols[left.right].left = index;
    }
    push_offer(left.left);
    push_offer(index);
  }
}

}  // namespace reprise::engine
