#include "engine/text/piece_spelling.h"

#include <fmt/format.h>

#include <charconv>

namespace reprise::engine {
namespace {

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string result;
  result.reserve(text.size());
  std::size_t done = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, done)) {
    result += text.substr(done, at - done);
    result += by;
    done = at + what.size();
  }
  return result += text.substr(done);
}

}  // namespace

std::string spell_piece(std::string_view text) {
  return replaced(text, " ", kPieceSpace);
}

std::string spelled_piece(std::string_view spelling) {
  return replaced(spelling, kPieceSpace, " ");
}

std::string spell_byte_piece(std::uint8_t byte) {
  return fmt::format("<0x{:02X}>", byte);
}

std::optional<std::uint8_t> spelled_byte_piece(std::string_view spelling) {
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling.back() != '>') {
    return std::nullopt;
  }
  std::uint8_t byte = 0;
  const char* end = spelling.data() + 5;
  const auto result = std::from_chars(spelling.data() + 3, end, byte, 16);
  return result.ec == std::errc() && result.ptr == end ? std::optional(byte) : std::nullopt;
}

}  // namespace reprise::engine
