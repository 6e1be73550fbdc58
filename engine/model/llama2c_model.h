/// Models from llama2.c checkpoints (stories15M.bin and the like): a header of seven integers, then every
/// weight in a fixed order. Used by Model::open.
///
///   i32       dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len; a negative vocab_size
///   says that
///             the head is a matrix of its own, at the end of the file
///   weights   f32, or bf16 as llama3.fu writes them; which, the size of the file tells
///   tables    of cosines and sines [seq_len, head_dim / 2], f32 files only: ignored, as llama2.c does
///
/// Rows of q and k stand in the order of interleaved rotary pairs. What the file does not say is llama2.c's:
/// eps 1e-5, theta 10,000; with a vocabulary of 65,536 or more Llama 3's: theta 500,000 and its token ids, as
/// llama3.fu has it. The tokenizer is tokenizer.bin, or tokN.bin for N tokens, beside the file. Source:
/// https://github.com/karpathy/llama2.c, run.c (read_checkpoint); https://github.com/pfusik/llama3.fu.
#pragma once

#include <memory>
#include <string>

#include "engine/model/model.h"

namespace reprise::engine {

/// Tensors are used where the mapping has them.
/// Errors: those of MappedFile::open; a header that no checkpoint has, or a size that it does not explain, in
/// one line; version 1 and later headers (magic "ak42") are unsupported.
std::shared_ptr<const Model> open_llama2c(const std::string& path);

}  // namespace reprise::engine
