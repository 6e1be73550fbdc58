// The promises of harness/README.md, "Proof": what is asserted is what the tables there show.
#include "harness/tests/measure/proof/proof.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace reprise::harness::proof {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kReplicates = 100;  // for the memory errors; the bounds are wider by themselves
#else
constexpr int kReplicates = 2'000;
#endif
constexpr int kNightlyReplicates = 10'000;

template <class Cell>
std::string name_of_test(const testing::TestParamInfo<Cell>& info) {
  std::string name;
  for (const char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      name += c;
    }
  }
  return name;
}

/// Three Monte Carlo errors below what is promised.
double at_least(double promised, int replicates) {
  return promised - 3 * monte_carlo_error(promised, replicates);
}
double at_most(double promised, int replicates) {
  return promised + 3 * monte_carlo_error(promised, replicates);
}

void expect_one_arm(const OneArmCell& cell, int replicates) {
  const OneArmResult result = prove(cell, replicates);
  if (!cell.has_steady_state) {
    EXPECT_LE(result.converged, at_most(0.05, replicates));
    return;
  }
  EXPECT_GE(result.coverage, at_least(0.95, replicates));
  EXPECT_GE(result.converged, at_least(0.95, replicates));
  EXPECT_LE(result.off_by, 0.01);
  if (cell.name == "autoregressive 0.6" || cell.name == "two clocks 8 % apart") {
    EXPECT_LT(result.t_coverage, at_least(0.90, replicates));
    EXPECT_LT(result.futhark_coverage, at_least(0.90, replicates));
  }
}

void expect_two_arms(const TwoArmCell& cell, int replicates) {
  const TwoArmResult result = prove(cell, replicates);
  EXPECT_LE(result.false_alarms, at_most(0.01, replicates));
  EXPECT_GE(result.found_at_mde, at_least(0.80, replicates / kPowerShare));
  EXPECT_EQ(result.threshold_found, 0);
  const bool machine_moves = cell.name.starts_with("two clocks") || cell.name.starts_with("autoregressive") ||
                             cell.name.starts_with("drift") || cell.name.starts_with("step");
  if (machine_moves) {
    EXPECT_GT(result.mann_whitney_false_alarms, 0.05);
    EXPECT_GE(result.found, at_least(0.95, replicates / kPowerShare));
  }
  if (cell.name.starts_with("two clocks")) {
    EXPECT_LT(result.nvbench_found, 0.8);
  }
}

class Proof : public testing::TestWithParam<OneArmCell> {};
TEST_P(Proof, OneArmKeepsItsPromise) {
  expect_one_arm(GetParam(), kReplicates);
}
INSTANTIATE_TEST_SUITE_P(, Proof, testing::ValuesIn(one_arm_cells()), name_of_test<OneArmCell>);

class PairedProof : public testing::TestWithParam<TwoArmCell> {};
TEST_P(PairedProof, TwoArmsKeepTheirPromise) {
  expect_two_arms(GetParam(), kReplicates);
}
INSTANTIATE_TEST_SUITE_P(, PairedProof, testing::ValuesIn(two_arm_cells()), name_of_test<TwoArmCell>);

class ProofNightly : public testing::TestWithParam<OneArmCell> {};
TEST_P(ProofNightly, OneArmKeepsItsPromise) {
  expect_one_arm(GetParam(), kNightlyReplicates);
}
INSTANTIATE_TEST_SUITE_P(, ProofNightly, testing::ValuesIn(one_arm_cells()), name_of_test<OneArmCell>);

class PairedProofNightly : public testing::TestWithParam<TwoArmCell> {};
TEST_P(PairedProofNightly, TwoArmsKeepTheirPromise) {
  expect_two_arms(GetParam(), kNightlyReplicates);
}
INSTANTIATE_TEST_SUITE_P(, PairedProofNightly, testing::ValuesIn(two_arm_cells()), name_of_test<TwoArmCell>);

}  // namespace
}  // namespace reprise::harness::proof
