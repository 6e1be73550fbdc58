/// The tokenizer that belongs to a model, for subcommands that take or print text.
#pragma once

#include <optional>
#include <string>

#include "engine/model/model.h"
#include "engine/text/tokenizer.h"

namespace reprise::cli {

struct TextTools {
  engine::TokenizerKind kind;
  engine::Tokenizer tokenizer;
  engine::TokenizerFacts facts;
};

/// What the model comes with; the 256 bytes for synthetic models; nothing where there is neither.
/// Errors: those of the tokenizer's format.
std::optional<TextTools> text_of(const engine::Model& model);
/// The same for those who can do without: a tokenizer that is not understood is a note, and as good as none.
std::optional<TextTools> text_if_readable(const engine::Model& model);

/// Ids from "1,2,3". Errors: invalid_argument naming the flag and what stands there.
std::vector<engine::TokenId> parse_ids(const std::string& text, const char* flag);

}  // namespace reprise::cli
