#include "harness/report/report_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "engine/core/error.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using nlohmann::json;

json sample_json() {
  return json::parse(to_text(sample_report()));
}

/// The error of reading `document`, or "accepted".
std::string refusal(const json& document) {
  try {
    (void)from_json(document, "report.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_data);
    return error.what();
  }
  return "accepted";
}

TEST(ReportJson, HasTheAgreedNames) {
  const json report = sample_json();
  EXPECT_EQ(report["schema"], "reprise.report/1");
  const json& row = report["rows"][0];
  EXPECT_EQ(row["capture"]["model"]["architecture"], "qwen3");
  EXPECT_EQ(row["placement"]["kv_cache"], true);
  EXPECT_EQ(row["verification"]["verdict"], "identical");
  EXPECT_TRUE(row["verification"]["first_divergence"].is_null());
  EXPECT_EQ(row["metrics"]["total_seconds"]["ci"], json::array({1.984375, 2.015625}));
  EXPECT_EQ(row["metrics"]["decode_tokens_per_second"]["better"], "higher");
  EXPECT_EQ(row["samples"]["token_seconds"].size(), 12U);
  EXPECT_EQ(row["outliers"]["causes"][0],
            json({{"cause", "involuntary_switches"}, {"outliers", 2}, {"others", 1}}));
  EXPECT_TRUE(report["rows"][1]["outliers"].is_null());
  EXPECT_EQ(row["stop"], json({{"reason", "converged"}, {"converged", true}}));
  EXPECT_EQ(report["rows"][2]["stop"], json({{"reason", "budget"}, {"converged", false}}));
  EXPECT_EQ(row["cost_centres"][0]["bytes_per_second"], 32e9);
  EXPECT_EQ(row["memory"]["peak_rss_bytes"], 64'000'000);
  EXPECT_EQ(report["comparisons"][0]["verdict"], "improvement");
  EXPECT_EQ(report["machine"]["roofline"]["read_bytes_per_second"], 64e9);
}

TEST(ReportJson, WritesFieldsInTheOrderOfTheirPage) {
  const std::string text = to_text(sample_report());
  EXPECT_TRUE(text.starts_with("{\n  \"schema\": \"reprise.report/1\",\n  \"created\": "));
  EXPECT_LT(text.find("\"tool\""), text.find("\"machine\""));
  EXPECT_LT(text.find("\"capture\""), text.find("\"placement\""));
  EXPECT_TRUE(text.ends_with("}\n"));
}

TEST(ReportJson, ComesBackAsItWas) {
  const std::string text = to_text(sample_report());
  EXPECT_EQ(to_text(parse_report(text, "report.json")), text);
}

TEST(ReportJson, KeepsEveryBitOfANumber) {
  Report report = sample_report();
  report.rows[0].samples.total_seconds[0] = 0.1 + 0.2;
  report.rows[0].cost_centres[0].bytes = (std::int64_t{1} << 60) + 1;
  const Report back = parse_report(to_text(report), "report.json");
  EXPECT_EQ(back.rows[0].samples.total_seconds[0], 0.1 + 0.2);
  EXPECT_EQ(back.rows[0].cost_centres[0].bytes, (std::int64_t{1} << 60) + 1);
}

TEST(ReportJson, NeverWritesNanOrInfinity) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Report report = sample_report();
    report.rows[1].metrics.at("total_seconds").value = bad;
    try {
      (void)to_json(report);
      FAIL() << "wrote " << bad;
    } catch (const Error& error) {
      EXPECT_TRUE(
          std::string(error.what())
              .starts_with("report.rows[1].metrics.total_seconds.value: expected a finite number, found "));
    }
  }
}

TEST(ReportJson, ALogitErrorThatIsNotFiniteIsWrittenAsNull) {
  Report report = sample_report();
  report.rows[2].verification.max_abs_logit_error = std::nan("");
  EXPECT_TRUE(to_json(report)["rows"][2]["verification"]["max_abs_logit_error"].is_null());
}

