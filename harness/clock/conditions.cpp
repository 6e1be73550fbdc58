#include "harness/clock/conditions.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>
#include <vector>

#include "harness/clock/roofline_kernels.h"

namespace reprise::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTimings = 400;
constexpr std::int64_t kIterations = 40'000;
constexpr int kReadings = 20'000;

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

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Of the drivers for Intel's clocks, where "no" is 1, or of any other.
std::optional<bool> turbo_allowed(const fs::path& root) {
  const fs::path processors = root / "sys/devices/system/cpu";
  if (const std::string denied = first_line(processors / "intel_pstate/no_turbo");
      denied == "0" || denied == "1") {
    return denied == "0";
  }
  const std::string boost = first_line(processors / "cpufreq/boost");
  return boost == "0" || boost == "1" ? std::optional(boost == "1") : std::nullopt;
}

std::optional<std::int64_t> read_count(const fs::path& path) {
  std::ifstream file(path);
  std::int64_t count = 0;
  return file >> count && count >= 0 ? std::optional(count) : std::nullopt;
}

/// Each processor tells of its core and of its package, if at all.
std::optional<std::int64_t> heat_count(const fs::path& root) {
  std::optional<std::int64_t> sum;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(root / "sys/devices/system/cpu", missing)) {
    for (const char* name : {"core_throttle_count", "package_throttle_count"}) {
      if (const auto count = read_count(entry.path() / "thermal_throttle" / name)) {
        sum = sum.value_or(0) + *count;
      }
    }
  }
  return sum;
}

/// A line "nr_throttled 3" of a control group's cpu.stat.
std::optional<std::int64_t> throttled_periods(const fs::path& stat) {
  std::ifstream file(stat);
  std::string name;
  std::int64_t value = 0;
  while (file >> name >> value) {
    if (name == "nr_throttled") {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> quota_count(const fs::path& root) {
  // Version 2 has one line, "0::/path"; where a container hides the path, its own group is the root.
  std::string path = first_line(root / "proc/self/cgroup");
  path = path.starts_with("0::/") ? path.substr(4) : "";
  for (const fs::path& group : {fs::path("sys/fs/cgroup") / path, fs::path("sys/fs/cgroup/cpu")}) {
    if (const auto count = throttled_periods(root / group / "cpu.stat")) {
      return count;
    }
  }
  return std::nullopt;
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
  conditions.turbo = turbo_allowed(root);
  const std::string source =
      first_line(root / "sys/devices/system/clocksource/clocksource0/current_clocksource");
  conditions.clock_source = source.empty() ? "unknown" : source;
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

ThrottleCounts read_throttle_counts(const fs::path& root) {
  return {heat_count(root), quota_count(root)};
}

std::optional<std::int64_t> count_between(const std::optional<std::int64_t>& before,
                                          const std::optional<std::int64_t>& after) {
  return before && after ? std::optional(std::max<std::int64_t>(*after - *before, 0)) : std::nullopt;
}

TimerQuality timer_quality(Clock& clock) {
  const Seconds start = clock.now();
  Seconds last = start;
  Seconds least = std::numeric_limits<Seconds>::infinity();
  for (int reading = 0; reading < kReadings; ++reading) {
    const Seconds now = clock.now();
    least = now > last ? std::min(least, now - last) : least;
    last = now;
  }
  return {std::isfinite(least) ? least : 0, (last - start) / kReadings};
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
