#include "tools/cli/model_text.h"

#include <charconv>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "tools/cli/flags.h"

namespace reprise::cli {

std::optional<TextTools> text_of(const engine::Model& model) {
  if (auto text = model.text(); text) {
    const engine::TokenizerKind kind = text->tokenizer.kind;
    return TextTools{kind, engine::Tokenizer::from_spec(std::move(text->tokenizer)), text->facts};
  }
  if (model.spec().starts_with("synthetic:")) {
    return TextTools{engine::TokenizerKind::byte_level_bpe, engine::Tokenizer::bytes(), {}};
  }
  return std::nullopt;
}

std::optional<TextTools> text_if_readable(const engine::Model& model) {
  try {
    return text_of(model);
  } catch (const Error& error) {
    say("note: no text: {}\n", error.what());
    return std::nullopt;
  }
}

std::vector<engine::TokenId> parse_ids(const std::string& text, const char* flag) {
  std::vector<engine::TokenId> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  do {
    engine::TokenId id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (next != end && *next != ',')) {
      fail(ErrorCode::invalid_argument, "{}: expected token ids separated by commas, found '{}'", flag,
           engine::printable(text));
    }
    ids.push_back(id);
    at = next == end ? nullptr : next + 1;
  } while (at != nullptr);
  return ids;
}

}  // namespace reprise::cli
