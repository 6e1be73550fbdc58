#include "harness/regress/history/time_text.h"

#include <gtest/gtest.h>

namespace reprise::harness {
namespace {

TEST(UtcText, UnderstandsWhatFilesHold) {
  EXPECT_EQ(utc_text("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(utc_text("2026-01-31T12:00:00+00:00"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(utc_text("2026-01-31T00:30:00+01:00"), "2026-01-30T23:30:00Z");
  EXPECT_EQ(utc_text("2026-12-31T22:30:00-0330"), "2027-01-01T02:00:00Z");
  EXPECT_EQ(utc_text("2026.01.01 3:00:00 +0100"), "2026-01-01T02:00:00Z");
  EXPECT_EQ(utc_text("2018/06/12 12:34:56"), "2018-06-12T12:34:56Z");
  EXPECT_EQ(utc_text("2026-01-31T12:00:00.999Z"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(utc_text("2026-01-31 12:05"), "2026-01-31T12:05:00Z");
  EXPECT_EQ(utc_text("2024-02-29"), "2024-02-29T00:00:00Z");
  EXPECT_EQ(utc_text("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00Z");
  EXPECT_EQ(utc_text("2026-01-31T12:00:00+01"), "2026-01-31T11:00:00Z");
  EXPECT_EQ(utc_text("1769860800"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(utc_text("1769860800123"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(utc_text("100000000"), "1973-03-03T09:46:40Z");
  EXPECT_EQ(utc_text("100000000000"), "1973-03-03T09:46:40Z");
  EXPECT_EQ(utc_text("99999999999"), "5138-11-16T09:46:39Z");
}

TEST(UtcText, RefusesTheRest) {
  for (const char* text :
       {"", " ", "yesterday", "-5", "2026-13-01", "2026-02-30", "2026-01-31T", "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z", "2026-01-31T12:00:00X", "2026-01-31T12:00:00Z ", "2026-01-31T12:00:00+1",
        "2026-01-31T12:00:00+25:00", "2026-01-31T12:00:00+01:0", "1969-12-31", "17698608001234", "1e9",
        // Dates without hyphens, years and hours are no seconds.
        "0", "2026", "202601", "20260131", "99999999", "2026-01-31T12:00:00Z'; drop table reprise_point; --",
        "9999-12-31T23:59:59-01:00"}) {
    EXPECT_EQ(utc_text(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace reprise::harness
