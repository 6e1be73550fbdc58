#include "tools/cli/model_text.h"

#include <charconv>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/model/folder_text.h"
#include "tools/cli/flags.h"

namespace reprise::cli {

namespace {

TextTools tools_of(engine::ModelText text) {
  const engine::TokenizerKind kind = text.tokenizer.kind;
  return {kind, engine::Tokenizer::from_spec(std::move(text.tokenizer)), std::move(text.facts)};
}

}  // namespace

std::optional<TextTools> text_of(const engine::Model& model) {
  if (auto text = model.text(); text) {
    return tools_of(std::move(*text));
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

TextTools text_without_weights(const std::string& spec) {
  if (auto text = engine::read_folder_text(spec); text) {
    return tools_of(std::move(*text));
  }
  if (auto text = text_of(*engine::Model::open(spec)); text) {
    return std::move(*text);
  }
  fail(ErrorCode::not_found, "{}: tokenizer: expected one with the weights, found none", spec);
}

engine::ChatTemplate chat_template_of(const TextTools& text, const std::string& model,
                                      const std::string& name) {
  if (name.empty()) {
    return engine::ChatTemplate::recognise(text.facts.chat_template, model);
  }
  try {
    return engine::ChatTemplate::named(name);
  } catch (const Error& error) {
    fail(error.code(), "--chat-template: {}", expectation(error));
  }
}

void add_chat_template_flag(CLI::App& command, std::string& name) {
  command
      .add_option(
          "--chat-template", name,
          "How messages become a prompt: qwen3 | qwen3-first | qwen2.5 | llama3 | llama3-current | chatml | "
          "minimind2 (default: the model's own, where it is one of these)")
      ->type_name("NAME");
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
