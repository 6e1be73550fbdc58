/// The lines of the server protocol, taken apart.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::engine::futhark {

/// Separated by white space; between double quotes, white space is part of a word. As Futhark has it, words
/// end where a quotation that is never closed begins.
std::vector<std::string> words_of(std::string_view line);

enum class LineStatus : unsigned char { line, too_long, end };

/// The next line without its end; the last one may lack it. Of a line longer than `max_bytes` nothing is
/// kept, and the next call reads what follows it.
LineStatus read_line(std::istream& in, std::size_t max_bytes, std::string& line);

}  // namespace reprise::engine::futhark
