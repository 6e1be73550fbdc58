/// UTF-8 as the tokenizers need it: strict decoding, replacement of what is invalid, and normalization form
/// C. Not a Unicode library: tables come from utf8proc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace reprise::engine {

/// U+FFFD, which stands for bytes that are not UTF-8.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

enum class Utf8Kind : std::uint8_t {
  character,  ///< a whole character
  invalid,    ///< bytes that begin no character: the maximal subpart of one, or a stray byte
  cut,        ///< a correct beginning of a character, but the text ends inside it
};

struct Utf8Step {
  Utf8Kind kind;
  std::size_t size;          ///< bytes to go on by, 1 to 4
  std::uint32_t code_point;  ///< of a character; 0 otherwise
};

/// The first character of `text`, which is not empty. Overlong forms, surrogates and code points above
/// U+10FFFF are invalid; invalid bytes are grouped as Unicode's "maximal subparts" (Unicode 15, section 3.9),
/// so that replacing each step once equals what Python, Rust and browsers do.
Utf8Step first_utf8_step(std::string_view text);

/// Start of the last character of valid UTF-8 that is not empty.
std::size_t last_utf8_begin(std::string_view text);

bool is_valid_utf8(std::string_view text);

/// `text` with one U+FFFD for each invalid or cut step.
std::string replace_invalid_utf8(std::string_view text);

/// `text`, valid UTF-8, in normalization form C (Unicode Standard Annex 15). Linear but for sorting the
/// combining marks of one character.
std::string to_nfc(std::string_view text);

/// The property White_Space.
bool is_white_space(std::uint32_t code_point);

/// A word character in the sense of Unicode Technical Standard 18, annex C (`\w`).
bool is_word_character(std::uint32_t code_point);

}  // namespace reprise::engine
