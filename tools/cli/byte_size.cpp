#include "tools/cli/byte_size.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/printable.h"

namespace reprise::cli {

std::uint64_t parse_byte_size(std::string_view text, std::string_view flag) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1},     {"B", 1},    {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40},
      {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12}};
  constexpr double kMost = 0x1p62;
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.starts_with(' ')) {
    unit.remove_prefix(1);
  }
  if (error == std::errc() && number >= 0) {
    for (const auto& [name, bytes] : kUnits) {
      if (name == unit && number * bytes <= kMost) {
        return static_cast<std::uint64_t>(std::llround(number * bytes));
      }
    }
  }
  fail(ErrorCode::invalid_argument, "{}: expected a size such as 2GiB, 500MB or plain bytes, found '{}'",
       flag, engine::printable(text));
}

}  // namespace reprise::cli
