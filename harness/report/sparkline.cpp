#include "harness/report/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace reprise::harness {
namespace {

constexpr std::size_t kParts = 8;
constexpr std::array kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

}  // namespace

std::string sparkline(std::span<const double> values) {
  if (values.size() < 3) {
    return "";
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double width = (*high - *low) / static_cast<double>(kParts);
  if (!std::isfinite(width)) {
    return "";
  }
  std::array<std::size_t, kParts> counts{};
  for (const double value : values) {
    const auto part = width > 0 ? static_cast<std::size_t>((value - *low) / width) : 0;
    ++counts[std::min(part, kParts - 1)];
  }
  const std::size_t most = *std::max_element(counts.begin(), counts.end());
  std::string text;
  for (const std::size_t count : counts) {
    // Any count shows: only none is the lowest bar.
    const double share = static_cast<double>(count) / static_cast<double>(most);
    text += kBars[static_cast<std::size_t>(std::ceil(share * static_cast<double>(kBars.size() - 1)))];
  }
  return text;
}

}  // namespace reprise::harness
