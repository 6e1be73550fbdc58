#include "harness/report/profile_diff.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

struct Centre {
  const char* phase;
  const char* name;
  std::int64_t calls;
  double seconds;
};

Row profiled(const std::vector<Centre>& centres, double unattributed) {
  Row row = fixed_row("cpu", "avx512", "f32", 2);
  for (const Centre& centre : centres) {
    row.cost_centres.push_back({centre.phase, centre.name, centre.calls, centre.seconds, 0, 0, 0, 0, 0, {}});
  }
  row.unattributed_seconds = unattributed;
  return row;
}

Row before() {
  return profiled(
      {{"decode", "linear", 1200, 0.5}, {"prefill", "linear", 80, 0.5}, {"decode", "gelu", 50, 0.25}}, 0.125);
}
Row after() {
  return profiled(
      {{"decode", "rope", 100, 0.125}, {"decode", "linear", 1600, 1}, {"prefill", "linear", 80, 0.5}}, 0.25);
}

/// The line of a kernel, up to its end.
std::string line_of(const std::string& table, const std::string& kernel) {
  const std::size_t at = table.find(kernel);
  return at == std::string::npos ? "no line of " + kernel : table.substr(at, table.find('\n', at) - at);
}

// clang-format off
constexpr const char* kTable = R"(phase    kernel               calls         a         b     change             of total
-------  ------------  ------------  --------  --------  ---------  ---------  --------
decode   linear        1200 to 1600  500.0 ms   1.000 s  +500.0 ms  +100.00 %   100.0 %
decode   gelu               50 to 0  250.0 ms       0 s  -250.0 ms  -100.00 %   -50.0 %
decode   rope              0 to 100       0 s  125.0 ms  +125.0 ms          -    25.0 %
prefill  linear                  80  500.0 ms  500.0 ms       +0 s    +0.00 %     0.0 %
         unattributed                125.0 ms  250.0 ms  +125.0 ms  +100.00 %    25.0 %
         total                        1.375 s   1.875 s  +500.0 ms   +36.36 %   100.0 %
two profiles, not taken in turns: for a verdict, reprise compare or reprise gate
)";
// clang-format on

/// A centre that changed, one of a alone, one of b alone, and an equal one.
TEST(ProfileDiff, Table) {
  EXPECT_EQ(profile_diff_table(before(), after()), kTable);
}

/// The total fell: a centre that became faster has a share above zero of that.
TEST(ProfileDiff, SharesAreOfTheChangeWhicheverWayItWent) {
  const std::string table = profile_diff_table(after(), before());
  EXPECT_TRUE(line_of(table, "total  ").ends_with("  -500.0 ms   -26.67 %   100.0 %")) << table;
  EXPECT_TRUE(line_of(table, "gelu").ends_with("  +250.0 ms          -   -50.0 %")) << table;
  EXPECT_TRUE(line_of(table, "rope").ends_with("  -125.0 ms  -100.00 %    25.0 %")) << table;
}

TEST(ProfileDiff, WhatIsEqualHasNoShareWhicheverWayTheTotalWent) {
  const std::string table = profile_diff_table(after(), before());
  EXPECT_EQ(table.find("-0.0"), std::string::npos) << table;
}

TEST(ProfileDiff, OfAProfileAndItselfHasNoShares) {
  const std::string table = profile_diff_table(before(), before());
  EXPECT_TRUE(line_of(table, "total ").ends_with("1.375 s   1.375 s    +0 s  +0.00 %         -")) << table;
  EXPECT_EQ(table.find("nan"), std::string::npos) << table;
  EXPECT_EQ(table.find("inf"), std::string::npos) << table;
}

TEST(ProfileDiff, CentresOfOneKernelInTwoPhasesAreTwo) {
  const Row a = profiled({{"decode", "linear", 1, 0.5}}, 0);
  const Row b = profiled({{"prefill", "linear", 1, 0.5}}, 0);
  const std::string table = profile_diff_table(a, b);
  EXPECT_NE(table.find("\ndecode   linear        1 to 0  500.0 ms       0 s  -500.0 ms"), std::string::npos)
      << table;
  EXPECT_NE(table.find("\nprefill  linear        0 to 1       0 s  500.0 ms  +500.0 ms"), std::string::npos)
      << table;
}

/// A rest below zero says that the profile contradicts itself; it is shown so.
TEST(ProfileDiff, ShowsARestBelowZero) {
  const std::string table = profile_diff_table(profiled({{"decode", "linear", 1, 1}}, -0.5),
                                               profiled({{"decode", "linear", 1, 1}}, 0.25));
  EXPECT_TRUE(line_of(table, "unattributed").ends_with("-500.0 ms  250.0 ms  +750.0 ms          -   100.0 %"))
      << table;
}

TEST(ProfileDiff, NamesFromOutsideCannotForgeLines) {
  const Row row = profiled({{"de\ncode", "a\nb\x1b[31m", 1, 1}}, 0);
  const std::string table = profile_diff_table(row, row);
  EXPECT_NE(table.find("de\\x0acode  a\\x0ab\\x1b[31m"), std::string::npos) << table;
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
}

TEST(ProfileDiffDeathTest, NeedsTwoProfiles) {
  const Row plain = fixed_row("cpu", "avx512", "f32", 2);
  EXPECT_DEATH((void)profile_diff_table(plain, before()), "check failed");
  EXPECT_DEATH((void)profile_diff_table(before(), plain), "check failed");
}

}  // namespace
}  // namespace reprise::harness
