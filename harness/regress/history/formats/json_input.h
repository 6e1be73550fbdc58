/// JSON of other programs, which may hold anything: the parts that the formats here need, with errors that
/// say where. Used by the formats of this folder.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace reprise::harness::detail {

/// engine/io/json_text.h, and NaN and infinities, which some programs write although JSON has none, are
/// named, with their line.
nlohmann::json parse_foreign_json(std::string_view text, const std::string& source);

[[noreturn]] void wrong_json(const std::string& source, const std::string& path, std::string_view expected,
                             const nlohmann::json& found);

/// The field of an object, null where it is not there. Errors: `object` is no object.
const nlohmann::json& field_of(const nlohmann::json& object, const std::string& source,
                               const std::string& path, const std::string& name);

/// Errors: not of that type; a number that is not finite or beyond what a history takes.
std::string string_at(const nlohmann::json& value, const std::string& source, const std::string& path);
double number_at(const nlohmann::json& value, const std::string& source, const std::string& path);

/// The same of fields that may be null or missing.
std::optional<std::string> optional_string(const nlohmann::json& object, const std::string& source,
                                           const std::string& path, const std::string& name);
std::optional<double> optional_number(const nlohmann::json& object, const std::string& source,
                                      const std::string& path, const std::string& name);

}  // namespace reprise::harness::detail
