/// reprise tokenize: texts, ids and chats through a model's tokenizer, in JSON lines.
#include <fmt/format.h>

#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/io/json_text.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/model_text.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using Json = nlohmann::ordered_json;

struct TokenizeFlags {
  std::string model;
  bool decode = false;
  bool chat = false;
  std::string chat_template;
};

/// The value itself, or the member `key` of an object: what one direction writes the other reads.
const Json& value_or_member(const Json& line, const char* key) {
  if (!line.is_object()) {
    return line;
  }
  const auto at = line.find(key);
  if (at == line.end()) {
    fail(ErrorCode::invalid_data, "expected the key '{}', found none", key);
  }
  return *at;
}

Json encoded(const TextTools& text, const Json& line) {
  const Json& value = value_or_member(line, "text");
  if (!value.is_string()) {
    fail(ErrorCode::invalid_data, "expected a text, found {}", value.type_name());
  }
  return {{"ids", text.tokenizer.encode(value.get_ref<const std::string&>())}};
}

Json decoded(const TextTools& text, const Json& line) {
  const Json& value = value_or_member(line, "ids");
  if (!value.is_array()) {
    fail(ErrorCode::invalid_data, "expected an array of token ids, found {}", value.type_name());
  }
  std::vector<engine::TokenId> ids;
  for (const Json& id : value) {
    if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<engine::TokenId>::max()) {
      fail(ErrorCode::invalid_data, "[{}]: expected a token id, found {}", ids.size(),
           id.is_number() ? id.dump() : id.type_name());
    }
    ids.push_back(id.get<engine::TokenId>());
  }
  return {{"text", text.tokenizer.decode(ids)}};
}

Json rendered(const TextTools& text, const engine::ChatTemplate& chat_template, const Json& line) {
  if (!line.is_object() || !line.contains("messages")) {
    fail(ErrorCode::invalid_data, "expected an object with messages, found {}",
         line.is_object() ? "none" : line.type_name());
  }
  const auto messages = engine::chat_messages_from_json(line["messages"], "messages");
  engine::ChatOptions options;
  if (line.contains("options")) {
    options = engine::chat_options_from_json(line["options"], "options");
  }
  const std::string prompt = chat_template.render(messages, options);
  return {{"rendered", prompt}, {"ids", text.tokenizer.encode(prompt)}};
}

void run_tokenize(const TokenizeFlags& flags) {
  const TextTools text = text_without_weights(flags.model);
  std::optional<engine::ChatTemplate> chat_template;
  if (flags.chat) {
    chat_template = chat_template_of(text, flags.model, flags.chat_template);
  }
  std::string line;
  for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
    const std::string place = fmt::format("standard input: line {}", number);
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    const Json value = engine::parse_ordered_json(line, place);
    Json answer;
    try {
      answer = flags.decode ? decoded(text, value)
               : flags.chat ? rendered(text, *chat_template, value)
                            : encoded(text, value);
    } catch (const Error& error) {
      fail(error.code(), "{}: {}", place, error.what());
    }
    write_output("-", answer.dump() + "\n");
  }
}

}  // namespace

void add_tokenize(CLI::App& app, int& /*exit_code*/) {
  auto* command = app.add_subcommand(
      "tokenize", "Texts to token ids, ids to texts, chats to prompts: JSON lines in and out");
  set_examples(
      *command,
      "Each line of standard input is answered by one of standard output; nothing is added to a text.\n"
      "            \"text\" or {\"text\": ...}               becomes {\"ids\": [...]}\n"
      "  --decode  [1, 2] or {\"ids\": [...]}              becomes {\"text\": ...}\n"
      "  --chat    {\"messages\": [...], \"options\": {...}} becomes {\"rendered\": ..., \"ids\": [...]}\n"
      "Options of a chat: add_generation_prompt, enable_thinking, tools.\n\n"
      "Examples:\n"
      "  echo '\"Hello\"' | reprise tokenize models/Qwen3-0.6B\n"
      "  echo '[9707]' | reprise tokenize models/Qwen3-0.6B --decode\n"
      "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}' |\n"
      "    reprise tokenize models/Qwen3-0.6B --chat\n");
  auto flags = std::make_shared<TokenizeFlags>();
  command
      ->add_option(
          "MODEL", flags->model,
          "As for `generate`, or a folder with a tokenizer.json and, for --chat, its tokenizer_config.json")
      ->type_name("")
      ->required();
  auto* decode = command->add_flag("--decode", flags->decode, "Token ids to texts");
  command->add_flag("--chat", flags->chat, "Messages to the prompt that the model's chat template makes")
      ->excludes(decode);
  add_chat_template_flag(*command, flags->chat_template);
  command->callback([flags] { run_tokenize(*flags); });
}

}  // namespace reprise::cli
