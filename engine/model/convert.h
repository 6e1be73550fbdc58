/// Writes any model as a GGUF file or a Hugging Face folder. What differs between the two is done here:
/// names, the order of Llama's q and k rows (interleaved rotary pairs in GGUF), GPT-2's fused and transposed
/// matrices, the tokenizer. Used by `reprise model convert` and `synthesize`.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "engine/model/model.h"

namespace reprise::engine {

struct ConvertOptions {
  /// Of matrices: "native" (as stored; for a folder, which has no blocks, those as f32), f32, f16, bf16, and
  /// for GGUF int8 or int4. Vectors are written as f32.
  std::string precision = "native";
  /// Told of the share done, 0 to 1.
  std::function<void(double)> progress = [](double) {};
};

/// Architectures qwen3, qwen2, llama and gpt2. The file is replaced atomically. Converting to f32, or as
/// stored, loses nothing; a Llama's logits may differ in their last bits, as its heads' sums run in another
/// order. Errors: unsupported for an architecture that GGUF has no name for; invalid_argument where rows are
/// no multiple of the blocks asked for; invalid_data for elements that blocks cannot hold; those of the
/// writers.
void write_gguf(const Model& model, const std::filesystem::path& path, const ConvertOptions& options = {});

/// config.json, model.safetensors, tokenizer.json, tokenizer_config.json: each file replaced atomically, the
/// weights before the configuration that names them. Errors: unsupported for what a config.json cannot say
/// (rotary factors that are no Llama 3 scaling) and for int8 and int4; those of the writers.
void write_hugging_face(const Model& model, const std::filesystem::path& folder,
                        const ConvertOptions& options = {});

}  // namespace reprise::engine
