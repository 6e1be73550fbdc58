#include "harness/report/report_json.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/json_archive.h"
#include "engine/io/json_text.h"
#include "engine/io/printable.h"
#include "harness/report/report_fields.h"

namespace reprise::harness {
namespace {

using engine::JsonReader;
using engine::JsonWriter;
using nlohmann::json;
using nlohmann::ordered_json;

void check_row(const Row& row, const std::string& path, const JsonReader& reader) {
  if (row.samples.token_seconds.size() != row.samples.total_seconds.size()) {
    reader.wrong(path + ".samples.token_seconds",
                 fmt::format("{} runs, as in total_seconds", row.samples.total_seconds.size()),
                 fmt::format("{}", row.samples.token_seconds.size()));
  }
  if (const std::string problem = row.timeline ? problem_of(*row.timeline) : ""; !problem.empty()) {
    fail(ErrorCode::invalid_data, "{}: {}.timeline.{}", reader.source(), path, problem);
  }
}

void check_comparison(const Comparison& comparison, std::size_t n_rows, const std::string& path,
                      const JsonReader& reader) {
  for (const auto& [name, index] : {std::pair{"a", comparison.a}, std::pair{"b", comparison.b}}) {
    if (static_cast<std::uint64_t>(index) >= n_rows) {
      reader.wrong(engine::detail::member(path, name), fmt::format("index of one of {} rows", n_rows),
                   fmt::format("{}", index));
    }
  }
}

}  // namespace

ordered_json to_json(const Report& report) {
  Report walked = report;  // the field lists take mutable values, because the reader fills them
  JsonWriter writer("report");
  std::string schema(kReportSchema);
  writer("schema", schema);
  fields(writer, walked);
  return writer.take();
}

Report from_json(const json& document, std::string_view source) {
  JsonReader reader(document, source);
  std::string schema;
  reader("schema", schema);
  if (schema != kReportSchema) {
    reader.wrong("schema", kReportSchema, engine::printable(schema));
  }
  Report report;
  fields(reader, report);
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    check_row(report.rows[i], engine::detail::element("rows", i), reader);
  }
  for (std::size_t i = 0; i < report.comparisons.size(); ++i) {
    check_comparison(report.comparisons[i], report.rows.size(), engine::detail::element("comparisons", i),
                     reader);
  }
  return report;
}

std::string to_text(const Report& report) {
  return to_json(report).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Report parse_report(std::string_view text, const std::string& source) {
  return from_json(engine::parse_json(text, source), source);
}

Report read_report(const std::filesystem::path& path) {
  return from_json(engine::read_json_file(path), path.string());
}

}  // namespace reprise::harness
