#include "harness/clock/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reprise::harness {
namespace {

/// Half a processor: what an idle desktop or a test runner between tests stays below.
constexpr double kMostLoad = 0.5;
/// The default target of a measurement is an interval of 1 % of the median: less cannot hide there.
constexpr double kMostSteal = 0.01;
/// Medians still converge at this spread, within some hundred runs.
constexpr double kMostSpread = 0.05;
/// The band of verdicts: a machine that differs from itself by more widens it.
constexpr double kMostNoiseFloor = 0.01;
/// A thousandth of a token that takes a millisecond.
constexpr Seconds kMostTimerSeconds = 1e-6;
constexpr double kLeastHugePages = 0.9;
constexpr int kFewCores = 2;

class Findings {
 public:
  template <class... Args>
  void add(Severity severity, const char* subject, fmt::format_string<Args...> format, Args&&... args) {
    findings_.push_back({severity, subject, fmt::format(format, std::forward<Args>(args)...)});
  }

  std::vector<Finding> take() {
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(findings_);
  }

 private:
  std::vector<Finding> findings_;
};

void judge_processors(const Machine& machine, const Conditions& conditions, Findings& findings) {
  if (machine.governor != "unknown" && machine.governor != "performance") {
    findings.add(Severity::warning, "governor",
                 "{}: the clock changes between runs; as root: cpupower frequency-set -g performance",
                 machine.governor);
  }
  if (conditions.load_average.value_or(0) > kMostLoad) {
    findings.add(
        Severity::warning, "load",
        "{:.2f} processors were busy over the last minute, before anything was measured; end what runs "
        "beside it, or wait a minute",
        *conditions.load_average);
  }
  if (machine.cores > 0 && machine.cores <= kFewCores) {
    findings.add(Severity::note, "cores",
                 "{}: the system itself needs some of {}; where figures of all threads are unsteady, measure "
                 "with --threads 1",
                 machine.cores, machine.cores == 1 ? "it" : "them");
  }
  if (conditions.processors > machine.cores && machine.cores > 0) {
    findings.add(Severity::note, "threads",
                 "{} logical processors on {} cores: two threads on one core share its arithmetic; compare "
                 "--threads {} with all",
                 conditions.processors, machine.cores, machine.cores);
  }
}

void judge_clocks(const Conditions& conditions, Findings& findings) {
  if (conditions.turbo.value_or(false)) {
    findings.add(
        Severity::note, "turbo",
        "on: the clock depends on heat and on what other cores do; for figures that repeat from day to "
        "day, as root: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 > "
        "/sys/devices/system/cpu/cpufreq/boost");
  }
  if (conditions.heat_throttled.value_or(0) > 0) {
    findings.add(
        Severity::warning, "throttling",
        "processors were slowed {} times for heat or power while measuring; cool the machine, or give "
        "it rests",
        *conditions.heat_throttled);
  }
  if (conditions.quota_throttled.value_or(0) > 0) {
    findings.add(
        Severity::warning, "quota",
        "this process was stopped {} times for its quota of processor time while measuring; give its "
        "container whole processors, or measure with fewer --threads",
        *conditions.quota_throttled);
  }
  if (conditions.timer &&
      std::max(conditions.timer->cost_seconds, conditions.timer->resolution_seconds) > kMostTimerSeconds) {
    findings.add(
        Severity::warning, "timer",
        "a reading of the clock ({}) takes {:.2g} us and steps by {:.2g} us: too coarse for tokens of "
        "small models; boot with another clocksource (tsc) if the machine has one",
        conditions.clock_source, 1e6 * conditions.timer->cost_seconds,
        1e6 * conditions.timer->resolution_seconds);
  }
}

void judge_huge_pages(const Machine& machine, const Conditions& conditions, Findings& findings) {
  if (conditions.transparent_huge_pages == "never") {
    findings.add(Severity::warning, "huge pages",
                 "never: weights lie in small pages, which are slower to read; as root: echo madvise > "
                 "/sys/kernel/mm/transparent_hugepage/enabled");
    return;
  }
  double granted = 1;
  for (const RooflinePoint& point :
       machine.roofline ? machine.roofline->points : std::vector<RooflinePoint>{}) {
    granted =
        point.pages == PageSize::huge ? std::min(granted, point.huge_page_fraction.value_or(1)) : granted;
  }
  if (granted < kLeastHugePages) {
    findings.add(Severity::warning, "huge pages",
                 "only {:.0f} % of a buffer got them: memory is fragmented or short; as root: echo 1 > "
                 "/proc/sys/vm/compact_memory",
                 100 * granted);
  }
}

void judge_steadiness(const Machine& machine, const Conditions& conditions, Findings& findings) {
  if (conditions.steal_fraction.value_or(0) > kMostSteal) {
    findings.add(Severity::warning, "steal",
                 "the hypervisor gave {:.1f} % of the processors' time to others while measuring; measure at "
                 "another time, or on a host of your own",
                 100 * *conditions.steal_fraction);
  }
  if (conditions.timing_spread_fraction > kMostSpread) {
    findings.add(
        Severity::warning, "noise",
        "timings of equal work differ by {:.1f} % of their median; differences smaller than that take "
        "many runs to see",
        100 * conditions.timing_spread_fraction);
  }
  if (conditions.noise_floor_fraction.value_or(0) > kMostNoiseFloor) {
    findings.add(
        Severity::warning, "noise floor",
        "equal work, run in turns, differed from itself by {:.1f} %: smaller changes than that cannot "
        "be told from none here",
        100 * *conditions.noise_floor_fraction);
  }
  if (machine.virtualized) {
    findings.add(
        Severity::note, "virtual machine",
        "neighbours share its caches and memory, and its speed drifts: compare only figures that one "
        "command took in turns");
  }
}

}  // namespace

std::vector<Finding> findings_of(const Machine& machine, const Conditions& conditions) {
  Findings findings;
  judge_processors(machine, conditions, findings);
  judge_clocks(conditions, findings);
  judge_huge_pages(machine, conditions, findings);
  judge_steadiness(machine, conditions, findings);
  return findings.take();
}

bool fit_to_measure(const std::vector<Finding>& findings) {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.severity == Severity::warning; });
}

}  // namespace reprise::harness
