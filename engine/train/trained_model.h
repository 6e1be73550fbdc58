/// Trained parameters as a Model: to be run, or written as a folder by model/convert.h. Also the
/// configurations that training starts from. Used by `reprise model train`.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/model/model.h"
#include "engine/train/documents.h"
#include "engine/train/parameters.h"

namespace reprise::engine {

/// The configuration of Karpathy's microgpt, but for its vocabulary.
std::string_view microgpt_config_json();

/// `json`, a config.json, for this vocabulary: the number of tokens, the first and the last token and the
/// dtype are what documents and trainer make them, whatever stands there. `name` stands for the file.
/// Errors: those of parse_config.
ModelConfig training_config(std::string_view json, const std::string& name, const Documents& documents);

/// `name` stands in messages and tables. `characters` are those of the documents; prompts begin with the
/// boundary.
std::shared_ptr<const Model> make_trained_model(const std::string& name, const ModelConfig& config,
                                                Parameters<float> parameters,
                                                const std::vector<std::string>& characters);

}  // namespace reprise::engine
