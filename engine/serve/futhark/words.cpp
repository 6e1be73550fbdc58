#include "engine/serve/futhark/words.h"

namespace reprise::engine::futhark {
namespace {

constexpr std::string_view kSpaces = " \t\r\n\v\f";

}  // namespace

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t start = line.find_first_not_of(kSpaces);
    if (start == std::string_view::npos) {
      return words;
    }
    line.remove_prefix(start);
    if (!line.starts_with('"')) {
      const std::size_t end = std::min(line.find_first_of(kSpaces), line.size());
      words.emplace_back(line.substr(0, end));
      line.remove_prefix(end);
      continue;
    }
    const std::size_t end = line.find('"', 1);
    if (end == std::string_view::npos) {
      return words;
    }
    words.emplace_back(line.substr(1, end - 1));
    line.remove_prefix(end + 1);
  }
}

LineStatus read_line(std::istream& in, std::size_t max_bytes, std::string& line) {
  line.clear();
  bool too_long = false;
  std::size_t n_read = 0;
  for (int c = in.get(); c != std::istream::traits_type::eof(); c = in.get(), ++n_read) {
    if (c == '\n') {
      return too_long ? LineStatus::too_long : LineStatus::line;
    }
    if (line.size() < max_bytes) {
      line += static_cast<char>(c);
    } else {
      too_long = true;
    }
  }
  if (n_read == 0) {
    return LineStatus::end;
  }
  return too_long ? LineStatus::too_long : LineStatus::line;
}

}  // namespace reprise::engine::futhark
