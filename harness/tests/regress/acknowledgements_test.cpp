#include "harness/regress/acknowledgements.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "harness/tests/support/json_schema.h"
#include "harness/tests/support/sample_gate.h"

namespace reprise::harness {
namespace {

using nlohmann::json;

json sample_document() {
  return json::parse(R"({"schema": "reprise.acknowledgements/1", "accepted": [
    {"capture": "chat-1", "metric": "total_seconds", "commit": "0123abc", "reason": "exact sums",
     "expires": "2026-03-31", "placement": {"precision": "f32", "kv_cache": true, "threads": 2},
     "at_most": 0.125},
    {"capture": "chat-1", "metric": "kernel_calls", "commit": "0123abc", "reason": "one more norm",
     "expires": "2024-02-29"}]})");
}

/// "accepted" or the error; the published schema must agree where a schema can tell.
std::string refusal(const json& document, bool schema_can_tell = true) {
  std::string found = "accepted";
  try {
    (void)parse_acknowledgements(document.dump(), "accepted.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_data);
    found = error.what();
  }
  const reprise::testing::JsonSchema schema("acknowledgements.schema.json");
  EXPECT_EQ(schema.complaint(document).empty(), found == "accepted" || !schema_can_tell) << document;
  return found;
}

std::string refusal_with(const char* pointer, const json& value, bool schema_can_tell = true) {
  json document = sample_document();
  document[json::json_pointer(pointer)] = value;
  return refusal(document, schema_can_tell);
}

TEST(Acknowledgements, AreRead) {
  const std::vector<Acknowledgement> accepted =
      parse_acknowledgements(sample_document().dump(), "accepted.json");
  EXPECT_EQ(refusal(sample_document()), "accepted");
  ASSERT_EQ(accepted.size(), 2U);
  EXPECT_EQ(accepted[0].capture, "chat-1");
  EXPECT_EQ(accepted[0].metric, "total_seconds");
  EXPECT_EQ(accepted[0].commit, "0123abc");
  EXPECT_EQ(accepted[0].reason, "exact sums");
  EXPECT_EQ(accepted[0].expires, "2026-03-31");
  ASSERT_TRUE(accepted[0].placement.has_value());
  EXPECT_EQ(accepted[0].placement->precision, "f32");
  EXPECT_EQ(accepted[0].placement->kv_cache, true);
  EXPECT_EQ(accepted[0].placement->threads, 2);
  EXPECT_FALSE(accepted[0].placement->backend.has_value());
  EXPECT_EQ(accepted[0].at_most, 0.125);
  EXPECT_FALSE(accepted[1].placement.has_value());
}

TEST(Acknowledgements, TheShippedFileIsRead) {
  EXPECT_NO_THROW((void)read_acknowledgements(REPRISE_SOURCE_DIR "/specs/acknowledged.json"));
  EXPECT_THROW((void)read_acknowledgements(REPRISE_SOURCE_DIR "/specs/gate.json"), Error);
}

TEST(Acknowledgements, ErrorsNameFileFieldExpectedAndFound) {
  EXPECT_EQ(refusal_with("/schema", "reprise.acknowledgements/2"),
            "accepted.json: schema: expected reprise.acknowledgements/1, found reprise.acknowledgements/2");
  EXPECT_EQ(refusal_with("/comment", "why"),
            "accepted.json: comment: expected one of the keys accepted, schema, found an unknown key");
  EXPECT_EQ(refusal_with("/accepted/0/until", "2026-01-01"),
            "accepted.json: accepted[0].until: expected one of the keys at_most, capture, commit, expires, "
            "metric, placement, reason, found an unknown key");
  EXPECT_EQ(
      refusal_with("/accepted/0/placement/isas", "avx2").find("accepted.json: accepted[0].placement.isas"),
      0U);
  EXPECT_EQ(refusal_with("/accepted/1/reason", 7),
            "accepted.json: accepted[1].reason: expected string, found number");
  EXPECT_EQ(refusal_with("/accepted/1/reason", ""),
            "accepted.json: accepted[1].reason: expected why it is accepted, found an empty text");
  EXPECT_EQ(refusal_with("/accepted/1/capture", ""),
            "accepted.json: accepted[1].capture: expected a capture's name or id, found an empty text");
  EXPECT_EQ(refusal_with("/accepted/0/placement/kv_cache", "on"),
            "accepted.json: accepted[0].placement.kv_cache: expected boolean, found string");
  EXPECT_EQ(refusal_with("/accepted/0/at_most", 0),
            "accepted.json: accepted[0].at_most: expected a number above 0, found 0");
  EXPECT_EQ(refusal_with("/accepted/0/metric", "prefill"),
            "accepted.json: accepted[0].metric: expected one of total_seconds, time_to_first_token_seconds, "
            "decode_tokens_per_second, kernel_calls, kernel_bytes, kernel_flops, allocations, peak_kv_bytes, "
            "weights_bytes, found prefill");
  json document = sample_document();
  document["accepted"][0].erase("commit");
  EXPECT_EQ(refusal(document), "accepted.json: accepted[0].commit: expected string, found nothing");
  document = sample_document();
  document.erase("accepted");
  EXPECT_EQ(refusal(document), "accepted.json: accepted: expected array, found nothing");
}

TEST(Acknowledgements, CommitsAreHexadecimal) {
  for (const char* commit : {"", "0123ab", "main", "0123ABC", "0123abc ", "HEAD~1"}) {
    EXPECT_EQ(refusal_with("/accepted/0/commit", commit),
              "accepted.json: accepted[0].commit: expected 7 to 64 hexadecimal digits, found " +
                  std::string(commit));
  }
}

TEST(Acknowledgements, DatesAreThoseOfACalendar) {
  for (const char* date : {"", "2026-3-1", "2026-03-1x", "26-03-01", "2026/03/01", "2026-03-01T00:00:00Z"}) {
    EXPECT_EQ(
        refusal_with("/accepted/0/expires", date),
        "accepted.json: accepted[0].expires: expected a date as YYYY-MM-DD, found " + std::string(date));
  }
  for (const char* date : {"2026-02-29", "2026-13-01", "2026-00-01", "2026-04-31", "2026-04-00"}) {
    EXPECT_NE(refusal_with("/accepted/0/expires", date, false), "accepted");
  }
}

TEST(Acknowledgements, HoldOnTheLastDayAndNoLonger) {
  const Acknowledgement entry = sample_acknowledgement();  // 2026-03-31
  EXPECT_FALSE(entry.is_expired("2025-12-31"));
  EXPECT_FALSE(entry.is_expired("2026-03-31"));
  EXPECT_TRUE(entry.is_expired("2026-04-01"));
}

TEST(Acknowledgements, CoverACaptureByNameOrIdAndOneMetric) {
  const Row row = fixed_row("cpu", "avx512", "f32", 1);
  Acknowledgement entry = sample_acknowledgement();
  const auto covers = [&](std::string_view metric, double worsening = 0.05) {
    return entry.covers(row.capture, row.placement, metric, worsening);
  };
  EXPECT_TRUE(covers("total_seconds"));
  EXPECT_FALSE(covers("kernel_calls"));
  entry.capture = "sha256:0123";
  EXPECT_TRUE(covers("total_seconds"));
  entry.placement = PlacementPattern{.precision = "f32"};
  EXPECT_TRUE(covers("total_seconds"));
  entry.placement->precision = "bf16";
  EXPECT_FALSE(covers("total_seconds"));
  entry.placement.reset();
  entry.capture = "chat-2";
  EXPECT_FALSE(covers("total_seconds"));
}

TEST(Acknowledgements, CoverNoGreaterWorseningThanWasAccepted) {
  const Row row = fixed_row("cpu", "avx512", "f32", 1);
  Acknowledgement entry = sample_acknowledgement();
  entry.at_most = 0.05;
  EXPECT_TRUE(entry.covers(row.capture, row.placement, "total_seconds", 0.05));
  EXPECT_FALSE(entry.covers(row.capture, row.placement, "total_seconds", 0.051));
}

TEST(Acknowledgements, APlacementMustAgreeInEveryDimensionThatIsNamed) {
  const PlacementInfo at = fixed_row("cpu", "avx512", "f32", 1).placement;
  EXPECT_TRUE(PlacementPattern{}.covers(at));
  PlacementPattern all{"cpu", "avx512", "f32", true, "f32", 2, "exact"};
  EXPECT_TRUE(all.covers(at));
  const std::vector<PlacementPattern> others = {
      {.backend = "hip"},       {.isa = "avx2"}, {.precision = "bf16"}, {.kv_cache = false},
      {.kv_precision = "int8"}, {.threads = 1},  {.numerics = "fast"}};
  for (std::size_t i = 0; i < others.size(); ++i) {
    EXPECT_FALSE(others[i].covers(at)) << i;
  }
}

}  // namespace
}  // namespace reprise::harness
