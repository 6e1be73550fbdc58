#include "harness/clock/findings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace reprise::harness {
namespace {

/// Nothing to complain of.
Machine good_machine() {
  Machine machine;
  machine.cores = 8;
  machine.governor = "performance";
  machine.roofline = Roofline{1, 1};
  machine.roofline->points = {{Limit::read, 1, 1, "load", PageSize::small, 0.0},
                              {Limit::read, 1, 1, "load", PageSize::huge, 1.0}};
  return machine;
}

Conditions good_conditions() {
  return {8, "madvise", 0.1, 0.0, 0.01};
}

std::vector<std::string> subjects(const Machine& machine, const Conditions& conditions) {
  std::vector<std::string> names;
  for (const Finding& finding : findings_of(machine, conditions)) {
    names.push_back((finding.severity == Severity::warning ? "!" : "") + finding.subject);
    EXPECT_EQ(finding.text.find('\n'), std::string::npos);
    EXPECT_FALSE(finding.text.empty());
  }
  return names;
}

using Names = std::vector<std::string>;

TEST(Findings, OfAGoodMachineAreNone) {
  EXPECT_EQ(subjects(good_machine(), good_conditions()), Names{});
  EXPECT_TRUE(fit_to_measure({}));
}

TEST(Findings, OfAMachineThatTellsNothingAreNone) {
  Machine machine;
  machine.governor = "unknown";
  EXPECT_EQ(subjects(machine, {}), Names{});
}

TEST(Findings, Governor) {
  Machine machine = good_machine();
  for (const char* governor : {"powersave", "schedutil", "mixed"}) {
    machine.governor = governor;
    EXPECT_EQ(subjects(machine, good_conditions()), Names{"!governor"});
    EXPECT_NE(findings_of(machine, good_conditions())[0].text.find(governor), std::string::npos);
  }
}

TEST(Findings, Load) {
  Conditions conditions = good_conditions();
  conditions.load_average = 0.5;
  EXPECT_EQ(subjects(good_machine(), conditions), Names{});
  conditions.load_average = 0.51;
  EXPECT_EQ(subjects(good_machine(), conditions), Names{"!load"});
}

TEST(Findings, HugePages) {
  Conditions conditions = good_conditions();
  conditions.transparent_huge_pages = "never";
  Machine machine = good_machine();
  machine.roofline->points[1].huge_page_fraction = 0.0;
  EXPECT_EQ(subjects(machine, conditions), Names{"!huge pages"});  // once, with the reason
  EXPECT_NE(findings_of(machine, conditions)[0].text.find("never"), std::string::npos);
  conditions.transparent_huge_pages = "always";
  machine.roofline->points[1].huge_page_fraction = 0.89;
  EXPECT_EQ(subjects(machine, conditions), Names{"!huge pages"});
  EXPECT_NE(findings_of(machine, conditions)[0].text.find("only 89 %"), std::string::npos);
  machine.roofline->points[1].huge_page_fraction = 0.9;
  EXPECT_EQ(subjects(machine, conditions), Names{});
}

TEST(Findings, StealAndNoise) {
  Conditions conditions = good_conditions();
  conditions.steal_fraction = 0.02;
  conditions.timing_spread_fraction = 0.06;
  EXPECT_EQ(subjects(good_machine(), conditions), (Names{"!steal", "!noise"}));
  conditions.steal_fraction = 0.01;
  conditions.timing_spread_fraction = 0.05;
  EXPECT_EQ(subjects(good_machine(), conditions), Names{});
}

TEST(Findings, TurboIsANote) {
  Conditions conditions = good_conditions();
  conditions.turbo = false;
  EXPECT_EQ(subjects(good_machine(), conditions), Names{});
  conditions.turbo = true;
  EXPECT_EQ(subjects(good_machine(), conditions), Names{"turbo"});
}

TEST(Findings, ThrottlingAndQuota) {
  Conditions conditions = good_conditions();
  conditions.heat_throttled = 0;
  conditions.quota_throttled = 0;
  EXPECT_EQ(subjects(good_machine(), conditions), Names{});
  conditions.heat_throttled = 1;
  conditions.quota_throttled = 2;
  EXPECT_EQ(subjects(good_machine(), conditions), (Names{"!throttling", "!quota"}));
}

TEST(Findings, ATimerThatIsTooCoarseOrTooDear) {
  Conditions conditions = good_conditions();
  conditions.timer = TimerQuality{1e-9, 3e-8};
  EXPECT_EQ(subjects(good_machine(), conditions), Names{});
  conditions.timer = TimerQuality{1e-9, 1.5e-6};
  EXPECT_EQ(subjects(good_machine(), conditions), Names{"!timer"});
  conditions.timer = TimerQuality{1e-3, 3e-8};
  EXPECT_EQ(subjects(good_machine(), conditions), Names{"!timer"});
}

TEST(Findings, ANoiseFloorAboveTheBandOfVerdicts) {
  Conditions conditions = good_conditions();
  conditions.noise_floor_fraction = 0.0099;
  EXPECT_EQ(subjects(good_machine(), conditions), Names{});
  conditions.noise_floor_fraction = 0.02;
  EXPECT_EQ(subjects(good_machine(), conditions), Names{"!noise floor"});
}

TEST(Findings, NotesDoNotMakeAMachineUnfit) {
  Machine machine = good_machine();
  machine.virtualized = true;
  machine.cores = 2;
  Conditions conditions = good_conditions();
  conditions.processors = 4;
  EXPECT_EQ(subjects(machine, conditions), (Names{"cores", "threads", "virtual machine"}));
  EXPECT_TRUE(fit_to_measure(findings_of(machine, conditions)));
}

TEST(Findings, WarningsComeFirst) {
  Machine machine = good_machine();
  machine.cores = 1;
  machine.virtualized = true;
  Conditions conditions = good_conditions();
  conditions.processors = 1;
  conditions.timing_spread_fraction = 0.5;
  EXPECT_EQ(subjects(machine, conditions), (Names{"!noise", "cores", "virtual machine"}));
  EXPECT_FALSE(fit_to_measure(findings_of(machine, conditions)));
}

}  // namespace
}  // namespace reprise::harness
