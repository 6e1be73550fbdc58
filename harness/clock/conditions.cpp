#include "harness/clock/conditions.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <sstream>
#include <vector>

#include "harness/clock/roofline_kernels.h"

namespace reprise::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTimings = 400;
constexpr std::int64_t kIterations = 40'000;

/// The choice in brackets: "always [madvise] never".
std::string chosen(const std::string& line) {
  const std::size_t open = line.find('[');
  const std::size_t close = line.find(']', open);
  return close == std::string::npos ? "unknown" : line.substr(open + 1, close - open - 1);
}

int processors_online(const fs::path& root) {
  std::ifstream file(root / "proc/cpuinfo");
  int processors = 0;
  for (std::string line; std::getline(file, line);) {
    processors += line.starts_with("processor") ? 1 : 0;
  }
  return processors;
}

}  // namespace

Conditions read_conditions(const fs::path& root) {
  Conditions conditions;
  conditions.processors = processors_online(root);
  std::ifstream huge_pages(root / "sys/kernel/mm/transparent_hugepage/enabled");
  if (std::string line; std::getline(huge_pages, line)) {
    conditions.transparent_huge_pages = chosen(line);
  }
  std::ifstream load(root / "proc/loadavg");
  if (double minute = 0; load >> minute && minute >= 0) {
    conditions.load_average = minute;
  }
  return conditions;
}

std::optional<ProcessorTime> parse_processor_time(std::string_view line) {
  if (!line.starts_with("cpu ")) {
    return std::nullopt;
  }
  // user nice system idle iowait irq softirq steal; guests' time, after them, is in user already.
  constexpr int kFields = 8;
  std::istringstream ticks{std::string(line.substr(4))};
  ProcessorTime time;
  for (int i = 0; i < kFields; ++i) {
    if (!(ticks >> time.stolen)) {
      return std::nullopt;
    }
    time.all += time.stolen;
  }
  return time;
}

std::optional<ProcessorTime> read_processor_time(const fs::path& root) {
  std::ifstream file(root / "proc/stat");
  std::string line;
  std::getline(file, line);
  return parse_processor_time(line);
}

std::optional<double> steal_fraction(const std::optional<ProcessorTime>& before,
                                     const std::optional<ProcessorTime>& after) {
  if (!before || !after || after->all <= before->all) {
    return std::nullopt;
  }
  const auto stolen = static_cast<double>(std::max<std::int64_t>(after->stolen - before->stolen, 0));
  return stolen / static_cast<double>(after->all - before->all);
}

double spread_of(std::span<const Seconds> timings) {
  std::vector<Seconds> sorted(timings.begin(), timings.end());
  std::sort(sorted.begin(), sorted.end());
  if (sorted.size() < 2 || sorted[sorted.size() / 2] <= 0) {
    return 0;
  }
  const std::size_t tail = sorted.size() / 20;
  return (sorted[sorted.size() - 1 - tail] - sorted[tail]) / sorted[sorted.size() / 2];
}

double timing_spread(Clock& clock) {
  const detail::RooflineKernels kernels = detail::supported_roofline_kernels().back();
  std::atomic<float> sink = 0;  // keeps the results alive
  std::vector<Seconds> timings(kTimings);
  for (Seconds& timing : timings) {
    const Seconds start = clock.now();
    sink.store(kernels.multiply_add(kIterations, 0.5F, 0.5F), std::memory_order_relaxed);
    timing = clock.now() - start;
  }
  return spread_of(timings);
}

}  // namespace reprise::harness
