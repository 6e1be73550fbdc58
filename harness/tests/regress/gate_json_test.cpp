#include "harness/regress/gate_json.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "harness/report/report_json.h"
#include "harness/tests/support/json_schema.h"
#include "harness/tests/support/sample_gate.h"

namespace reprise::harness {
namespace {

using nlohmann::json;
using Pointer = json::json_pointer;

Gate judged_sample() {
  Acknowledgement entry = sample_acknowledgement();
  entry.placement = PlacementPattern{.precision = "f32"};
  entry.at_most = 0.125;
  return judge(sample_gate(), std::vector{entry}, "2026-01-31");
}

json sample_json() {
  return json::parse(gate_json(judged_sample()));
}

TEST(GateJson, IsAReportWithOneMoreMember) {
  const Gate gate = judged_sample();
  const std::string text = gate_json(gate);
  EXPECT_EQ(to_text(parse_report(text, "gate.json")), to_text(gate.report));
  EXPECT_EQ(reprise::testing::JsonSchema("report.schema.json").complaint(json::parse(text)), "");
}

TEST(GateJson, HasTheAgreedNames) {
  const json gate = sample_json()["gate"];
  EXPECT_EQ(gate["schema"], "reprise.gate/1");
  EXPECT_EQ(gate["outcome"], "outputs_differ");
  EXPECT_EQ(gate["options"],
            json({{"confidence", 0.99}, {"max_noise", 0.05}, {"strict", false}, {"informational", false}}));
  EXPECT_EQ(gate["a"]["git_commit"], "697503a000000");
  EXPECT_EQ(gate["b"]["dirty"], true);
  EXPECT_EQ(gate["rows"][1]["noise_floor"], 0.0625);
  EXPECT_EQ(gate["rows"][2]["b_differs"], true);
  const json& calls = gate["rows"][0]["counts"][0];
  EXPECT_EQ(calls["metric"], "kernel_calls");
  EXPECT_EQ(calls["verdict"], "regression");
  EXPECT_EQ(calls["kernels"][0], json({{"phase", "decode"}, {"name", "linear"}, {"a", 100}, {"b", 120}}));
  EXPECT_TRUE(gate["rows"][0]["counts"][3]["b"].is_null());
  EXPECT_EQ(gate["findings"][0], json({{"row", 0},
                                       {"metric", "total_seconds"},
                                       {"comparison", 0},
                                       {"count", nullptr},
                                       {"verdict", "regression"},
                                       {"standing", "acknowledged"},
                                       {"acknowledgement", 0}}));
  EXPECT_EQ(gate["acknowledgements"][0]["state"], "used");
  EXPECT_EQ(gate["acknowledgements"][0]["entry"]["placement"]["precision"], "f32");
}

TEST(GateJson, KeepsThePublishedSchema) {
  const reprise::testing::JsonSchema schema("gate.schema.json");
  EXPECT_EQ(schema.complaint(sample_json()), "");
  Gate empty;
  empty.report.created = "2026-01-31T12:00:00Z";
  EXPECT_EQ(schema.complaint(json::parse(gate_json(empty))), "");
  const auto refuses = [&](const char* pointer, const json& value) {
    json document = sample_json();
    document[Pointer(pointer)] = value;
    return !schema.complaint(document).empty();
  };
  EXPECT_TRUE(refuses("/schema", "reprise.report/2"));  // a report all the same
  EXPECT_TRUE(refuses("/rows/0/capture/id", 7));
  EXPECT_TRUE(refuses("/gate", nullptr));
  EXPECT_TRUE(refuses("/gate/schema", "reprise.gate/2"));
  EXPECT_TRUE(refuses("/gate/outcome", "fine"));
  EXPECT_TRUE(refuses("/gate/rows/0/noise_floor", -1));
  EXPECT_TRUE(refuses("/gate/rows/0/counts/0/verdict", "inconclusive"));
  EXPECT_TRUE(refuses("/gate/findings/0/standing", "sits"));
  EXPECT_TRUE(refuses("/gate/acknowledgements/0/entry/expires", "tomorrow"));
  EXPECT_TRUE(refuses("/gate/a/version", 1));
}

/// Every field that is written, at any depth, must be one that the schema describes and requires.
TEST(GateJson, EveryFieldIsRequiredByTheSchema) {
  const reprise::testing::JsonSchema schema("gate.schema.json");
  json whole = sample_json();
  // One of each is enough, and validating takes time.
  whole["rows"] = whole["comparisons"] = json::array();
  for (const char* list : {"/gate/rows", "/gate/rows/0/counts", "/gate/findings"}) {
    json& values = whole[Pointer(list)];
    values = json::array({values[0]});
  }
  ASSERT_EQ(schema.complaint(whole), "");
  std::vector<Pointer> pointers;
  const std::function<void(const json&, const Pointer&)> collect = [&](const json& value, const Pointer& at) {
    for (const auto& [name, member] : value.items()) {
      const Pointer here = value.is_array() ? at / static_cast<std::size_t>(std::stoul(name)) : at / name;
      if (value.is_object()) {
        pointers.push_back(here);
      }
      if (member.is_structured()) {
        collect(member, here);
      }
    }
  };
  collect(whole["gate"], Pointer("/gate"));
  ASSERT_GT(pointers.size(), 50U);
  for (const Pointer& pointer : pointers) {
    // Of an entry that people wrote, only some fields are required.
    if (pointer.to_string().find("/entry/") != std::string::npos) {
      continue;
    }
    json damaged = whole;
    damaged[pointer.parent_pointer()].erase(pointer.back());
    EXPECT_NE(schema.complaint(damaged), "") << "without " << pointer;
    damaged = whole;
    damaged[pointer] = json::array({json::object()});
    EXPECT_NE(schema.complaint(damaged), "") << "damaged " << pointer;
  }
}

TEST(GateJson, DescribesEveryField) {
  const json document = reprise::testing::JsonSchema("gate.schema.json").document();
  int described = 0;
  const std::function<void(const json&)> walk = [&](const json& value) {
    if (value.is_object() && value.contains("properties")) {
      for (const auto& [name, field] : value["properties"].items()) {
        const bool refers = field.contains("$ref");
        EXPECT_TRUE(refers || !field.value("description", "").empty()) << name;
        ++described;
      }
    }
    for (const json& member : value) {
      if (member.is_structured()) {
        walk(member);
      }
    }
  };
  walk(document);
  EXPECT_GT(described, 25);
}

TEST(GateJson, NeverWritesNan) {
  Gate gate = judged_sample();
  gate.rows[0].noise_floor = std::numeric_limits<double>::quiet_NaN();
  try {
    (void)gate_json(gate);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("gate.rows[0].noise_floor: expected a finite number"), 0U);
  }
}

}  // namespace
}  // namespace reprise::harness
