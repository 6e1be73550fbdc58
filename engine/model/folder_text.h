/// The tokenizer of a Hugging Face folder and what its files say about using it. Used by hugging_face.cpp.
#pragma once

#include <filesystem>
#include <optional>

#include "engine/model/model.h"

namespace reprise::engine {

/// From tokenizer.json, tokenizer_config.json and chat_template.jinja; nothing where there is no
/// tokenizer.json. A begin token goes before a text where tokenizer_config.json says "add_bos_token" or,
/// where it says nothing, where the post-processor of tokenizer.json puts one there. Errors: those of
/// read_tokenizer_json; mismatch for a token id without an embedding; invalid_data for a
/// tokenizer_config.json that is no JSON object.
std::optional<ModelText> read_folder_text(const std::filesystem::path& folder, const ModelConfig& config);

/// The same for a folder that may hold no model: of the facts only the chat template. Errors: no mismatch.
std::optional<ModelText> read_folder_text(const std::filesystem::path& folder);

}  // namespace reprise::engine
