#include "engine/text/tokenizer_digest.h"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <span>
#include <string_view>

#include "engine/core/digest.h"
#include "engine/text/piece_spelling.h"

namespace reprise::engine {
namespace {

class Lines {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string counted(std::string_view text) {
  return fmt::format("{} {}", text.size(), text);
}

std::string added_line(const AddedToken& token) {
  return fmt::format("added {} {:d} {:d} {:d} {:d} {:d} {}", token.id, token.special, token.lstrip,
                     token.rstrip, token.single_word, token.normalized, counted(token.content));
}

std::string vocabulary_line(const TokenizerSpec& spec, const TokenizerSpec::Entry& entry) {
  const std::string spelling = counted(entry.spelling);
  if (spec.kind == TokenizerKind::byte_level_bpe) {
    return fmt::format("token {} {}", entry.id, spelling);
  }
  if (spec.byte_fallback && spelled_byte_piece(entry.spelling)) {
    return fmt::format("byte {} {}", entry.id, spelling);
  }
  return fmt::format("token {} {} {}", entry.id, entry.score + 0.0F, spelling);  // -0 + 0 is 0
}

void add_tokens(const TokenizerSpec& spec, Lines& lines) {
  std::map<TokenId, std::string> by_id;
  for (const AddedToken& token : spec.added_tokens) {
    by_id.emplace(token.id, added_line(token));
  }
  for (const auto& entry : spec.vocabulary) {
    by_id.emplace(entry.id, vocabulary_line(spec, entry));
  }
  for (const auto& [id, line] : by_id) {
    lines.add("{}", line);
  }
}

}  // namespace

std::string tokenizer_digest(const TokenizerSpec& spec) {
  Lines lines;
  lines.add("reprise tokenizer 1");
  if (spec.kind == TokenizerKind::byte_level_bpe) {
    lines.add("byte_level_bpe {:d} {:d}", spec.nfc, spec.ignore_merges);
  } else {
    lines.add("sentence_piece {:d} {:d}", spec.byte_fallback, spec.space_prefix);
  }
  lines.add("unknown {:d} {}", spec.fuse_unknown, counted(spec.unknown_token));
  for (const WordSplit& split : spec.word_splits) {
    if (split.add_space || !split.pattern.empty()) {
      lines.add("split {:d} {:d} {:d} {}", split.keep_match, split.keep_other, split.add_space,
                counted(split.pattern));
    }
  }
  add_tokens(spec, lines);
  for (const auto& [left, right] : spec.merges) {
    lines.add("merge {} {}", counted(left), counted(right));
  }
  return to_hex(sha256(std::as_bytes(std::span(lines.text()))));
}

}  // namespace reprise::engine