TEST(ReportJson, BrokenUtf8InANameStaysReadable) {
  Report report = sample_report();
  report.rows[0].capture.name = "a\xFF";
  EXPECT_EQ(parse_report(to_text(report), "r").rows[0].capture.name, "a\xEF\xBF\xBD");
}

TEST(ReportJson, NamesTheFieldThatHasTheWrongType) {
  json report = sample_json();
  report["rows"][0]["capture"]["id"] = 7;
  EXPECT_EQ(refusal(report), "report.json: rows[0].capture.id: expected string, found number");
  report = sample_json();
  report["rows"][1]["placement"]["kv_cache"] = "on";
  EXPECT_EQ(refusal(report), "report.json: rows[1].placement.kv_cache: expected boolean, found string");
  report = sample_json();
  report["rows"][1]["samples"]["token_seconds"][3][1] = nullptr;
  EXPECT_EQ(refusal(report), "report.json: rows[1].samples.token_seconds[3][1]: expected number, found null");
  report = sample_json();
  report["rows"] = json::object();
  EXPECT_EQ(refusal(report), "report.json: rows: expected array, found object");
  EXPECT_EQ(refusal(json::array()), "report.json: document: expected object, found array");
}

TEST(ReportJson, NamesTheFieldThatIsMissing) {
  json report = sample_json();
  report["rows"][0].erase("stop");
  EXPECT_EQ(refusal(report), "report.json: rows[0].stop: expected object, found nothing");
  report = sample_json();
  report["machine"].erase("cores");
  EXPECT_EQ(refusal(report), "report.json: machine.cores: expected whole number, found nothing");
  report = sample_json();
  report["rows"][0]["metrics"]["total_seconds"].erase("value");
  EXPECT_EQ(refusal(report),
            "report.json: rows[0].metrics.total_seconds.value: expected number, found nothing");
}

TEST(ReportJson, CountsAreWholeNotNegativeAndInRange) {
  json report = sample_json();
  report["rows"][0]["capture"]["n_prompt"] = -3;
  EXPECT_EQ(
      refusal(report),
      "report.json: rows[0].capture.n_prompt: expected whole number from 0 to 9223372036854775807, found -3");
  report["rows"][0]["capture"]["n_prompt"] = 2.5;
  EXPECT_EQ(refusal(report), "report.json: rows[0].capture.n_prompt: expected whole number, found 2.5");
  report = sample_json();
  report["machine"]["cores"] = 1e10;
  EXPECT_NE(refusal(report), "accepted");
  report["machine"]["cores"] = 10'000'000'000;
  EXPECT_EQ(refusal(report),
            "report.json: machine.cores: expected whole number from 0 to 2147483647, found 10000000000");
}

TEST(ReportJson, NamedValuesAreAClosedList) {
  json report = sample_json();
  report["rows"][0]["stop"]["reason"] = "bored\n";
  EXPECT_EQ(refusal(report),
            "report.json: rows[0].stop.reason: expected converged|budget|max_runs|not_steady|failed, found "
            "bored\\x0a");
}

TEST(ReportJson, OutOfBudgetCannotClaimToHaveConverged) {
  json report = sample_json();
  report["rows"][2]["stop"]["converged"] = true;
  EXPECT_EQ(refusal(report),
            "report.json: rows[2].stop.converged: expected false by the other fields, found true");
}

TEST(ReportJson, PartsMustFitEachOther) {
  json report = sample_json();
  report["comparisons"][0]["b"] = 5;
  EXPECT_EQ(refusal(report), "report.json: comparisons[0].b: expected index of one of 5 rows, found 5");
  report = sample_json();
  report["rows"][0]["metrics"]["total_seconds"]["ci"] = {2, 1};
  EXPECT_NE(refusal(report).find("rows[0].metrics.total_seconds.ci: expected the lower end first"),
            std::string::npos);
  report["rows"][0]["metrics"]["total_seconds"]["ci"] = {1, 2, 3};
  EXPECT_NE(refusal(report).find("expected array of 2 numbers, found 3 elements"), std::string::npos);
  report = sample_json();
  report["rows"][0]["samples"]["token_seconds"].erase(0);
  EXPECT_EQ(refusal(report),
            "report.json: rows[0].samples.token_seconds: expected 12 runs, as in total_seconds, found 11");
}

