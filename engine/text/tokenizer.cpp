#include "engine/text/tokenizer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/io/printable.h"
#include "engine/text/added_tokens.h"
#include "engine/text/bpe.h"
#include "engine/text/byte_alphabet.h"
#include "engine/text/pre_tokenizer.h"
#include "engine/text/sentence_piece.h"
#include "engine/text/tokenizer_digest.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/utf8.h"
#include "engine/text/vocabulary.h"

namespace reprise::engine {
namespace {

/// Keeps offsets into a word within 31 bits, whatever normalization adds (at most a factor of 3).
constexpr std::size_t kMaxTextBytes = std::size_t{256} << 20;

std::string sha256_hex(std::string_view text) {
  return to_hex(sha256(std::as_bytes(std::span(text))));
}

/// What text between added tokens goes through: one of the two kinds of tokenizer.
class ByteLevelEncoder {
 public:
  ByteLevelEncoder(const TokenizerSpec& spec, const SpellingIndex& spellings, const Vocabulary& vocabulary)
      : nfc_(spec.nfc), pre_tokenizer_(spec), bpe_(spec, spellings, vocabulary) {}

  [[nodiscard]] std::string normalized(std::string_view text) const {
    return nfc_ ? to_nfc(text) : std::string(text);
  }
  void encode(std::string_view normalized, std::vector<TokenId>& ids) const {
    Bpe::Scratch scratch;
    const PreTokenizer::Words words = pre_tokenizer_.split(normalized);
    for (const std::string_view word : words.views) {
      bpe_.encode(word, scratch, ids);
    }
  }

 private:
  bool nfc_;
  PreTokenizer pre_tokenizer_;
  Bpe bpe_;
};

class SentencePieceEncoder {
 public:
  explicit SentencePieceEncoder(const TokenizerSpec& spec) : pieces_(spec) {}

  [[nodiscard]] std::string normalized(std::string_view text) const { return pieces_.spell(text); }
  void encode(std::string_view normalized, std::vector<TokenId>& ids) const {
    SentencePiece::Scratch scratch;
    pieces_.encode(normalized, scratch, ids);
  }

 private:
  SentencePiece pieces_;
};

using Encoder = std::variant<ByteLevelEncoder, SentencePieceEncoder>;

Encoder encoder_of(const TokenizerSpec& spec, const SpellingIndex& spellings, const Vocabulary& vocabulary) {
  if (spec.kind == TokenizerKind::sentence_piece) {
    return Encoder(std::in_place_type<SentencePieceEncoder>, spec);
  }
  return Encoder(std::in_place_type<ByteLevelEncoder>, spec, spellings, vocabulary);
}

std::string normalized(const Encoder& encoder, std::string_view text) {
  return std::visit([&](const auto& kind) { return kind.normalized(text); }, encoder);
}

/// The added tokens sought in text as given, or those sought in normalized text, whose contents are
/// normalized too.
std::vector<AddedToken> sought_in(bool normalized_text, const TokenizerSpec& spec, const Encoder& encoder) {
  std::vector<AddedToken> tokens;
  for (const AddedToken& token : spec.added_tokens) {
    if (token.normalized == normalized_text) {
      tokens.push_back(token);
      if (normalized_text) {
        tokens.back().content = normalized(encoder, token.content);
      }
    }
  }
  return tokens;
}

}  // namespace

struct Tokenizer::Parts {
  std::string name;
  std::string digest;
  bool drops_space;
  Vocabulary vocabulary;
  Encoder encoder;
  AddedTokenFinder in_given_text;
  AddedTokenFinder in_normalized_text;

  Parts(const TokenizerSpec& spec, const SpellingIndex& spellings)
      : name(spec.name),
        digest(spec.digest.empty() ? tokenizer_digest(spec) : spec.digest),
        drops_space(spec.kind == TokenizerKind::sentence_piece && spec.space_prefix),
        vocabulary(spec, spellings),
        encoder(encoder_of(spec, spellings, vocabulary)),
        in_given_text(sought_in(false, spec, encoder)),
        in_normalized_text(sought_in(true, spec, encoder)) {}

