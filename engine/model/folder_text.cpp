#include "engine/model/folder_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/io/mapped_file.h"
#include "engine/text/tokenizer_json.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::json;

/// Whether one of a post-processor's steps puts a special token before the first sequence.
bool begins_with_special(const Json& processor) {
  if (!processor.is_object()) {
    return false;
  }
  for (const Json& step : processor.value("processors", Json::array())) {
    if (begins_with_special(step)) {
      return true;
    }
  }
  const Json single = processor.value("single", Json::array());
  return single.is_array() && !single.empty() && single.front().is_object() &&
         single.front().contains("SpecialToken");
}

Json object_of(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Json::object();
  }
  Json json = parse_json(read_text_file(path), path.string());
  if (!json.is_object()) {
    fail(ErrorCode::invalid_data, "{}: expected a JSON object, found {}", path.string(), json.type_name());
  }
  return json;
}

/// A template, or the one called "default" among several.
std::string template_of(const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_array()) {
    for (const Json& named : value) {
      if (named.is_object() && named.value("name", Json()) == "default" && named.contains("template")) {
        return template_of(named["template"]);
      }
    }
  }
  return "";
}

/// Of a file of its own, or of tokenizer_config.json.
std::string template_in(const std::filesystem::path& folder) {
  const std::filesystem::path jinja = folder / "chat_template.jinja";
  std::error_code error;
  return std::filesystem::exists(jinja, error)
             ? read_text_file(jinja)
             : template_of(object_of(folder / "tokenizer_config.json").value("chat_template", Json()));
}

}  // namespace

std::optional<ModelText> read_folder_text(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer.json";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return std::nullopt;
  }
  const std::string json = read_text_file(path);
  ModelText text{read_tokenizer_json(json, path.string()), {}};
  text.tokenizer.digest = to_hex(sha256(std::as_bytes(std::span(json))));
  text.facts.chat_template = template_in(folder);
  return text;
}

std::optional<ModelText> read_folder_text(const std::filesystem::path& folder, const ModelConfig& config) {
  std::optional<ModelText> text = read_folder_text(folder);
  if (!text) {
    return std::nullopt;
  }
  const std::filesystem::path path = folder / "tokenizer.json";
  const auto check_id = [&](TokenId id) {
    if (id >= config.n_vocab) {
      fail(ErrorCode::mismatch, "{}: token ids: expected those below config.json's vocab_size {}, found {}",
           path.string(), config.n_vocab, id);
    }
  };
  for (const TokenizerSpec::Entry& entry : text->tokenizer.vocabulary) {
    check_id(entry.id);
  }
  for (const AddedToken& token : text->tokenizer.added_tokens) {
    check_id(token.id);
  }
  const Json settings = object_of(folder / "tokenizer_config.json");
  text->facts.bos = config.bos_id;
  if (!config.eos_ids.empty()) {
    text->facts.eos = config.eos_ids.front();
  }
  if (settings.contains("add_bos_token") && settings["add_bos_token"].is_boolean()) {
    text->facts.add_bos = settings["add_bos_token"].get<bool>();
  } else {
    text->facts.add_bos = begins_with_special(read_json_file(path).value("post_processor", Json()));
  }
  text->facts.add_bos = text->facts.add_bos && text->facts.bos.has_value();
  return text;
}

}  // namespace reprise::engine
