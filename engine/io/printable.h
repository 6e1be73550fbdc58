/// Text from files that stands in error messages: names and values may hold anything, and a message is one
/// line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace reprise::engine {

/// `text` in printable ASCII: other bytes become \xNN, and what is longer than `max_bytes` is cut with "...".
std::string printable(std::string_view text, std::size_t max_bytes = 96);

}  // namespace reprise::engine
