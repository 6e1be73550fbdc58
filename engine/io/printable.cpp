#include "engine/io/printable.h"

#include <fmt/format.h>

namespace reprise::engine {

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string line;
  for (const char c : text.substr(0, max_bytes)) {
    const auto code = static_cast<unsigned char>(c);
    line += code >= 0x20 && code < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", code);
  }
  if (text.size() > max_bytes) {
    line += "...";
  }
  return line;
}

}  // namespace reprise::engine
