#include "harness/clock/run_conditions.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <utility>

namespace reprise::harness {
namespace {

/// The kernel counts stolen time in ticks of 10 ms, and a reading takes some 25 us: as long as a short call.
constexpr Seconds kRenewAfterSeconds = 0.01;

/// Totals of this process so far.
RunConditions process_counts() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {usage.ru_minflt, usage.ru_majflt, usage.ru_nvcsw, usage.ru_nivcsw};
}

}  // namespace

std::optional<double> parse_clock_hz(std::string_view text) {
  std::int64_t kilohertz = 0;
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, kilohertz);
  const bool whole = problem == std::errc() && std::all_of(rest, end, [](char c) { return c == '\n'; });
  return whole && kilohertz > 0 ? std::optional(static_cast<double>(kilohertz) * 1e3) : std::nullopt;
}

std::optional<double> read_clock_hz(int processor, const std::filesystem::path& root) {
  std::ifstream file(root / fmt::format("sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq", processor));
  std::string line;
  std::getline(file, line);
  return parse_clock_hz(line);
}

std::optional<Seconds> steal_seconds(const std::optional<ProcessorTime>& before,
                                     const std::optional<ProcessorTime>& after, long ticks_per_second) {
  if (!before || !after) {
    return std::nullopt;
  }
  const std::int64_t ticks = std::max<std::int64_t>(after->stolen - before->stolen, 0);
  return static_cast<Seconds>(ticks) / static_cast<Seconds>(ticks_per_second);
}

RunWatch::RunWatch(Clock& clock, std::filesystem::path root) : clock_(clock), root_(std::move(root)) {}

const RunWatch::MachineReading& RunWatch::read_machine() {
  const Seconds now = clock_.now();
  if (!latest_ || now - latest_->at >= kRenewAfterSeconds) {
    latest_ = MachineReading{now, read_processor_time(root_), read_clock_hz(sched_getcpu(), root_)};
  }
  return *latest_;
}

void RunWatch::start() {
  machine_before_ = read_machine();
  counts_before_ = process_counts();  // last: reading files faults and waits, too
}

RunConditions RunWatch::stop() {
  RunConditions met = process_counts();
  met.minor_page_faults -= counts_before_.minor_page_faults;
  met.major_page_faults -= counts_before_.major_page_faults;
  met.voluntary_switches -= counts_before_.voluntary_switches;
  met.involuntary_switches -= counts_before_.involuntary_switches;
  const MachineReading& machine = read_machine();
  met.steal_seconds = steal_seconds(machine_before_.time, machine.time, sysconf(_SC_CLK_TCK));
  met.clock_hz = machine.clock_hz;
  if (machine_before_.clock_hz && machine.clock_hz) {
    met.clock_hz_change = *machine.clock_hz - *machine_before_.clock_hz;
  }
  return met;
}

}  // namespace reprise::harness
