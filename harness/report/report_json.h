/// The report as JSON, both ways. The reader is strict: a field that is missing, of another type or out of
/// range is an Error that names it; fields it does not know are passed over. NaN and infinities are never
/// written.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "harness/report/report.h"

namespace reprise::harness {

/// Fields in the order of the schema's page.
/// Errors: Error invalid_data naming the field that holds a NaN or an infinity.
nlohmann::ordered_json to_json(const Report& report);

/// `source` names the document in errors.
/// Errors: Error invalid_data, such as "report.json: rows[0].capture.id: expected string, found number".
Report from_json(const nlohmann::json& document, std::string_view source);

/// The text of a report file: to_json, indented by two spaces, with a final newline. Text that is not UTF-8
/// has its bad bytes replaced by U+FFFD.
std::string to_text(const Report& report);

/// from_json of a text, which may come from anywhere.
/// Errors: also what parsing finds (engine/io/json_text.h).
Report parse_report(std::string_view text, const std::string& source);

/// parse_report of a file.
Report read_report(const std::filesystem::path& path);

}  // namespace reprise::harness
