/// The bytes of the folders beside this file, as embed.cmake writes them into the build. Used by builtin.cpp.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace reprise::engine {

struct EmbeddedFolder {
  std::string_view name;
  std::string_view config_json;
  std::string_view tokenizer_json;
  std::span<const std::byte> weights;  ///< model.safetensors, aligned to 64 bytes
};

std::span<const EmbeddedFolder> embedded_folders();

}  // namespace reprise::engine
