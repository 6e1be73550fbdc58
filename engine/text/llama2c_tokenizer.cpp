#include "engine/text/llama2c_tokenizer.h"

#include <array>
#include <bit>
#include <cmath>

#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/io/printable.h"
#include "engine/text/piece_spelling.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

constexpr std::int64_t kFirstByteId = 3;
constexpr std::int64_t kFirstPieceId = kFirstByteId + 256;
constexpr std::array<std::string_view, 3> kSpecial = {"<unk>", "<s>", "</s>"};

/// What is left of the file, read from the front.
class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name) : rest_(bytes), name_(name) {}

  [[nodiscard]] std::size_t left() const { return rest_.size(); }

  std::string_view take(std::size_t n, const std::string& what) {
    if (rest_.size() < n) {
      fail(ErrorCode::invalid_data, "{}: {}: expected {} bytes, found the end of the file after {}", name_,
           what, n, rest_.size());
    }
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  std::uint32_t u32(const std::string& what) {
    std::uint32_t value = 0;
    int shift = 0;
    for (const char c : take(4, what)) {
      value |= std::uint32_t{static_cast<std::uint8_t>(c)} << shift;
      shift += 8;
    }
    return value;
  }
  /// Of at least 1 and at most `most`.
  std::size_t length(std::int64_t most, const std::string& what) {
    const auto value = static_cast<std::int32_t>(u32(what));
    if (value < 1 || value > most) {
      fail(ErrorCode::invalid_data, "{}: {}: expected a length from 1 to {}, found {}", name_, what, most,
           value);
    }
    return static_cast<std::size_t>(value);
  }

 private:
  std::string_view rest_;
  const std::string& name_;
};

/// The spelling of token `id` that the file must have, as opposed to one of its choice; empty for pieces.
std::string fixed_spelling(std::int64_t id) {
  if (id < kFirstByteId) {
    return std::string(kSpecial[static_cast<std::size_t>(id)]);
  }
  return id < kFirstPieceId ? spell_byte_piece(static_cast<std::uint8_t>(id - kFirstByteId)) : std::string();
}

bool is_printed_form(std::string_view text, std::string_view token) {
  return text.size() == token.size() + 2 && text.front() == '\n' && text.back() == '\n' &&
         text.substr(1, token.size()) == token;
}

std::string spelling_of(std::string_view text, std::int64_t id, const std::string& name) {
  const std::string fixed = fixed_spelling(id);
  if (!fixed.empty()) {
    if (text != fixed && !(id < kFirstByteId && is_printed_form(text, fixed))) {
      fail(ErrorCode::invalid_data, "{}: token {}: expected '{}', found '{}'", name, id, fixed,
           printable(text));
    }
    return fixed;
  }
  if (!is_valid_utf8(text)) {
    fail(ErrorCode::invalid_data, "{}: token {}: expected UTF-8, found '{}'", name, id, printable(text));
  }
  return spell_piece(text);
}

}  // namespace

TokenizerSpec read_llama2c_tokenizer(const std::filesystem::path& path, std::int64_t n_vocab) {
  return parse_llama2c_tokenizer(read_text_file(path), n_vocab, path.string());
}

TokenizerSpec parse_llama2c_tokenizer(std::string_view bytes, std::int64_t n_vocab, const std::string& name) {
  if (n_vocab <= kFirstPieceId || n_vocab > kMaxTokenId) {
    fail(ErrorCode::invalid_data, "{}: expected a model with {} to {} tokens, found {}", name,
         kFirstPieceId + 1, kMaxTokenId, n_vocab);
  }
  TokenizerSpec spec;
  spec.kind = TokenizerKind::sentence_piece;
  spec.name = name;
  spec.vocabulary_field = "tokens";
  spec.added_tokens_field = "tokens";
  spec.unknown_token = kSpecial[0];
  spec.fuse_unknown = true;
  spec.byte_fallback = true;
  spec.space_prefix = true;
  Reader reader(bytes, name);
  const auto longest = static_cast<std::int64_t>(
      reader.length(static_cast<std::int64_t>(bytes.size()), "length of the longest token"));
  for (std::int64_t id = 0; id < n_vocab; ++id) {
    const std::string what = fmt::format("token {} of {}", id, n_vocab);
    const auto score = std::bit_cast<float>(reader.u32(what));
    if (!std::isfinite(score)) {
      fail(ErrorCode::invalid_data, "{}: {}: expected a finite score, found {}", name, what, score);
    }
    const std::string_view text = reader.take(reader.length(longest, what), what);
    const auto token = static_cast<TokenId>(id);
    spec.vocabulary.push_back({spelling_of(text, id, name), token, score});
    if (id < kFirstByteId) {
      spec.added_tokens.push_back({.content = spec.vocabulary.back().spelling, .id = token, .special = true});
    }
  }
  if (reader.left() != 0) {
    fail(ErrorCode::invalid_data, "{}: expected the file to end after {} tokens, found {} bytes more", name,
         n_vocab, reader.left());
  }
  return spec;
}

}  // namespace reprise::engine
