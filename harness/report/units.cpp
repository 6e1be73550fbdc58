#include "harness/report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace reprise::harness {

std::string format_number(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) {
    return fmt::format("{}", value);
  }
  const auto decimals_at = [&](double magnitude) {
    return std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(magnitude))));
  };
  int decimals = decimals_at(std::abs(value));
  // 9.9996 rounds to 10.000: a digit too many.
  const double rounded = std::round(std::abs(value) * std::pow(10, decimals)) / std::pow(10, decimals);
  decimals = std::min(decimals, decimals_at(rounded));
  return fmt::format("{:.{}f}", value, decimals);
}

std::string format_seconds(double seconds) {
  constexpr struct {
    double scale;
    const char* unit;
  } kUnits[] = {{1, "s"}, {1e3, "ms"}, {1e6, "µs"}, {1e9, "ns"}};
  if (seconds == 0 || !std::isfinite(seconds)) {
    return fmt::format("{} s", seconds);
  }
  for (const auto& [scale, unit] : kUnits) {
    // 0.99995 rounds to 1.000 and belongs to the larger unit.
    if (std::abs(seconds) * scale >= 0.99995 || scale == 1e9) {
      return fmt::format("{} {}", format_number(seconds * scale), unit);
    }
  }
  return {};
}

std::string format_bytes(std::int64_t bytes) {
  constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) {
    return fmt::format("{} B", bytes);
  }
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{} {}", format_number(value), kUnits[unit]);
}

std::string format_percent(double fraction) {
  return fmt::format("{:.1f} %", 100 * fraction);
}

std::string counted(std::int64_t n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

}  // namespace reprise::harness
