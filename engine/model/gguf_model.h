/// Models from GGUF files: configuration from metadata, tensors used where the mapping has them. Used by
/// Model::open and the converter.
#pragma once

#include <memory>
#include <string>

#include "engine/io/gguf.h"
#include "engine/model/model.h"

namespace reprise::engine {

/// Whether the file's first bytes are those of the format.
bool begins_as_gguf(const std::string& path);

/// Architectures qwen3, qwen2, llama and gpt2. Llama's rows of q and k stand in the order of interleaved
/// rotary pairs, and the model computes so (ModelConfig::rotary_layout): nothing is moved. Errors: those of
/// GgufFile::open; one line naming file, key or tensor, expected and found.
std::shared_ptr<const Model> open_gguf(const std::string& path);

/// The configuration that the file's metadata describe. Where "rope_freqs.weight" holds the factors of Llama
/// 3's usual scaling, the result has that (rope_scaling), else the factors themselves (rope_factors). Source:
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md ("Standardized key-value pairs").
ModelConfig gguf_config(const GgufFile& file);

/// What the frequencies of each pair are divided by under the configuration's scaling; empty where by
/// nothing.
std::vector<float> rope_factors_of(const ModelConfig& config);

}  // namespace reprise::engine
