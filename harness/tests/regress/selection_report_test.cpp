#include "harness/regress/selection_report.h"

#include <gmock/gmock.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "harness/tests/support/json_schema.h"

namespace reprise::harness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

SelectionReport sample() {
  SelectionReport report;
  report.created = "2026-01-31T12:00:00Z";
  report.log = "calls.jsonl";
  report.model = "tiny";
  report.placement = "cpu f32";
  report.n_calls = 10;
  report.logged_total_seconds = 20;
  report.seed = 7;
  report.cost_model = {{"call", 0.5}, {"generated_pairs", 0}};
  report.calls = {{3, "2026-01-31T11:00:00Z", "call-00000003-0123456789abcdef.safetensors", 64, 9, 5, 7, 8.25,
                   0.75, 2, std::nullopt},
                  {9, "2026-01-31T11:10:00Z", std::nullopt, 0, 90, 1, 3, 3, 0.25, 1.5, std::nullopt}};
  report.from_log = {21, 0.05, {-0.01, 0.0625}, 0.95};
  return report;
}

TEST(SelectionReport, HasTheAgreedNames) {
  SelectionReport report = sample();
  const reprise::testing::JsonSchema schema("selection.schema.json");
  json document = json::parse(selection_json(report));
  EXPECT_EQ(schema.complaint(document), "");
  EXPECT_EQ(document["schema"], "reprise.selection/1");
  EXPECT_EQ(document["calls"][0]["weight"], 8.25);
  EXPECT_TRUE(document["calls"][1]["capture"].is_null());
  EXPECT_EQ(document["from_log"]["ci"], json::array({-0.01, 0.0625}));
  EXPECT_TRUE(document["from_replays"].is_null());
  report.from_replays = TotalPrediction{10, -0.5, {-0.6, -0.4}, 0.95};
  report.calls[0].replayed_seconds = 1;
  document = json::parse(selection_json(report));
  EXPECT_EQ(schema.complaint(document), "");
  EXPECT_EQ(document["from_replays"]["difference"], -0.5);
}

TEST(SelectionReport, TheSchemaRefusesWhatIsNone) {
  const reprise::testing::JsonSchema schema("selection.schema.json");
  const json whole = json::parse(selection_json(sample()));
  for (const auto& [key, value] : whole.items()) {
    json without = whole;
    without.erase(key);
    EXPECT_NE(schema.complaint(without), "") << key;
  }
  for (const auto& [key, value] : whole["calls"][0].items()) {
    json without = whole;
    without["calls"][0].erase(key);
    EXPECT_NE(schema.complaint(without), "") << "calls[0]." << key;
  }
  json empty = whole;
  empty["calls"] = json::array();
  EXPECT_NE(schema.complaint(empty), "");
  json other = whole;
  other["schema"] = "reprise.selection/2";
  EXPECT_NE(schema.complaint(other), "");
}

TEST(SelectionReport, NumbersThatAreNoneAreErrors) {
  SelectionReport report = sample();
  report.calls[1].weight = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(selection_json(report), Error);
}

TEST(SelectionReport, TellsPeople) {
  SelectionReport report = sample();
  std::string text = selection_text(report);
  EXPECT_THAT(text, HasSubstr("   3      64          9          5     7 calls     8.2  75.0 %  2.000 s  "
                              "call-00000003-0123456789abcdef.safetensors\n"));
  EXPECT_THAT(text, HasSubstr("not captured\n"));
  EXPECT_THAT(
      text, HasSubstr("The log: 10 calls of tiny, 20.00 s in all.\n"
                      "Predicted from the logged times of 2 calls: 21.00 s; error +5.00 % [-1.00 %, +6.25 %] "
                      "at 95 %.\n"));
  EXPECT_THAT(text, Not(HasSubstr("replay")));
  report.from_replays = TotalPrediction{10, -0.5, {-0.6, -0.4}, 0.95};
  report.calls[0].replayed_seconds = 1;
  text = selection_text(report);
  EXPECT_THAT(
      text,
      HasSubstr("Predicted from replays here: 10.00 s; against the log -50.00 % [-60.00 %, -40.00 %] at "
                "95 %.\n"));
}

}  // namespace
}  // namespace reprise::harness
