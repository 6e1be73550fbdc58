#include <map>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/named_splits.h"
#include "engine/text/piece_spelling.h"
#include "engine/text/tokenizer_gguf.h"
#include "engine/text/tokenizer_gguf_keys.h"

namespace reprise::engine {
namespace {

using namespace detail;

constexpr float kPaddingScore = -10000;  // llama.cpp's converter has this number too

[[noreturn]] void refuse(const TokenizerSpec& spec, std::string_view field, const std::string& what) {
  fail(ErrorCode::unsupported, "{}: {}: expected {}", spec.name, field, what);
}

void check_added_token(const TokenizerSpec& spec, const AddedToken& token) {
  const bool text_changes = spec.nfc || spec.kind == TokenizerKind::sentence_piece;
  const char* trait = token.lstrip || token.rstrip       ? "swallows white space"
                      : token.single_word                ? "is a single word"
                      : token.normalized && text_changes ? "is sought in normalized text"
                                                         : nullptr;
  if (trait != nullptr) {
    refuse(spec, spec.added_tokens_field,
           fmt::format("tokens that GGUF can state, found that '{}' {}", printable(token.content), trait));
  }
}

/// GGUF says nothing about it: neighbouring unknown characters are one token for SentencePiece alone.
void check_unknown(const TokenizerSpec& spec) {
  const bool fuses = spec.kind == TokenizerKind::sentence_piece;
  if (!spec.unknown_token.empty() && spec.fuse_unknown != fuses) {
    refuse(spec, spec.vocabulary_field,
           fmt::format("unknown tokens {} fused, found the contrary", fuses ? "to be" : "not to be"));
  }
}

struct Token {
  std::string_view text;
  std::int32_t type = kNormalToken;
  float score = 0;
};

std::map<TokenId, Token> tokens_by_id(const TokenizerSpec& spec) {
  std::map<TokenId, Token> tokens;
  for (const auto& entry : spec.vocabulary) {
    const bool is_byte = spec.byte_fallback && spelled_byte_piece(entry.spelling);
    const bool is_unknown = !spec.unknown_token.empty() && entry.spelling == spec.unknown_token;
    tokens[entry.id] = {entry.spelling,
                        is_byte      ? kByteToken
                        : is_unknown ? kUnknownToken
                                     : kNormalToken,
                        entry.score};
  }
  for (const AddedToken& token : spec.added_tokens) {
    check_added_token(spec, token);
    const float score = tokens.contains(token.id) ? tokens[token.id].score : 0;
    const bool is_unknown = token.content == spec.unknown_token;
    tokens[token.id] = {token.content,
                        is_unknown      ? kUnknownToken
                        : token.special ? kControlToken
                                        : kUserDefinedToken,
                        score};
  }
  return tokens;
}

void write_tokens(const TokenizerSpec& spec, std::int64_t n_vocab, GgufWriter& writer) {
  const std::map<TokenId, Token> known = tokens_by_id(spec);
  if (known.empty() || n_vocab <= known.rbegin()->first || n_vocab > std::int64_t{kMaxTokenId} + 1) {
    fail(ErrorCode::invalid_argument, "{}: expected a model of {} to {} tokens, found {}", spec.name,
         known.empty() ? 1 : known.rbegin()->first + 1, kMaxTokenId + 1, n_vocab);
  }
  std::unordered_set<std::string_view> taken;
  for (const auto& [id, token] : known) {
    taken.insert(token.text);
  }
  std::vector<std::string> texts;
  std::vector<std::int32_t> types;
  std::vector<float> scores;
  for (TokenId id = 0; id < n_vocab; ++id) {
    const auto token = known.find(id);
    if (token != known.end()) {
      texts.emplace_back(token->second.text);
      types.push_back(token->second.type);
      scores.push_back(token->second.score);
      continue;
    }
    texts.push_back(fmt::format("[PAD{}]", id));
    if (taken.contains(texts.back())) {
      refuse(spec, spec.vocabulary_field,
             fmt::format("'{}' for the id {} alone, found it", texts.back(), id));
    }
    types.push_back(kUnusedToken);
    scores.push_back(kPaddingScore);
  }
  writer.set_texts(kTokensKey, texts);
  writer.set_i32s(kTypesKey, types);
  if (spec.kind == TokenizerKind::sentence_piece) {
    writer.set_f32s(kScoresKey, scores);
  }
}

void write_merges(const TokenizerSpec& spec, GgufWriter& writer) {
  std::vector<std::string> merges;
  merges.reserve(spec.merges.size());
  for (const auto& [left, right] : spec.merges) {
    if (left.empty() || right.empty() || (left + right).find(' ') != std::string::npos) {
      refuse(spec, spec.merges_field,
             fmt::format("tokens without spaces, found '{}' and '{}'", printable(left), printable(right)));
    }
    merges.push_back(left + ' ' + right);
  }
  writer.set_texts(kMergesKey, merges);
}

void write_id(const TokenizerSpec& spec, const char* key, std::optional<TokenId> id, std::int64_t n_vocab,
              GgufWriter& writer) {
  if (!id) {
    return;
  }
  if (*id < 0 || *id >= n_vocab) {
    fail(ErrorCode::invalid_argument, "{}: {}: expected an id below {}, found {}", spec.name, key, n_vocab,
         *id);
  }
  writer.set_u32(key, static_cast<std::uint32_t>(*id));
}

std::optional<TokenId> unknown_id(const TokenizerSpec& spec) {
  for (const auto& entry : spec.vocabulary) {
    if (!spec.unknown_token.empty() && entry.spelling == spec.unknown_token) {
      return entry.id;
    }
  }
  return std::nullopt;
}

}  // namespace

void write_tokenizer_gguf(const TokenizerSpec& spec, const TokenizerFacts& facts, std::int64_t n_vocab,
                          GgufWriter& writer) {
  const bool sentence_piece = spec.kind == TokenizerKind::sentence_piece;
  const NamedSplits* splits = sentence_piece ? nullptr : recognise_splits(spec);
  if (!sentence_piece && splits == nullptr) {
    refuse(
        spec, "pre_tokenizer",
        fmt::format("words cut (and normalized) as one of {} does, found another way", known_split_names()));
  }
  check_unknown(spec);
  writer.set_text(kModelKey, sentence_piece ? kSentencePieceModel : kByteLevelModel);
  writer.set_text(kPreKey, sentence_piece ? "default" : splits->names.front());
  write_tokens(spec, n_vocab, writer);
  if (sentence_piece) {
    writer.set_flag(kAddSpaceKey, spec.space_prefix);
  } else {
    write_merges(spec, writer);
  }
  write_id(spec, kBosKey, facts.bos, n_vocab, writer);
  write_id(spec, kEosKey, facts.eos, n_vocab, writer);
  write_id(spec, kEotKey, facts.eot, n_vocab, writer);
  write_id(spec, kUnknownKey, unknown_id(spec), n_vocab, writer);
  writer.set_flag(kAddBosKey, facts.add_bos);
  if (!facts.chat_template.empty()) {
    writer.set_text(kChatTemplateKey, facts.chat_template);
  }
}

}  // namespace reprise::engine
