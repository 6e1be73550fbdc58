/// Smaller captures of the same call: fewer generated tokens, or a prefix without its rows. Used by
/// `reprise capture trim`.
#pragma once

#include <cstdint>

#include "engine/capture/capture.h"

namespace reprise::engine {

/// The call as it would have been with so many new tokens at most: every step is a function of those before
/// it, so the first ones are the same. The policy says that it was trimmed. Errors: invalid_argument unless 1
/// <= max_new_tokens <= n_generated.
Capture trimmed(Capture capture, std::int64_t max_new_tokens);

/// Without keys and values: the prefix is recomputed from its tokens. The policy says that it was trimmed.
Capture without_kv(Capture capture);

}  // namespace reprise::engine
