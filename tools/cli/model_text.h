/// The tokenizer that belongs to a model, for subcommands that take or print text.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "engine/model/model.h"
#include "engine/text/chat_template.h"
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

/// For who needs no weights: a folder with a tokenizer.json is enough, and gives no facts but the chat
/// template. Errors: those of Model::open and of the tokenizer's format; not_found where the model has none.
TextTools text_without_weights(const std::string& spec);

/// The chat template called `name`, what --chat-template says, or, where that is empty, the one that belongs
/// to the model. Errors: those of ChatTemplate.
engine::ChatTemplate chat_template_of(const TextTools& text, const std::string& model,
                                      const std::string& name);
/// --chat-template.
void add_chat_template_flag(CLI::App& command, std::string& name);

/// Ids from "1,2,3". Errors: invalid_argument naming the flag and what stands there.
std::vector<engine::TokenId> parse_ids(const std::string& text, const char* flag);

}  // namespace reprise::cli
