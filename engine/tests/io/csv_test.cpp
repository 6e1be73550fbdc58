#include "engine/io/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

using reprise::testing::error_of;
using ::testing::HasSubstr;
using Fields = std::vector<std::string>;

std::vector<Fields> fields_of(const std::string& text) {
  std::vector<Fields> all;
  for (const CsvRecord& record : read_csv(text, "t.csv")) {
    all.push_back(record.fields);
  }
  return all;
}

std::string csv_refusal(const std::string& text) {
  return error_of([&] { read_csv(text, "t.csv"); }).what();
}

TEST(Csv, FieldsQuotesAndLines) {
  EXPECT_EQ(fields_of("a,b\n1,2\n"), (std::vector<Fields>{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(fields_of("a,b\r\n1,2"), (std::vector<Fields>{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(fields_of("\"a,1\",\"say \"\"x\"\"\"\n\"two\nlines\",\"\"\n"),
            (std::vector<Fields>{{"a,1", "say \"x\""}, {"two\nlines", ""}}));
  EXPECT_EQ(fields_of("\xEF\xBB\xBF"
                      "a\n\n\r\n1\n"),
            (std::vector<Fields>{{"a"}, {"1"}}));
  EXPECT_EQ(fields_of(",\n,\n"), (std::vector<Fields>{{"", ""}, {"", ""}}));
  EXPECT_EQ(fields_of("a,"), (std::vector<Fields>{{"a", ""}}));
  EXPECT_EQ(fields_of(""), (std::vector<Fields>{}));
  EXPECT_EQ(read_csv("\"x\ny\"\n1\n", "t.csv").at(1).line, 3U);
}

TEST(Csv, RefusesWhatBreaksTheFormat) {
  EXPECT_EQ(csv_refusal("a,b\n1\n"), "t.csv: line 2: expected 2 fields as in the first line, found 1");
  EXPECT_EQ(csv_refusal("a\n1,2\n"), "t.csv: line 2: expected 1 fields as in the first line, found 2");
  EXPECT_EQ(csv_refusal("a\n\"x\n\n"), "t.csv: line 2: expected a closing quote, found the end of the file");
  EXPECT_THAT(csv_refusal("a\n\"x\"y\n"), HasSubstr("line 2: expected a comma or the line's end"));
  EXPECT_THAT(csv_refusal("a\nx\"y\n"), HasSubstr("line 2: expected a field without quotes"));
  EXPECT_THAT(csv_refusal(std::string("a\0b", 3)), HasSubstr("found a zero byte"));
  EXPECT_THAT(csv_refusal(std::string("\"a\0b\"", 5)), HasSubstr("found a zero byte"));
}

TEST(Csv, ReadsWhatItWrites) {
  const Fields odd = {"", "a b", "a,b", "\"", "x\ny", "x\r\ny", "\r", "'", ";", "\xc3\xa9", "="};
  EXPECT_EQ(fields_of(csv_line(odd) + csv_line(odd)), (std::vector<Fields>{odd, odd}));
  EXPECT_EQ(fields_of(csv_line({""}) + "x\n"), (std::vector<Fields>{{""}, {"x"}}));
}

TEST(Csv, QuotesAnEmptyFieldOnlyWhereItIsTheWholeLine) {
  EXPECT_EQ(csv_line({"a", "", "b"}), "a,,b\n");
  EXPECT_EQ(csv_line({""}), "\"\"\n");
}

}  // namespace
}  // namespace reprise::engine
