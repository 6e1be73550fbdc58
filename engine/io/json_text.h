/// JSON from outside, parsed with what the JSON library leaves open: a key that stands twice in one object is
/// refused (the library keeps the last one), and so is deep nesting. Takes time in proportion to the text
/// (times the logarithm of the keys in an object). For configurations, indices and requests, not for
/// safetensors headers, which have their own reader.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace reprise::engine {

/// Errors: invalid_data, one line: "name: ..." with what is wrong and, where the parser knows it, at which
/// byte.
nlohmann::json parse_json(std::string_view text, const std::string& name, int max_depth = 64);

/// The same with keys in the order of the text, for what is written out again. Finding a key takes time in
/// proportion to their number, so objects have at most 1024. Errors: also invalid_data for more.
nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& name, int max_depth = 64);

/// parse_json of read_text_file.
nlohmann::json read_json_file(const std::filesystem::path& path, int max_depth = 64);

}  // namespace reprise::engine
