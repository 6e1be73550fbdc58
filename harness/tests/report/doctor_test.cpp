/// The doctor's text against a golden output, its JSON against the published schema.
#include "harness/report/doctor.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/core/error.h"
#include "harness/tests/support/json_schema.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using nlohmann::json;

Diagnosis sample_diagnosis() {
  const Report report = sample_report();
  return {report.created,
          report.tool,
          report.machine,
          {4, "madvise", 1.5, 0.0125, 0.03125, true, "tsc", TimerQuality{1e-9, 2.5e-8}, 0, std::nullopt,
           0.0025, 98, 0.0175},
          {{Severity::warning, "load", "1.50 processors were busy"}, {Severity::note, "cores", "2: few"}}};
}

// clang-format off
constexpr const char* kText = R"(processor   Fake CPU 9000, avx512
cores       2 (4 logical), governor unknown
memory      8.590 GB, transparent huge pages: madvise
gpu         gfx942
system      Fake GNU/Linux 12, Linux 6.1.0, a virtual machine
load        1.50 before measuring; 1.2 % of the processors' time stolen while measuring
clock       tsc; a reading takes 25.00 ns, steps are 1.000 ns; turbo on
noise       timings of equal work differ by 3.1 %
            in turns, 0.25 % from itself over 98 pairs of runs: the noise floor of verdicts
            60 s of such pairs show a slow-down of 1.8 %, four times in five

limit                  1 thread     2 threads  instruction
-----------------  ------------  ------------  ------------
read, small pages     24.0 GB/s     48.0 GB/s  VMOVDQU zmm
read, huge pages      32.0 GB/s     64.0 GB/s  VMOVDQU zmm
f32 multiply-add    256 GFLOP/s   512 GFLOP/s  VFMADD zmm
bf16 dot products  4000 GFLOP/s  8000 GFLOP/s  TDPBF16PS
int8 dot products    1000 GOP/s    2000 GOP/s  VPDPBUSD zmm
int8 dot products    8000 GOP/s   16000 GOP/s  TDPBUSD

warning: load: 1.50 processors were busy
note: cores: 2: few
Not at its best: figures are worth less until the warnings are dealt with.
)";
// clang-format on

TEST(Doctor, Text) {
  EXPECT_EQ(doctor_text(sample_diagnosis()), kText);
}

TEST(Doctor, WithoutWarningsTheMachineIsFit) {
  Diagnosis diagnosis = sample_diagnosis();
  diagnosis.findings.erase(diagnosis.findings.begin());
  diagnosis.machine.roofline.reset();
  diagnosis.machine.cpu = "forged\n\x1b[31m";
  diagnosis.conditions = {};
  const std::string text = doctor_text(diagnosis);
  EXPECT_TRUE(text.ends_with("note: cores: 2: few\nFit to measure on.\n")) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(
      text.find("clock       unknown; turbo unknown\nnoise       timings of equal work differ by 0.0 %\n\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("load        unknown before measuring; unknown of"), std::string::npos) << text;
}

TEST(Doctor, APointThatIsMissingIsADash) {
  Roofline roofline = sample_roofline();
  roofline.points.erase(roofline.points.begin());
  EXPECT_NE(roofline_table(roofline).find("read, small pages             -     48.0 GB/s"), std::string::npos)
      << roofline_table(roofline);
}

TEST(Doctor, JsonIsAsTheSchemaSays) {
  const reprise::testing::JsonSchema schema("doctor.schema.json");
  json document = json::parse(doctor_json(sample_diagnosis()));
  EXPECT_EQ(schema.complaint(document), "");
  EXPECT_EQ(document["fit"], false);
  EXPECT_EQ(document["machine"]["roofline"]["points"].size(), 12U);
  EXPECT_EQ(document["conditions"]["steal_fraction"], 0.0125);
  EXPECT_EQ(document["findings"][0]["severity"], "warning");
  for (const char* pointer : {"/fit", "/machine/cores", "/conditions/processors", "/findings/0/severity",
                              "/machine/roofline/points/0/limit", "/tool/version"}) {
    json damaged = document;
    damaged[json::json_pointer(pointer)] = json::array();
    EXPECT_NE(schema.complaint(damaged), "") << pointer;
  }
}

TEST(Doctor, FiguresThatAreNoneAreNotWritten) {
  Diagnosis diagnosis = sample_diagnosis();
  diagnosis.conditions.timing_spread_fraction = std::numeric_limits<double>::quiet_NaN();
  try {
    (void)doctor_json(diagnosis);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "conditions.timing_spread_fraction: expected a finite number, found nan");
  }
}

}  // namespace
}  // namespace reprise::harness
