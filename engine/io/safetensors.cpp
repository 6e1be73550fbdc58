#include "engine/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/io/safetensors_header.h"

namespace reprise::engine {
namespace {

using detail::SafetensorsEntry;

constexpr std::array<std::pair<DType, std::string_view>, 13> kNames = {{{DType::f64, "F64"},
                                                                        {DType::f32, "F32"},
                                                                        {DType::f16, "F16"},
                                                                        {DType::bf16, "BF16"},
                                                                        {DType::i64, "I64"},
                                                                        {DType::i32, "I32"},
                                                                        {DType::i16, "I16"},
                                                                        {DType::i8, "I8"},
                                                                        {DType::u64, "U64"},
                                                                        {DType::u32, "U32"},
                                                                        {DType::u16, "U16"},
                                                                        {DType::u8, "U8"},
                                                                        {DType::boolean, "BOOL"}}};

constexpr std::size_t kLengthBytes = 8;

/// The bytes of the header, its length checked.
std::span<const std::byte> header_of(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < kLengthBytes) {
    fail(ErrorCode::invalid_data, "{}: header length: expected 8 bytes, found a file of {}", file,
         bytes.size());
  }
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  }
  if (length == 0 || length > kSafetensorsMaxHeaderBytes) {
    fail(ErrorCode::invalid_data, "{}: header length: expected 1 to {}, found {}", file,
         kSafetensorsMaxHeaderBytes, length);
  }
  if (length > bytes.size() - kLengthBytes) {
    fail(ErrorCode::invalid_data, "{}: header length: expected at most the {} bytes that follow, found {}",
         file, bytes.size() - kLengthBytes, length);
  }
  return bytes.subspan(kLengthBytes, length);
}

/// Bytes that the entry's shape and type ask for. Zero extents do not excuse the others from fitting 63 bits:
/// code behind this multiplies extents in any order.
std::uint64_t bytes_of_shape(const SafetensorsEntry& entry, const std::string& file) {
  std::int64_t n = static_cast<std::int64_t>(size_of(entry.dtype));
  bool empty = false;
  for (const std::int64_t extent : entry.shape) {
    empty = empty || extent == 0;
    if (__builtin_mul_overflow(n, std::max<std::int64_t>(extent, 1), &n)) {
      fail(ErrorCode::invalid_data, "{}: tensor '{}': shape: expected less than 2^63 bytes, found {} [{}]",
           file, printable(entry.name), safetensors_name_of(entry.dtype), fmt::join(entry.shape, ", "));
    }
  }
  return empty ? 0 : static_cast<std::uint64_t>(n);
}

void check_entry(const SafetensorsEntry& entry, std::size_t data_bytes, const std::string& file) {
  if (entry.begin > entry.end) {
    fail(ErrorCode::invalid_data, "{}: tensor '{}': data_offsets: expected begin <= end, found [{}, {}]",
         file, printable(entry.name), entry.begin, entry.end);
  }
  if (entry.end > data_bytes) {
    fail(ErrorCode::invalid_data,
         "{}: tensor '{}': data_offsets: expected an end within the {} bytes of data, found [{}, {}]", file,
         printable(entry.name), data_bytes, entry.begin, entry.end);
  }
  const std::uint64_t expected = bytes_of_shape(entry, file);
  if (entry.end - entry.begin != expected) {
    fail(ErrorCode::invalid_data, "{}: tensor '{}': data_offsets: expected {} bytes for {} [{}], found {}",
         file, printable(entry.name), expected, safetensors_name_of(entry.dtype),
         fmt::join(entry.shape, ", "), entry.end - entry.begin);
  }
}

/// Sorts by place and checks that the data is covered exactly: no overlap, no gap, nothing left over.
void check_cover(std::vector<SafetensorsEntry>& entries, std::size_t data_bytes, const std::string& file) {
  std::stable_sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t covered = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != covered) {
      fail(ErrorCode::invalid_data,
           "{}: tensor '{}': data_offsets: expected to begin at {}, where the tensors before it end, found "
           "{} ({})",
           file, printable(entry.name), covered, entry.begin, entry.begin < covered ? "an overlap" : "a gap");
    }
    covered = entry.end;
  }
  if (covered != data_bytes) {
    fail(ErrorCode::invalid_data, "{}: data: expected {} bytes, which the tensors cover, found {}", file,
         covered, data_bytes);
  }
}

}  // namespace

std::string_view safetensors_name_of(DType dtype) {
  const auto* found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& entry) { return entry.first == dtype; });
  return found->second;  // the table has every type
}

std::optional<DType> safetensors_dtype_named(std::string_view name) {
  for (const auto& [dtype, spelling] : kNames) {
    if (spelling == name) {
      return dtype;
    }
  }
  return std::nullopt;
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  MappedFile mapping = MappedFile::open(path);
  SafetensorsFile file = parse(mapping.bytes(), path.string());
  file.mapping_ = std::move(mapping);
  return file;
}

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  const std::span<const std::byte> text = header_of(bytes, name);
  detail::SafetensorsHeader header =
      detail::parse_safetensors_header({reinterpret_cast<const char*>(text.data()), text.size()}, name);
  SafetensorsFile file;
  file.path_ = name;
  file.bytes_ = bytes;
  file.data_begin_ = kLengthBytes + text.size();
  file.metadata_ = std::move(header.metadata);
  const std::span<const std::byte> data = bytes.subspan(file.data_begin_);
  for (const SafetensorsEntry& entry : header.entries) {
    check_entry(entry, data.size(), name);
  }
  check_cover(header.entries, data.size(), name);
  file.tensors_.reserve(header.entries.size());
  for (SafetensorsEntry& entry : header.entries) {
    file.index_.emplace(entry.name, file.tensors_.size());
    file.tensors_.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape),
                             data.subspan(entry.begin, entry.end - entry.begin)});
  }
  return file;
}

const SafetensorsTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const SafetensorsTensor& SafetensorsFile::at(std::string_view name) const {
  const SafetensorsTensor* tensor = find(name);
  if (tensor == nullptr) {
    fail(ErrorCode::not_found, "{}: tensor '{}': expected to be there, found {} other tensors",
         path_.string(), printable(name), tensors_.size());
  }
  return *tensor;
}

}  // namespace reprise::engine
