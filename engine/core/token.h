/// The type of a token id, shared by the tokenizers, the model and the capture file.
#pragma once

#include <cstdint>

namespace reprise::engine {

/// Index of a token in a model's vocabulary, never negative where it names a token.
using TokenId = std::int32_t;

}  // namespace reprise::engine