  void encode_between_tokens(std::string_view text, std::vector<TokenId>& ids) const {
    const std::string text_normalized = normalized(encoder, text);
    for (const TextPiece& piece : in_normalized_text.split(text_normalized)) {
      if (piece.id) {
        ids.push_back(*piece.id);
      } else {
        std::visit([&](const auto& kind) { kind.encode(piece.text, ids); }, encoder);
      }
    }
  }
};

Tokenizer Tokenizer::from_file(const std::filesystem::path& tokenizer_json) {
  return from_json(read_text_file(tokenizer_json), tokenizer_json.string());
}

Tokenizer Tokenizer::from_json(std::string_view json, const std::string& name) {
  TokenizerSpec spec = read_tokenizer_json(json, name);
  spec.digest = sha256_hex(json);
  return from_spec(std::move(spec));
}

Tokenizer Tokenizer::from_spec(TokenizerSpec spec) {
  return Tokenizer(std::make_shared<const Parts>(spec, index_spellings(spec)));
}

Tokenizer Tokenizer::bytes(std::span<const std::string> special) {
  TokenizerSpec spec;
  spec.name = "bytes";
  std::string recipe = "reprise byte tokenizer 1\n";
  for (TokenId id = 0; id < 256; ++id) {
    const char byte = static_cast<char>(id);
    spec.vocabulary.push_back({spell_bytes({&byte, 1}), id});
  }
  for (const std::string& content : special) {
    const bool known = std::any_of(spec.added_tokens.begin(), spec.added_tokens.end(),
                                   [&](const AddedToken& token) { return token.content == content; });
    const bool is_text = is_valid_utf8(content) && !content.empty() && last_utf8_begin(content) > 0;
    if (known || !is_text) {
      fail(ErrorCode::invalid_argument,
           "special token: expected different texts in UTF-8, each of two characters or more, found '{}'",
           printable(content));
    }
    const auto id = static_cast<TokenId>(256 + spec.added_tokens.size());
    spec.added_tokens.push_back({.content = content, .id = id, .special = true});
    recipe += fmt::format("{} {}\n", content.size(), content);
  }
  spec.digest = sha256_hex(recipe);
  return from_spec(std::move(spec));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  if (text.size() >= kMaxTextBytes) {
    fail(ErrorCode::invalid_argument, "text: expected fewer than {} bytes, found {}", kMaxTextBytes,
         text.size());
  }
  const std::string replaced = is_valid_utf8(text) ? std::string() : replace_invalid_utf8(text);
  std::vector<TokenId> ids;
  for (const TextPiece& piece : parts_->in_given_text.split(replaced.empty() ? text : replaced)) {
    if (piece.id) {
      ids.push_back(*piece.id);
    } else {
      parts_->encode_between_tokens(piece.text, ids);
    }
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string bytes;
  bool at_start = true;
  for (const TokenId id : ids) {
    bytes += decoded_bytes(id, skip_special, at_start);
  }
  return is_valid_utf8(bytes) ? bytes : replace_invalid_utf8(bytes);
}

std::string_view Tokenizer::decoded_bytes(TokenId id, bool skip_special, bool& at_start) const {
  std::string_view bytes = token_bytes(id);
  if (is_special(id)) {
    return skip_special ? std::string_view() : bytes;
  }
  if (std::exchange(at_start, false) && parts_->drops_space && !parts_->vocabulary.is_added(id) &&
      bytes.starts_with(' ')) {
    bytes.remove_prefix(1);
  }
  return bytes;
}

std::string_view Tokenizer::token_bytes(TokenId id) const {
  if (!contains(id)) {
    fail(ErrorCode::invalid_argument, "{}: token id: expected one that has a token, below {}, found {}",
         parts_->name, size(), id);
  }
  return parts_->vocabulary.bytes(id);
}

bool Tokenizer::contains(TokenId id) const {
  return parts_->vocabulary.contains(id);
}

bool Tokenizer::is_special(TokenId id) const {
  return parts_->vocabulary.is_special(id);
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const {
  return parts_->vocabulary.find(token);
}

std::int64_t Tokenizer::size() const {
  return parts_->vocabulary.size();
}

const std::string& Tokenizer::digest() const {
  return parts_->digest;
}

std::string StreamingDecoder::push(TokenId id) {
  const std::string_view token = tokenizer_.decoded_bytes(id, skip_special_, at_start_);
  if (skip_special_ && tokenizer_.is_special(id)) {
    return {};
  }
  const std::string bytes = std::exchange(held_, {}) + std::string(token);
  std::string text;
  for (std::string_view rest = bytes; !rest.empty();) {
    const Utf8Step step = first_utf8_step(rest);
    if (step.kind == Utf8Kind::cut) {
      held_ = rest;
      break;
    }
    text += step.kind == Utf8Kind::character ? rest.substr(0, step.size) : kReplacement;
    rest.remove_prefix(step.size);
  }
  return text;
}

std::string StreamingDecoder::finish() {
  at_start_ = true;
  return std::exchange(held_, {}).empty() ? std::string() : std::string(kReplacement);
}

}  // namespace reprise::engine
