/// Comma-separated values, both ways: records of fields, quoted where they need it, as in RFC 4180. Knows
/// nothing of what the fields mean. Used by histories and reports.
///
/// Source: Shafranovich 2005, RFC 4180. Read besides: lines that end with a line feed alone, a byte-order
///         mark.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::engine {

struct CsvRecord {
  std::size_t line = 1;  ///< where it begins
  std::vector<std::string> fields;
};

/// All records; empty lines are none.
/// Errors: invalid_data, "source: line 3: expected ..., found ...", for quotes that are not closed or stand
///         inside a field, a zero byte, and a record with more or fewer fields than the first.
std::vector<CsvRecord> read_csv(std::string_view text, const std::string& source);

/// One record with its line feed.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace reprise::engine
