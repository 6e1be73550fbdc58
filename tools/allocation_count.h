/// How often the program has asked for memory: it replaces the global operator new with one that counts.
/// Linked into the program alone, which hands the counter to `reprise runs` (cli/app.h); tests of the
/// subcommands and the libraries keep the standard operators.
#pragma once

#include <cstdint>

namespace reprise {

/// Calls of operator new so far, in all its forms and by all threads. malloc(3) itself is not counted.
std::int64_t allocation_count();

}  // namespace reprise