/// Three events of two kernels, in a layer and outside of any.
Report report_with_timeline() {
  TimelineBuilder builder;
  builder.add({"embed", {64, 0}, 0.1, 1, 10, engine::kNoLayer, {11, 32, 0}}, 0);
  builder.add({"linear", {(std::int64_t{1} << 60) + 1, 2000}, 0.2, 1, 10.5, 0, {11, 48, 32}}, 0);
  builder.add({"linear", {1000, 2000}, 0.25, 1, 10.75, 27, {1, 48, 32}}, 1);
  Report report = sample_report();
  report.rows[0].timeline = std::move(builder).build();
  return report;
}

json timeline_json() {
  return json::parse(to_text(report_with_timeline()));
}

TEST(ReportJson, ATimelineComesBackAsItWas) {
  const Report report = report_with_timeline();
  const std::string text = to_text(report);
  const Report back = parse_report(text, "report.json");
  EXPECT_EQ(to_text(back), text);
  ASSERT_TRUE(back.rows[0].timeline.has_value());
  EXPECT_FALSE(back.rows[1].timeline.has_value());
  const Timeline& found = *back.rows[0].timeline;
  const Timeline& expected = *report.rows[0].timeline;
  EXPECT_EQ(found.kernels, expected.kernels);
  EXPECT_EQ(found.events.kernel, expected.events.kernel);
  EXPECT_EQ(found.events.token, expected.events.token);
  EXPECT_EQ(found.events.layer, expected.events.layer);
  EXPECT_EQ(found.events.start_seconds, expected.events.start_seconds);
  EXPECT_EQ(found.events.seconds, expected.events.seconds);
  EXPECT_EQ(found.events.bytes, expected.events.bytes);
  EXPECT_EQ(found.events.flops, expected.events.flops);
  EXPECT_EQ(found.events.rows, expected.events.rows);
  EXPECT_EQ(found.events.columns, expected.events.columns);
  EXPECT_EQ(found.events.terms, expected.events.terms);
}

TEST(ReportJson, ATimelineIsColumnsOfEvents) {
  const json row = timeline_json()["rows"][0];
  EXPECT_EQ(row["timeline"]["kernels"], json::array({"embed", "linear"}));
  const json& events = row["timeline"]["events"];
  EXPECT_EQ(events["kernel"], json::array({0, 1, 1}));
  EXPECT_EQ(events["token"], json::array({0, 0, 1}));
  EXPECT_EQ(events["layer"], json::array({nullptr, 0, 27}));
  EXPECT_EQ(events["start_seconds"], json::array({0, 0.5, 0.75}));
  EXPECT_EQ(events["terms"], json::array({0, 32, 32}));
  EXPECT_TRUE(sample_json()["rows"][0]["timeline"].is_null());
}

TEST(ReportJson, ATimelineMayBeMissing) {
  json report = timeline_json();
  report["rows"][0].erase("timeline");
  EXPECT_FALSE(from_json(report, "report.json").rows[0].timeline.has_value());
}

TEST(ReportJson, ATimelinesColumnsAreThereAndOfEqualLength) {
  for (const char* const column :
       {"token", "layer", "start_seconds", "seconds", "bytes", "flops", "rows", "columns", "terms"}) {
    const std::string path = "report.json: rows[0].timeline.events." + std::string(column);
    json report = timeline_json();
    report["rows"][0]["timeline"]["events"][column].erase(2);
    EXPECT_TRUE(refusal(report).starts_with(path + ": expected 3 entries")) << refusal(report);
    report["rows"][0]["timeline"]["events"].erase(column);
    EXPECT_EQ(refusal(report), path + ": expected array, found nothing");
  }
  json report = timeline_json();
  report["rows"][0]["timeline"]["events"].erase("kernel");
  EXPECT_EQ(refusal(report), "report.json: rows[0].timeline.events.kernel: expected array, found nothing");
  report["rows"][0]["timeline"].erase("kernels");
  EXPECT_EQ(refusal(report), "report.json: rows[0].timeline.kernels: expected array, found nothing");
}

