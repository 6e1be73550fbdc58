/// Two tools that show what tools are, for chats: sums that language models get wrong when they do them
/// alone. Used by `reprise chat --tools`.
#pragma once

#include <vector>

#include "engine/serve/conversation.h"

namespace reprise::engine {

/// sumN1, the sum of the first n integers, and sumN2, the sum of their squares: {"n": 0 to 1000000}.
/// Errors of their calls: invalid_argument naming n.
std::vector<ChatTool> demo_tools();

}  // namespace reprise::engine
