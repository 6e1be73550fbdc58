/// Models from a Hugging Face folder: config.json, safetensors weights, tokenizer.json. Used by Model::open.
#pragma once

#include <memory>
#include <string>

#include "engine/model/model.h"

namespace reprise::engine {

/// Tensors that are used as stored stay in the mapped files; the rest (GPT-2's transposed matrices) is
/// copied.
std::shared_ptr<const Model> open_hugging_face(const std::string& folder);

}  // namespace reprise::engine
