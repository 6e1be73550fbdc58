/// GGUF files put together byte by byte, by none of the code under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/gguf.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {

/// The lowest `n` bytes of `value`, lowest first.
inline std::string little_endian(std::uint64_t value, int n) {
  std::string bytes;
  for (int i = 0; i < n; ++i) {
    bytes += static_cast<char>(value >> (8 * i) & 0xff);
  }
  return bytes;
}
inline std::string u32(std::uint64_t value) {
  return little_endian(value, 4);
}
inline std::string u64(std::uint64_t value) {
  return little_endian(value, 8);
}
inline std::string gguf_text(std::string_view text) {
  return u64(text.size()) + std::string(text);
}
/// A metadata pair; `value` is the bytes after the type.
inline std::string gguf_pair(std::string_view key, std::uint32_t type, std::string_view value) {
  return gguf_text(key) + u32(type) + std::string(value);
}
inline std::string gguf_array(std::uint32_t element_type, std::uint64_t count, std::string_view elements) {
  return u32(element_type) + u64(count) + std::string(elements);
}
/// An entry of the tensor list; extents innermost first, as in the file.
inline std::string gguf_tensor(std::string_view name, const std::vector<std::uint64_t>& extents,
                               std::uint32_t type, std::uint64_t offset) {
  std::string entry = gguf_text(name) + u32(extents.size());
  for (const std::uint64_t extent : extents) {
    entry += u64(extent);
  }
  return entry + u32(type) + u64(offset);
}

inline std::string gguf_header(std::uint64_t n_tensors, std::uint64_t n_pairs, std::uint32_t version = 3) {
  return "GGUF" + u32(version) + u64(n_tensors) + u64(n_pairs);
}
/// A whole file, padded to `alignment` before the data.
inline std::string gguf_file(const std::vector<std::string>& pairs, const std::vector<std::string>& tensors,
                             std::string_view data, std::size_t alignment = 32, std::uint32_t version = 3) {
  std::string file = gguf_header(tensors.size(), pairs.size(), version);
  for (const std::string& each : pairs) {
    file += each;
  }
  for (const std::string& each : tensors) {
    file += each;
  }
  file.resize((file.size() + alignment - 1) / alignment * alignment);
  return file + std::string(data);
}

inline GgufFile parse_gguf(const std::string& file) {
  return GgufFile::parse(bytes_of(file), "f");
}

/// Pairs of every type, with arrays of every type, empty, nested and of no elements at all.
inline std::vector<std::string> pairs_of_every_type() {
  const std::string texts = gguf_text("a") + gguf_text("") + gguf_text("\xff\n");
  const std::string rows = gguf_array(4, 2, u32(1) + u32(2)) + gguf_array(8, 1, gguf_text("x")) +
                           gguf_array(9, 1, gguf_array(7, 2, std::string("\1\0", 2)));
  std::vector<std::string> pairs = {
      gguf_pair("u8", 0, "\xfe"),
      gguf_pair("i8", 1, "\xfe"),
      gguf_pair("u16", 2, "\xfe\xff"),
      gguf_pair("i16", 3, "\xfe\xff"),
      gguf_pair("u32", 4, u32(0xfffffffe)),
      gguf_pair("i32", 5, u32(0xfffffffe)),
      gguf_pair("f32", 6, u32(0x3fc00000)),  // 1.5
      gguf_pair("bool", 7, "\1"),
      gguf_pair("string", 8, gguf_text("text \xc3\xa9")),
      gguf_pair("u64", 10, u64(~std::uint64_t{1})),
      gguf_pair("i64", 11, u64(~std::uint64_t{1})),
      gguf_pair("f64", 12, u64(0xbff8000000000000)),  // -1.5
      gguf_pair("array.string", 9, gguf_array(8, 3, texts)),
      gguf_pair("array.array", 9, gguf_array(9, 3, rows)),
  };
  const std::vector<std::size_t> sizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  for (std::uint32_t type = 0; type < sizes.size(); ++type) {
    const std::string number = std::to_string(type);
    pairs.push_back(gguf_pair("empty." + number, 9, gguf_array(type, 0, "")));
    if (sizes[type] != 0) {
      pairs.push_back(
          gguf_pair("array." + number, 9, gguf_array(type, 3, std::string(3 * sizes[type], '\1'))));
    }
  }
  return pairs;
}

}  // namespace reprise::engine
