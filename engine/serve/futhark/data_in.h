/// The inputs of a `gen` call in a file, as `store` of its variables writes them in order and `futhark bench`
/// reads them: xsat, xs, Params, Cache, eos_token_id, max_new_tokens. Used to make captures of such files,
/// and such files of captures.
#pragma once

#include <filesystem>

#include "engine/capture/capture.h"
#include "engine/serve/futhark/qwen_program.h"

namespace reprise::engine::futhark {

struct DataIn {
  DType element = DType::f32;  ///< f32: of qwen-f32; f16: of qwen-f16
  GenInputs inputs;
};

/// The element type is what the file's attn_k has. Errors: those of read_value, Params and Cache, with the
/// file and the value's name in front.
DataIn read_data_in(const std::filesystem::path& path);

/// The weights that a file brings, against a model's. Errors: mismatch, naming the first field that differs.
void check_same_weights(const DataIn& data, const std::shared_ptr<const Model>& model);

/// Writes the call of a capture for a program with arrays of `element`. The cache has the positions that the
/// program's loop needs to draw what was drawn (qwen_program.h), and holds the captured keys and values;
/// without them the whole prompt is new. Errors: unsupported for a call that is not greedy, was forced, or
/// ends with token 0, which the programs cannot say; those of Params and AtomicFile.
void write_data_in(const Capture& capture, const std::shared_ptr<const Model>& model, DType element,
                   const std::filesystem::path& path);

}  // namespace reprise::engine::futhark
