#include "engine/text/vocabulary.h"

#include <algorithm>
#include <unordered_set>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/byte_alphabet.h"
#include "engine/text/piece_spelling.h"

namespace reprise::engine {
namespace {

std::size_t at(TokenId id) {
  REPRISE_CHECK(id >= 0 && id <= kMaxTokenId);
  return static_cast<std::size_t>(id);
}

std::optional<TokenId> look_up(const std::unordered_map<std::string_view, TokenId>& index,
                               std::string_view key) {
  const auto entry = index.find(key);
  return entry == index.end() ? std::nullopt : std::optional(entry->second);
}

std::size_t size_of(const TokenizerSpec& spec) {
  std::size_t size = 0;
  for (const auto& entry : spec.vocabulary) {
    size = std::max(size, at(entry.id) + 1);
  }
  for (const AddedToken& token : spec.added_tokens) {
    size = std::max(size, at(token.id) + 1);
  }
  return size;
}

}  // namespace

SpellingIndex index_spellings(const TokenizerSpec& spec) {
  SpellingIndex index;
  index.reserve(spec.vocabulary.size());
  for (const auto& entry : spec.vocabulary) {
    if (!index.emplace(entry.spelling, entry.id).second) {
      fail(ErrorCode::invalid_data, "{}: {}: expected each token once, found '{}' twice", spec.name,
           spec.vocabulary_field, printable(entry.spelling));
    }
  }
  return index;
}

Vocabulary::Vocabulary(const TokenizerSpec& spec, const SpellingIndex& spellings) {
  flags_.resize(size_of(spec));
  std::vector<Token> tokens = vocabulary_tokens(spec);
  add_tokens(spec, spellings, tokens);
  lay_out(tokens);
}

Vocabulary::Token Vocabulary::token_of(const TokenizerSpec& spec, const TokenizerSpec::Entry& entry) {
  if (spec.kind == TokenizerKind::sentence_piece) {
    if (const auto byte = spec.byte_fallback ? spelled_byte_piece(entry.spelling) : std::nullopt) {
      return {std::string(1, static_cast<char>(*byte)), entry.id, Role::fallback};
    }
    return {spelled_piece(entry.spelling), entry.id, Role::word};
  }
  std::optional<std::string> bytes = spelled_bytes(entry.spelling);
  const Role role = bytes ? Role::word : Role::other;
  return {bytes ? *std::move(bytes) : entry.spelling, entry.id, role};
}

std::vector<Vocabulary::Token> Vocabulary::vocabulary_tokens(const TokenizerSpec& spec) {
  std::vector<Token> tokens;
  tokens.reserve(spec.vocabulary.size() + spec.added_tokens.size());
  for (const auto& entry : spec.vocabulary) {
    if (contains(entry.id)) {
      fail(ErrorCode::invalid_data, "{}: {}: expected each id once, found {} again for '{}'", spec.name,
           spec.vocabulary_field, entry.id, printable(entry.spelling));
    }
    flags_[at(entry.id)] = kPresent;
    tokens.push_back(token_of(spec, entry));
  }
  return tokens;
}

void Vocabulary::add_tokens(const TokenizerSpec& spec, const SpellingIndex& spellings,
                            std::vector<Token>& tokens) {
  std::unordered_set<std::string_view> contents;
  for (const AddedToken& added : spec.added_tokens) {
    if (!contents.insert(added.content).second) {
      fail(ErrorCode::invalid_data, "{}: {}: expected each token once, found '{}' twice", spec.name,
           spec.added_tokens_field, printable(added.content));
    }
    const std::optional<TokenId> known = look_up(spellings, added.content);
    std::uint8_t& flags = flags_[at(added.id)];
    if (known ? *known != added.id : flags != 0) {
      fail(ErrorCode::invalid_data,
           "{}: {}: expected an id of its own for '{}', or that of the same token in {}, found {}", spec.name,
           spec.added_tokens_field, printable(added.content), spec.vocabulary_field, added.id);
    }
    flags = static_cast<std::uint8_t>(kPresent | kAdded | (added.special ? kSpecial : 0));
    if (!known || spec.kind == TokenizerKind::sentence_piece) {
      tokens.push_back({added.content, added.id, Role::other});  // the later of two with one id counts
    }
  }
}

void Vocabulary::lay_out(const std::vector<Token>& tokens) {
  std::vector<const Token*> by_id(flags_.size(), nullptr);
  std::size_t n_bytes = 0;
  for (const Token& token : tokens) {
    by_id[at(token.id)] = &token;
    n_bytes += token.bytes.size();
  }
  std::vector<TokenId> fallbacks;
  bytes_.reserve(n_bytes);  // the indices point into it: it must not move
  REPRISE_CHECK(n_bytes <= UINT32_MAX);
  offsets_.reserve(by_id.size() + 1);
  words_.reserve(tokens.size());
  for (const Token* token : by_id) {
    const std::size_t begin = bytes_.size();
    offsets_.push_back(static_cast<std::uint32_t>(begin));
    if (token != nullptr) {
      bytes_.insert(bytes_.end(), token->bytes.begin(), token->bytes.end());
      const std::string_view key(bytes_.data() + begin, token->bytes.size());
      if (token->role == Role::fallback) {
        fallbacks.push_back(token->id);
      } else {
        (token->role == Role::word ? words_ : others_).emplace(key, token->id);
      }
    }
  }
  offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  for (const TokenId id : fallbacks) {
    words_.emplace(bytes(id), id);
  }
}

std::string_view Vocabulary::bytes(TokenId id) const {
  REPRISE_CHECK(contains(id));
  const std::uint32_t begin = offsets_[at(id)];
  return {bytes_.data() + begin, offsets_[at(id) + 1] - begin};
}

std::optional<TokenId> Vocabulary::find(std::string_view bytes) const {
  const std::optional<TokenId> other = look_up(others_, bytes);
  return other ? other : find_word(bytes);
}

std::optional<TokenId> Vocabulary::find_word(std::string_view bytes) const {
  return look_up(words_, bytes);
}

}  // namespace reprise::engine
