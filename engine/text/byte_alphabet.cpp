#include "engine/text/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

constexpr std::uint32_t kEnd = 0x100 + 68;  ///< past the last character of the alphabet

constexpr bool stands_for_itself(std::uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr std::array<std::uint16_t, 256> character_table() {
  std::array<std::uint16_t, 256> characters{};
  std::uint16_t next = 0x100;
  for (std::uint16_t byte = 0; byte < 256; ++byte) {
    characters[byte] = stands_for_itself(byte) ? byte : next++;
  }
  return characters;
}
constexpr std::array<std::uint16_t, 256> kCharacterOf = character_table();

constexpr std::array<std::int16_t, kEnd> byte_table() {
  std::array<std::int16_t, kEnd> bytes{};
  bytes.fill(-1);
  for (std::int16_t byte = 0; byte < 256; ++byte) {
    bytes[kCharacterOf[static_cast<std::size_t>(byte)]] = byte;
  }
  return bytes;
}
constexpr std::array<std::int16_t, kEnd> kByteOf = byte_table();

}  // namespace

std::string spell_bytes(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) {
    const std::uint16_t character = kCharacterOf[static_cast<std::uint8_t>(byte)];
    if (character < 0x80) {
      spelling += static_cast<char>(character);
    } else {
      spelling += static_cast<char>(0xC0U | character >> 6);
      spelling += static_cast<char>(0x80U | (character & 0x3FU));
    }
  }
  return spelling;
}

std::optional<std::string> spelled_bytes(std::string_view spelling) {
  std::string bytes;
  while (!spelling.empty()) {
    const Utf8Step step = first_utf8_step(spelling);
    if (step.kind != Utf8Kind::character || step.code_point >= kEnd || kByteOf[step.code_point] < 0) {
      return std::nullopt;
    }
    bytes += static_cast<char>(kByteOf[step.code_point]);
    spelling.remove_prefix(step.size);
  }
  return bytes;
}

}  // namespace reprise::engine