TEST(ReportJson, ATimelinesKernelsAreThoseItNames) {
  const auto refusal_of = [](const json& index) {
    json report = timeline_json();
    report["rows"][0]["timeline"]["events"]["kernel"][1] = index;
    return refusal(report);
  };
  const std::string path = "report.json: rows[0].timeline.events.kernel[1]: ";
  EXPECT_EQ(refusal_of(-1), path + "expected whole number from 0 to 9223372036854775807, found -1");
  EXPECT_EQ(refusal_of(std::numeric_limits<std::uint64_t>::max()),
            path + "expected whole number from 0 to 9223372036854775807, found 18446744073709551615");
  EXPECT_EQ(refusal_of(std::int64_t{1} << 62),
            path + "expected index of one of 2 kernels, found 4611686018427387904");
  EXPECT_EQ(refusal_of(2), path + "expected index of one of 2 kernels, found 2");
  EXPECT_EQ(refusal_of(0), "accepted");
}

TEST(ReportJson, ATimelinesEventsHaveTheirPlaceInTime) {
  const auto refusal_of = [](const char* column, const json& value) {
    json report = timeline_json();
    report["rows"][0]["timeline"]["events"][column][1] = value;
    return refusal(report);
  };
  const std::string path = "report.json: rows[0].timeline.events.";
  EXPECT_TRUE(refusal_of("seconds", -0.5).starts_with(path + "seconds[1]: expected at least 0, found -0.5"));
  EXPECT_EQ(refusal_of("seconds", nullptr), path + "seconds[1]: expected number, found null");
  EXPECT_TRUE(refusal_of("seconds", 0.5).starts_with(path + "start_seconds[2]: expected at least 1"));
  EXPECT_TRUE(
      refusal_of("start_seconds", 0.05).starts_with(path + "start_seconds[1]: expected at least 0.1"));
  EXPECT_EQ(refusal_of("layer", -1),
            path + "layer[1]: expected whole number from 0 to 9223372036854775807, found -1");
  EXPECT_EQ(refusal_of("layer", nullptr), "accepted");
}

TEST(ReportJson, RefusesAnotherSchema) {
  json report = sample_json();
  report["schema"] = "reprise.report/2";
  EXPECT_EQ(refusal(report), "report.json: schema: expected reprise.report/1, found reprise.report/2");
  report.erase("schema");
  EXPECT_EQ(refusal(report), "report.json: schema: expected string, found nothing");
}

TEST(ReportJson, PassesOverFieldsItDoesNotKnow) {
  json report = sample_json();
  report["weather"] = "fine";
  report["rows"][0]["stop"]["mood"] = 1;
  EXPECT_EQ(refusal(report), "accepted");
}

TEST(ReportJson, OptionalFieldsMayBeMissing) {
  json report = sample_json();
  report["machine"].erase("roofline");
  report["rows"][0].erase("memory");
  report["rows"][0]["verification"].erase("first_divergence");
  const Report read = from_json(report, "report.json");
  EXPECT_FALSE(read.machine.roofline.has_value());
  EXPECT_FALSE(read.rows[0].memory.has_value());
}

TEST(ReportJson, AnyTruncationIsRefusedInOneLine) {
  Report small = sample_report();
  small.rows.resize(1);
  small.comparisons.clear();
  const std::string text = to_json(small).dump();
  for (std::size_t length = 0; length < text.size(); length += 7) {
    try {
      (void)parse_report(text.substr(0, length), "cut.json");
      FAIL() << "accepted " << length << " bytes";
    } catch (const Error& error) {
      const std::string line = error.what();
      EXPECT_TRUE(line.starts_with("cut.json: ")) << line;
      EXPECT_EQ(line.find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace reprise::harness
