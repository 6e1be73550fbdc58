/// The digests by which histories know reports and series again: another value here would store every report
/// a second time, or start every series anew.
#include "harness/regress/history/series.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "harness/report/report_json.h"
#include "harness/tests/support/sample_history.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using nlohmann::json;

/// A report file without rows, of a build that knew other fields than this one.
constexpr const char* kReport = R"({
  "schema": "reprise.report/1",
  "created": "2026-01-31T12:00:00Z",
  "tool": {"name": "reprise", "version": "0.1.0", "git_commit": "697503a", "dirty": false, "compiler": "GNU 12.2.0",
           "flags": "-O3", "build_type": "Release", "linker": "of a later build"},
  "machine": {"cpu": "Fake CPU 9000", "isa": "avx512", "cores": 2, "memory_bytes": 8589934592, "os": "Fake",
              "virtualized": true, "governor": "unknown", "gpus": []},
  "rows": [],
  "comparisons": []
})";
constexpr const char* kReportDigest = "eb6bff87c03969fc7673890cec938ddc3af8349779fb693745e1a7ebb9c77c4b";

TEST(SubmissionOf, TheDigestIsOfTheFileAsItIs) {
  EXPECT_EQ(submission_of(json::parse(kReport), "r.json").digest, kReportDigest);
  // Not of its layout,
  EXPECT_EQ(submission_of(json::parse(json::parse(kReport).dump()), "r.json").digest, kReportDigest);
  // and not of what this build would write instead: with the roofline as null, without the linker.
  const std::string rewritten = to_text(from_json(json::parse(kReport), "r.json"));
  EXPECT_NE(submission_of(json::parse(rewritten), "r.json").digest, kReportDigest);
  EXPECT_EQ(submission_of(json::parse(kReport), "r.json").source, "r.json");
}

TEST(IdentityOf, IsStable) {
  EXPECT_EQ(identity_of(sample_track().series),
            "2e6c0ee73abc39feba3970cdcebff0dfec7a6032b0e52b2b211c8e1b88ab9304");
}

TEST(IdentityOf, DoesNotDependOnFieldsThatDecideNothing) {
  const Series series = sample_track().series;
  Series later = series;
  json placement = json::parse(series.placement);
  placement["colour"] = "blue";  // of a build that knows more of placements
  later.placement = placement.dump();
  later.model_name = "another name for it";
  later.machine_description = "other words";
  later.unit = "ms";
  EXPECT_EQ(identity_of(later), identity_of(series));
}

TEST(IdentityOf, TextsOfOtherProgramsArePlacementsToo) {
  Series imported;
  imported.capture_name = "BM_A";
  imported.metric = "real_time";
  imported.placement = "{broken";
  Series other = imported;
  other.placement = std::string(100'000, '[');  // deeper than any stack
  EXPECT_NE(identity_of(imported), identity_of(other));
  EXPECT_EQ(placement_label(other.placement), other.placement);
  EXPECT_EQ(placement_of(other.placement).has_value(), false);
}

TEST(Better, HasNames) {
  EXPECT_EQ(name_of(Better::lower), "lower");
  EXPECT_EQ(better_named("higher"), Better::higher);
  EXPECT_EQ(better_named("Higher"), std::nullopt);
}

}  // namespace
}  // namespace reprise::harness
