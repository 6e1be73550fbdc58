// The machine level of the numerics contract: the bits of every logit are those that are committed, whatever
// machine runs this. tools/arm64 prints the same list on an emulated ARM processor.
#include "engine/tests/machine/machine_digests.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <ostream>

namespace reprise::testing {

/// For the names that CTest shows.
void PrintTo(const MachineModel& model, std::ostream* out) {
  *out << model.name;
}

}  // namespace reprise::testing

namespace reprise::engine {
namespace {

using reprise::testing::cases_of;
using reprise::testing::kMachineModels;
using reprise::testing::MachineCall;
using reprise::testing::MachineCase;
using reprise::testing::MachineModel;
using reprise::testing::schedules_of_case;

/// From a line without its last word to that word.
std::map<std::string, std::string> committed_digests() {
  std::ifstream file(std::string(REPRISE_SOURCE_DIR) + "/engine/tests/goldens/machine_digests.txt");
  std::map<std::string, std::string> digests;
  for (std::string line; std::getline(file, line);) {
    const std::size_t space = line.rfind(' ');
    digests[line.substr(0, space)] = line.substr(space + 1);
  }
  return digests;
}

class MachineDigests : public ::testing::TestWithParam<MachineModel> {};

/// Each instruction set in one of the schedules of the case; all four are tools/arm64's work, and
/// contract_test draws others.
TEST_P(MachineDigests, AreTheCommittedOnes) {
  const auto committed = committed_digests();
  MachineCall call(GetParam());
  std::size_t n_cases = 0;
  for (const MachineCase& which : cases_of(GetParam())) {
    const auto line = committed.find(call.name(which));
    ASSERT_NE(line, committed.end()) << call.name(which);
    EXPECT_EQ(call.reference(which), line->second) << call.name(which);
    const auto schedules = schedules_of_case(n_cases);
    std::size_t next = n_cases;
    for (const std::string_view isa : kernels::available_isas()) {
      const auto& schedule = schedules[next++ % schedules.size()];
      ASSERT_EQ(call.digest(which, isa, schedule), line->second)
          << fmt::format("{} {} threads={} chunk={} cache={}", call.name(which), isa, schedule.threads,
                         schedule.prefill_chunk, schedule.kv_cache);
    }
    ++n_cases;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, MachineDigests, ::testing::ValuesIn(kMachineModels), [](const auto& test) {
  std::string name = test.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(MachineDigestsList, HasNothingElse) {
  std::size_t n_cases = 0;
  for (const MachineModel& model : kMachineModels) {
    n_cases += cases_of(model).size();
  }
  EXPECT_EQ(committed_digests().size(), n_cases);
}

}  // namespace
}  // namespace reprise::engine
