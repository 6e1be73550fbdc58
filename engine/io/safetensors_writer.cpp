#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/core/check.h"
#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/atomic_write.h"
#include "engine/io/printable.h"
#include "engine/io/safetensors.h"

namespace reprise::engine {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::size_t kHeaderAlignment = 8;

std::string json_string(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    fail(ErrorCode::invalid_argument, "safetensors: '{}': expected UTF-8, found other bytes",
         printable(text));
  }
}

std::string json_entry(const SafetensorsTensor& tensor, std::size_t begin, std::size_t size) {
  return fmt::format(R"({}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", json_string(tensor.name),
                     safetensors_name_of(tensor.dtype), nlohmann::json(tensor.shape).dump(), begin,
                     begin + size);
}

std::size_t bytes_of(DType dtype, const std::vector<std::int64_t>& shape) {
  std::size_t n = size_of(dtype);
  for (const std::int64_t extent : shape) {
    REPRISE_CHECK(extent >= 0);
    REPRISE_CHECK(!__builtin_mul_overflow(n, static_cast<std::size_t>(extent), &n));
  }
  return n;
}

}  // namespace

void SafetensorsWriter::claim(const std::string& name) {
  static_cast<void>(json_string(name));
  if (name == kMetadataKey) {
    fail(ErrorCode::invalid_argument, "safetensors: tensor '{}': expected a name, found the format's own key",
         name);
  }
  if (!names_.insert(name).second) {
    fail(ErrorCode::invalid_argument, "safetensors: tensor '{}': expected to be added once, found a second",
         printable(name));
  }
}

void SafetensorsWriter::set_metadata(std::string key, std::string value) {
  static_cast<void>(json_string(key));
  static_cast<void>(json_string(value));
  metadata_.insert_or_assign(std::move(key), std::move(value));
}

void SafetensorsWriter::add(std::string name, DType dtype, std::vector<std::int64_t> shape,
                            std::span<const std::byte> data) {
  if (shape.size() > kSafetensorsMaxRank) {
    fail(ErrorCode::invalid_argument,
         "safetensors: tensor '{}': shape: expected at most {} extents, found {}", printable(name),
         kSafetensorsMaxRank, shape.size());
  }
  REPRISE_CHECK(bytes_of(dtype, shape) == data.size());
  claim(name);
  tensors_.push_back({std::move(name), dtype, std::move(shape), data});
}

void SafetensorsWriter::set_trailer_digest(std::string name) {
  REPRISE_CHECK(!trailer_.has_value());
  claim(name);
  trailer_ = std::move(name);
}

std::vector<const SafetensorsTensor*> SafetensorsWriter::in_file_order() const {
  std::vector<const SafetensorsTensor*> order;
  for (const SafetensorsTensor& tensor : tensors_) {
    order.push_back(&tensor);
  }
  std::stable_sort(order.begin(), order.end(), [](const SafetensorsTensor* a, const SafetensorsTensor* b) {
    return size_of(a->dtype) > size_of(b->dtype);
  });
  return order;
}

/// The length field, the JSON and its padding.
std::string SafetensorsWriter::header() const {
  std::vector<std::string> members;
  if (!metadata_.empty()) {
    members.push_back(fmt::format("\"{}\":{}", kMetadataKey, nlohmann::json(metadata_).dump()));
  }
  std::size_t offset = 0;
  for (const SafetensorsTensor* tensor : in_file_order()) {
    members.push_back(json_entry(*tensor, offset, tensor->data.size()));
    offset += tensor->data.size();
  }
  if (trailer_) {
    const SafetensorsTensor digest{*trailer_, DType::u8, {std::int64_t{sizeof(Sha256Digest)}}, {}};
    members.push_back(json_entry(digest, offset, sizeof(Sha256Digest)));
  }
  std::string text = fmt::format("{{{}}}", fmt::join(members, ","));
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  if (text.size() > kSafetensorsMaxHeaderBytes) {
    fail(ErrorCode::invalid_argument, "safetensors: header: expected at most {} bytes, found {}",
         kSafetensorsMaxHeaderBytes, text.size());
  }
  std::string length;
  for (std::size_t i = 0; i < 8; ++i) {
    length += static_cast<char>(text.size() >> (8 * i) & 0xff);
  }
  return length + text;
}

void SafetensorsWriter::write_to(const Sink& sink) const {
  Sha256 hash;
  const auto put = [&](std::span<const std::byte> piece) {
    if (trailer_) {
      hash.update(piece);
    }
    sink(piece);
  };
  const std::string head = header();
  put(std::as_bytes(std::span(head)));
  for (const SafetensorsTensor* tensor : in_file_order()) {
    put(tensor->data);
  }
  if (trailer_) {
    sink(hash.finish());
  }
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  AtomicFile file(path);
  write_to([&](std::span<const std::byte> piece) { file.write(piece); });
  file.commit();
}

std::vector<std::byte> SafetensorsWriter::to_bytes() const {
  std::vector<std::byte> bytes;
  write_to([&](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
  return bytes;
}

std::size_t SafetensorsWriter::size_bytes() const {
  std::size_t n = header().size() + (trailer_ ? sizeof(Sha256Digest) : 0);
  for (const SafetensorsTensor& tensor : tensors_) {
    n += tensor.data.size();
  }
  return n;
}

}  // namespace reprise::engine
