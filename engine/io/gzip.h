/// Compression of whole texts, for files that are large and repeat themselves.
#pragma once

#include <string>
#include <string_view>

namespace reprise::engine {

/// A gzip member (RFC 1952) without a name or a time: equal text, equal bytes. Errors: out_of_memory.
std::string gzip(std::string_view text);

}  // namespace reprise::engine
