/// The JSON header of a safetensors file, read event by event: no document is built, so that a key that
/// stands twice is seen and nesting costs nothing. Part of safetensors.cpp, which checks the entries against
/// the data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/dtype.h"

namespace reprise::engine::detail {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  ///< in the order of the text
};

/// `file` stands in messages. Errors: invalid_data, one line, when the text breaks the format.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& file);

}  // namespace reprise::engine::detail
