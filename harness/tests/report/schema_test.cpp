/// The published schema against real reports, by a validator that is not ours, and against our reader.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "harness/profile/timeline.h"
#include "harness/report/report_json.h"
#include "harness/tests/support/json_schema.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using nlohmann::json;
using Pointer = json::json_pointer;

class ReportSchema : public ::testing::Test {
 protected:
  std::string complaint(const json& document) { return schema_.complaint(document); }

  reprise::testing::JsonSchema schema_{"report.schema.json"};
};

json sample_json() {
  return json::parse(to_text(sample_report()));
}

bool reader_accepts(const json& document) {
  try {
    (void)from_json(document, "report.json");
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST_F(ReportSchema, AcceptsWhatIsWritten) {
  EXPECT_EQ(complaint(sample_json()), "");
  Report empty;
  empty.created = "2026-01-31T12:00:00Z";
  EXPECT_EQ(complaint(json::parse(to_text(empty))), "");
}

TEST_F(ReportSchema, KnowsTimelines) {
  Report report = sample_report();
  TimelineBuilder builder;
  builder.add({.name = "embed", .cost = {64, 0}, .seconds = 1e-6}, 0);
  builder.add({.name = "linear",
               .cost = {64, 128},
               .seconds = 1e-6,
               .start_seconds = 2e-6,
               .layer = 1,
               .shape = {1, 8, 4}},
              1);
  report.rows[0].timeline = std::move(builder).build();
  json document = json::parse(to_text(report));
  EXPECT_EQ(complaint(document), "");
  document["rows"][0]["timeline"]["events"].erase("layer");
  EXPECT_NE(complaint(document), "");
}

TEST_F(ReportSchema, AcceptsAdditions) {
  json report = sample_json();
  report["weather"] = "fine";
  report["rows"][0]["capture"]["weather"] = 1;
  EXPECT_EQ(complaint(report), "");
}

/// Pointers to every value of a document, outermost first.
void collect(const json& value, const Pointer& at, std::vector<Pointer>& pointers) {
  if (!at.empty()) {
    pointers.push_back(at);
  }
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      collect(member, at / name, pointers);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      collect(value[i], at / i, pointers);
    }
  }
}

/// A document with one row of everything, small enough to damage in every place.
json small_json() {
  Report report = sample_report();
  Row row = report.rows[0];
  row.verification = report.rows[2].verification;
  row.verification.logits_digest = "00";
  row.samples.total_seconds.resize(1);
  row.samples.token_seconds = {{0.5, 0.25}};
  row.cost_centres.resize(1);
  report.rows = {row, report.rows[3]};
  report.comparisons.resize(1);
  report.machine.roofline->points.resize(1);
  return json::parse(to_text(report));
}

TEST_F(ReportSchema, AgreesWithTheReaderOnEveryDamagedField) {
  const json whole = small_json();
  ASSERT_EQ(complaint(whole), "");
  ASSERT_TRUE(reader_accepts(whole));
  std::vector<Pointer> pointers;
  collect(whole, Pointer(), pointers);
  ASSERT_GT(pointers.size(), 150U);
  const std::vector<json> replacements = {nullptr, true, 7.5, "text", json::array(), json::object()};
  int refused = 0;
  for (const Pointer& pointer : pointers) {
    for (const json& replacement : replacements) {
      // Another value of the same type may break a rule that a schema cannot state, such as low before high.
      if (replacement.type() == whole[pointer].type() && !replacement.is_object()) {
        continue;
      }
      json damaged = whole;
      damaged[pointer] = replacement;
      const bool accepted = reader_accepts(damaged);
      EXPECT_EQ(complaint(damaged).empty(), accepted)
          << pointer << " = " << replacement << ": " << complaint(damaged);
      refused += accepted ? 0 : 1;
    }
    if (whole[pointer.parent_pointer()].is_object()) {
      json damaged = whole;
      damaged[pointer.parent_pointer()].erase(pointer.back());
      const bool accepted = reader_accepts(damaged);
      EXPECT_EQ(complaint(damaged).empty(), accepted) << "without " << pointer << ": " << complaint(damaged);
      refused += accepted ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 500);
}

TEST_F(ReportSchema, RefusesImpossibleFigures) {
  const auto refuses = [&](const char* pointer, const json& value) {
    json report = sample_json();
    report[Pointer(pointer)] = value;
    return !complaint(report).empty();
  };
  EXPECT_TRUE(refuses("/schema", "reprise.report/2"));
  EXPECT_TRUE(refuses("/rows/0/stop/reason", "bored"));
  EXPECT_TRUE(refuses("/rows/0/samples/total_seconds/0", -1));
  EXPECT_TRUE(refuses("/rows/0/metrics/total_seconds/ci", {1, 2, 3}));
  EXPECT_TRUE(refuses("/rows/0/metrics/total_seconds/confidence", 1));
  EXPECT_TRUE(refuses("/rows/0/metrics/total_seconds/lag1_autocorrelation", 1.5));
  EXPECT_TRUE(refuses("/rows/0/capture/n_prompt", -1));
  EXPECT_TRUE(refuses("/machine/roofline/read_bytes_per_second", 0));
  EXPECT_TRUE(refuses("/machine/roofline/int8_dot_ops_per_second", 0));
  EXPECT_TRUE(refuses("/machine/roofline/points/0/limit", "write"));
  EXPECT_TRUE(refuses("/machine/roofline/points/0/pages", "large"));
  EXPECT_TRUE(refuses("/machine/roofline/points/0/huge_page_fraction", 1.5));
  EXPECT_TRUE(refuses("/rows/0/cost_centres/0/roofline_limit", "write"));
  EXPECT_TRUE(refuses("/rows/0/metrics/made_up", 1));
}

/// As written before the limits of dot products were measured.
TEST_F(ReportSchema, AcceptsReportsWithTwoLimits) {
  json report = sample_json();
  report["machine"]["roofline"] = {{"read_bytes_per_second", 64e9}, {"f32_flops_per_second", 512e9}};
  report["rows"][0]["cost_centres"][0].erase("roofline_limit");
  EXPECT_EQ(complaint(report), "");
  const Report read = from_json(report, "report.json");
  EXPECT_EQ(read.machine.roofline->read_bytes_per_second, 64e9);
  EXPECT_FALSE(read.machine.roofline->int8_dot_ops_per_second.has_value());
  EXPECT_TRUE(read.machine.roofline->points.empty());
  EXPECT_FALSE(read.rows[0].cost_centres[0].roofline_limit.has_value());
}

TEST_F(ReportSchema, DescribesEveryField) {
  const json& document = schema_.document();
  std::vector<Pointer> pointers;
  collect(document, Pointer(), pointers);
  int described = 0;
  for (const Pointer& pointer : pointers) {
    if (pointer.parent_pointer().empty() || pointer.parent_pointer().back() != "properties") {
      continue;
    }
    const json& field = document[pointer];
    const json& target =
        field.contains("$ref") ? document[Pointer(field["$ref"].get<std::string>().substr(1))] : field;
    EXPECT_TRUE(target.contains("description") && !target["description"].get<std::string>().empty())
        << pointer;
    ++described;
  }
  EXPECT_GT(described, 80);
}

}  // namespace
}  // namespace reprise::harness
