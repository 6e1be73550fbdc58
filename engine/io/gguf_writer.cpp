#include <fmt/format.h>

#include <utility>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/atomic_write.h"
#include "engine/io/gguf.h"
#include "engine/io/gguf_wire.h"
#include "engine/io/printable.h"

namespace reprise::engine {
namespace {

constexpr std::uint32_t kVersion = 3;

template <class T>
void append_number(std::vector<std::byte>& out, T value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
  append_number(out, std::uint64_t{text.size()});
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <class T>
std::vector<std::byte> bytes_of_number(T value) {
  std::vector<std::byte> bytes;
  append_number(bytes, value);
  return bytes;
}

/// An array's element type and count, which its elements follow.
std::vector<std::byte> array_head(GgufType element_type, std::uint64_t count) {
  std::vector<std::byte> bytes;
  append_number(bytes, static_cast<std::uint32_t>(element_type));
  append_number(bytes, count);
  return bytes;
}

std::vector<std::byte> array_of(GgufType element_type, std::uint64_t count,
                                std::span<const std::byte> elements) {
  std::vector<std::byte> bytes = array_head(element_type, count);
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

/// What a key and a tensor's name must be. `what` is "key" or "tensor".
void check_name(std::string_view what, const std::string& name, std::size_t max_bytes) {
  if (name.empty() || name.size() > max_bytes) {
    fail(ErrorCode::invalid_argument, "gguf: {} '{}': expected 1 to {} bytes, found {}", what,
         printable(name), max_bytes, name.size());
  }
  if (!detail::is_utf8(name)) {
    fail(ErrorCode::invalid_argument, "gguf: {} '{}': expected UTF-8, found other bytes", what,
         printable(name));
  }
}

void claim(std::string_view what, const std::string& name, std::set<std::string>& names) {
  if (!names.insert(name).second) {
    fail(ErrorCode::invalid_argument, "gguf: {} '{}': expected to be added once, found a second", what,
         printable(name));
  }
}

std::size_t size_of_tensor(DType dtype, const std::vector<std::int64_t>& shape) {
  for (const std::int64_t extent : shape) {
    REPRISE_CHECK(extent >= 0);
  }
  REPRISE_CHECK((shape.empty() ? 1 : shape.back()) % block_extent(dtype) == 0);
  const std::optional<std::size_t> size = detail::bytes_of_shape(dtype, shape);
  REPRISE_CHECK(size.has_value());
  return *size;
}

}  // namespace

void GgufWriter::put(std::string key, GgufType type, std::vector<std::byte> value) {
  check_name("key", key, kGgufMaxKeyBytes);
  if (key == detail::kGgufAlignmentKey) {
    const std::uint32_t alignment = type == GgufType::u32 ? detail::load<std::uint32_t>(value.data()) : 0;
    if (!detail::is_gguf_alignment(alignment)) {
      fail(ErrorCode::invalid_argument,
           "gguf: key '{}': expected a u32 that is a multiple of {} up to {}, found {}", key,
           detail::kGgufAlignmentUnit, detail::kGgufMaxAlignment,
           type == GgufType::u32 ? fmt::to_string(alignment) : std::string(name_of(type)));
    }
    claim("key", key, keys_);
    alignment_ = alignment;
  } else {
    claim("key", key, keys_);
  }
  append_text(pairs_, key);
  append_number(pairs_, static_cast<std::uint32_t>(type));
  pairs_.insert(pairs_.end(), value.begin(), value.end());
  ++n_pairs_;
}

void GgufWriter::set_text(std::string key, std::string_view value) {
  std::vector<std::byte> bytes;
  append_text(bytes, value);
  put(std::move(key), GgufType::string, std::move(bytes));
}
void GgufWriter::set_u32(std::string key, std::uint32_t value) {
  put(std::move(key), GgufType::u32, bytes_of_number(value));
}
void GgufWriter::set_u64(std::string key, std::uint64_t value) {
  put(std::move(key), GgufType::u64, bytes_of_number(value));
}
void GgufWriter::set_f32(std::string key, float value) {
  put(std::move(key), GgufType::f32, bytes_of_number(value));
}
void GgufWriter::set_flag(std::string key, bool value) {
  put(std::move(key), GgufType::boolean, {value ? std::byte{1} : std::byte{0}});
}

void GgufWriter::set_texts(std::string key, std::span<const std::string> values) {
  std::vector<std::byte> bytes = array_head(GgufType::string, values.size());
  for (const std::string& value : values) {
    append_text(bytes, value);
  }
  put(std::move(key), GgufType::array, std::move(bytes));
}
void GgufWriter::set_i32s(std::string key, std::span<const std::int32_t> values) {
  put(std::move(key), GgufType::array, array_of(GgufType::i32, values.size(), std::as_bytes(values)));
}
void GgufWriter::set_f32s(std::string key, std::span<const float> values) {
  put(std::move(key), GgufType::array, array_of(GgufType::f32, values.size(), std::as_bytes(values)));
}

void GgufWriter::set(std::string key, const GgufValue& value) {
  std::vector<std::byte> bytes;
  switch (value.type) {
    case GgufType::array: {
      const std::size_t size = detail::size_of(value.element_type);
      REPRISE_CHECK(size == 0 || (value.data.size() % size == 0 && value.data.size() / size == value.count));
      bytes = array_of(value.element_type, value.count, value.data);
      break;
    }
    case GgufType::string:
      append_number(bytes, std::uint64_t{value.data.size()});
      bytes.insert(bytes.end(), value.data.begin(), value.data.end());
      break;
    default:
      REPRISE_CHECK(value.data.size() == detail::size_of(value.type));
      bytes.assign(value.data.begin(), value.data.end());
      break;
  }
  put(std::move(key), value.type, std::move(bytes));
}

void GgufWriter::append(Tensor tensor) {
  check_name("tensor", tensor.name, kGgufMaxWrittenNameBytes);
  if (tensor.shape.size() > kGgufMaxRank) {
    fail(ErrorCode::invalid_argument, "gguf: tensor '{}': shape: expected at most {} extents, found {}",
         printable(tensor.name), kGgufMaxRank, tensor.shape.size());
  }
  if (!detail::find_ggml_type(tensor.dtype)) {
    fail(ErrorCode::unsupported, "gguf: tensor '{}': type: expected one that ggml has, found {}",
         printable(tensor.name), name_of(tensor.dtype));
  }
  tensor.size_bytes = size_of_tensor(tensor.dtype, tensor.shape);
  REPRISE_CHECK(tensor.fill || tensor.data.size() == tensor.size_bytes);
  claim("tensor", tensor.name, names_);
  tensors_.push_back(std::move(tensor));
}

void GgufWriter::add(std::string name, DType dtype, std::vector<std::int64_t> shape,
                     std::span<const std::byte> data) {
  append({std::move(name), dtype, std::move(shape), 0, data, nullptr});
}

void GgufWriter::add(std::string name, DType dtype, std::vector<std::int64_t> shape, Fill fill) {
  REPRISE_CHECK(fill != nullptr);
  append({std::move(name), dtype, std::move(shape), 0, {}, std::move(fill)});
}

/// Everything before the tensors' bytes, padding included.
std::vector<std::byte> GgufWriter::head() const {
  std::vector<std::byte> out;
  const auto magic = std::as_bytes(std::span(detail::kGgufMagic));
  out.insert(out.end(), magic.begin(), magic.end());
  append_number(out, kVersion);
  append_number(out, std::uint64_t{tensors_.size()});
  append_number(out, n_pairs_);
  out.insert(out.end(), pairs_.begin(), pairs_.end());
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    append_text(out, tensor.name);
    append_number(out, static_cast<std::uint32_t>(tensor.shape.size()));
    for (auto extent = tensor.shape.rbegin(); extent != tensor.shape.rend(); ++extent) {
      append_number(out, static_cast<std::uint64_t>(*extent));
    }
    append_number(out, ggml_type_of(tensor.dtype));
    append_number(out, offset);
    offset += padded(tensor.size_bytes);
  }
  out.resize(padded(out.size()));
  return out;
}

std::size_t GgufWriter::padded(std::size_t size) const {
  return size + detail::gguf_padding(size, alignment_);
}

void GgufWriter::write_to(const Sink& sink) const {
  sink(head());
  const std::vector<std::byte> zeros(alignment_);
  std::vector<std::byte> made;
  for (const Tensor& tensor : tensors_) {
    if (tensor.fill) {
      made.assign(tensor.size_bytes, std::byte{0});
      tensor.fill(made);
    }
    sink(tensor.fill ? made : tensor.data);
    // The last tensor too: ggml reads the padding behind it.
    sink(std::span(zeros).first(padded(tensor.size_bytes) - tensor.size_bytes));
  }
}

void GgufWriter::write(const std::filesystem::path& path) const {
  AtomicFile file(path);
  write_to([&](std::span<const std::byte> piece) { file.write(piece); });
  file.commit();
}

std::vector<std::byte> GgufWriter::to_bytes() const {
  std::vector<std::byte> bytes;
  bytes.reserve(size_bytes());
  write_to([&](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
  return bytes;
}

std::size_t GgufWriter::size_bytes() const {
  std::size_t n = head().size();
  for (const Tensor& tensor : tensors_) {
    n += padded(tensor.size_bytes);
  }
  return n;
}

}  // namespace reprise::engine
