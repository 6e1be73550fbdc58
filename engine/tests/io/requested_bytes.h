/// What code under test asks of operator new: readers of damaged files must not ask for much.
#pragma once

#include <cstddef>

namespace reprise::engine {

/// Bytes that this thread has asked for so far. Linking this replaces operator new of the whole test program,
/// with no other effect.
std::size_t requested_bytes();

}  // namespace reprise::engine
