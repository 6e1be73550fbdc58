/// Figures as people read them: a fixed number of significant digits, and a unit of fitting size. For the
/// text printers only; JSON carries full precision in SI base units.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reprise::harness {

/// Four significant digits: "0.8123", "81.23", "8123", "81234". Not for columns of times, which need a unit.
std::string format_number(double value, int digits = 4);

/// "1.234 s", "12.34 ms", "56.70 µs", "3.100 ns"; "0 s".
std::string format_seconds(double seconds);

/// "1.192 GB", "34.00 kB", "512 B": powers of 1000.
std::string format_bytes(std::int64_t bytes);

/// A fraction as per cent, to a tenth: "12.3 %".
std::string format_percent(double fraction);

/// "1 run", "2 runs".
std::string counted(std::int64_t n, std::string_view noun);

}  // namespace reprise::harness
