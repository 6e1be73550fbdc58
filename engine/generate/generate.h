/// The generate call: prompt in, tokens out. The one thing that captures record and replays perform.
#pragma once

#include <functional>

#include "engine/generate/request.h"
#include "engine/generate/session.h"

namespace reprise::engine {

/// Prefills what the session does not have cached, then draws and appends tokens until an end-of-sequence id,
/// max_new_tokens, a full context, or an observer that wants no more.
///
/// The result's bits depend on model, request and placement's precisions alone: not on threads, instruction
/// set, chunks, KV cache on or off, or what was cached. Errors: invalid_argument (empty prompt, ids outside
/// the vocabulary, a prompt longer than the context, parameters out of range), each naming the field;
/// invalid_data when logits are not finite, naming the weight to blame if one is.
GenerateResult generate(Session& session, const GenerateRequest& request,
                        GenerateObserver* observer = nullptr);

/// generate(), or what records and profiles calls as well.
using GenerateFunction = std::function<GenerateResult(Session&, const GenerateRequest&, GenerateObserver*)>;

/// The tokens of `request` that `session` has cached and would not process again.
std::int64_t shared_prefix(const Session& session, const GenerateRequest& request);

}  // namespace reprise::engine
