#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/gguf.h"
#include "engine/io/gguf_wire.h"
#include "engine/io/printable.h"

namespace reprise::engine {
namespace {

constexpr std::uint32_t kOldestVersion = 2;
constexpr std::uint32_t kNewestVersion = 3;
constexpr std::size_t kMaxNesting = 4;  ///< of arrays: recursion that a file can ask for ends here
constexpr std::size_t kLengthBytes = sizeof(std::uint64_t);
/// The least that one item takes, so that a count can be held against the bytes that are left.
constexpr std::size_t kLeastPairBytes = kLengthBytes + 1 + 4 + 1;
constexpr std::size_t kLeastTensorBytes = kLengthBytes + 1 + 4 + 4 + 8;
constexpr std::size_t kLeastArrayBytes = 4 + 8;

/// By number, for messages: those that are not read too.
constexpr std::array<std::string_view, 42> kGgmlNames = {
    "F32",   "F16",        "Q4_0",       "Q4_1",       "Q4_2",     "Q4_3",     "Q5_0",
    "Q5_1",  "Q8_0",       "Q8_1",       "Q2_K",       "Q3_K",     "Q4_K",     "Q5_K",
    "Q6_K",  "Q8_K",       "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS",  "IQ1_S",    "IQ4_NL",
    "IQ3_S", "IQ2_S",      "IQ4_XS",     "I8",         "I16",      "I32",      "I64",
    "F64",   "IQ1_M",      "BF16",       "Q4_0_4_4",   "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",
    "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",    "NVFP4",    "Q1_0"};

std::string ggml_name_of(std::uint32_t type) {
  return type < kGgmlNames.size() ? fmt::format("{} ({})", kGgmlNames[type], type) : fmt::to_string(type);
}

std::string readable_ggml_types() {
  std::string names;
  for (std::uint32_t type = 0; type < kGgmlNames.size(); ++type) {
    if (dtype_of_ggml_type(type)) {
      names += fmt::format("{}{}", names.empty() ? "" : " ", kGgmlNames[type]);
    }
  }
  return names;
}

/// Places of keys or names in their lists.
using Index = std::map<std::string, std::size_t, std::less<>>;

/// Walks the bytes from front to back. Everything taken is inside them; messages name the file, the item that
/// enter() announced, and the field.
class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  void enter(std::string item) { item_ = std::move(item); }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }

  std::span<const std::byte> take(std::uint64_t n, std::string_view field) {
    if (n > remaining()) {
      refuse(ErrorCode::invalid_data, field, fmt::format("{} bytes", n),
             fmt::format("the end of the file after {}", remaining()));
    }
    const auto taken = bytes_.subspan(position_, n);
    position_ += taken.size();
    return taken;
  }
  template <class T>
  T number(std::string_view field) {
    return detail::load<T>(take(sizeof(T), field).data());
  }
  std::span<const std::byte> text(std::string_view field) {
    return take(number<std::uint64_t>(field), field);
  }
  /// A number of items that take at least `least_bytes` each: never more than the file can hold.
  std::uint64_t count(std::string_view field, std::size_t least_bytes) {
    const auto n = number<std::uint64_t>(field);
    if (n > remaining() / least_bytes) {
      refuse(ErrorCode::invalid_data, field,
             fmt::format("at most {}, for which the {} bytes that follow suffice", remaining() / least_bytes,
                         remaining()),
             fmt::to_string(n));
    }
    return n;
  }
  /// A key or a name: its length is checked before its bytes.
  std::string name(std::string_view field, std::size_t max_bytes) {
    const auto length = number<std::uint64_t>(field);
    if (length == 0 || length > max_bytes) {
      refuse(ErrorCode::invalid_data, field, fmt::format("1 to {} bytes", max_bytes), fmt::to_string(length));
    }
    const auto bytes = take(length, field);
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!detail::is_utf8(text)) {
      refuse(ErrorCode::invalid_data, field, "UTF-8", fmt::format("'{}'", printable(text)));
    }
    return text;
  }
  [[nodiscard]] std::span<const std::byte> since(std::size_t begin) const {
    return bytes_.subspan(begin, position_ - begin);
  }

  [[noreturn]] void refuse(ErrorCode code, std::string_view field, std::string_view expected,
                           std::string_view found) const {
    fail(code, "{}: {}: {}: expected {}, found {}", file_, item_, field, expected, found);
  }
  [[noreturn]] void refuse(std::string_view field, std::string_view expected, std::string_view found) const {
    refuse(ErrorCode::invalid_data, field, expected, found);
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& file_;
  std::string item_;
  std::size_t position_ = 0;
};

void read_magic(Cursor& cursor) {
  const auto magic = cursor.take(detail::kGgufMagic.size(), "magic");
  const std::string_view found(reinterpret_cast<const char*>(magic.data()), magic.size());
  if (found != detail::kGgufMagic) {
    cursor.refuse("magic", fmt::format("'{}'", detail::kGgufMagic), fmt::format("'{}'", printable(found)));
  }
}

std::uint32_t read_version(Cursor& cursor) {
  const auto is_known = [](std::uint32_t version) {
    return version >= kOldestVersion && version <= kNewestVersion;
  };
  const auto version = cursor.number<std::uint32_t>("version");
  const std::uint32_t swapped = __builtin_bswap32(version);
  if (is_known(swapped)) {
    cursor.refuse(ErrorCode::unsupported, "version", "a little-endian file",
                  fmt::format("a big-endian one of version {}", swapped));
  }
  if (!is_known(version)) {
    cursor.refuse(ErrorCode::unsupported, "version", fmt::format("{} or {}", kOldestVersion, kNewestVersion),
                  fmt::to_string(version));
  }
  return version;
}

GgufType read_type(Cursor& cursor, std::string_view field) {
  const auto number = cursor.number<std::uint32_t>(field);
  if (number > static_cast<std::uint32_t>(GgufType::f64)) {
    cursor.refuse(field, "0 to 12", fmt::to_string(number));
  }
  return static_cast<GgufType>(number);
}

void check_flags(const Cursor& cursor, std::span<const std::byte> flags) {
  const auto bad =
      std::find_if(flags.begin(), flags.end(), [](std::byte flag) { return flag > std::byte{1}; });
  if (bad != flags.end()) {
    cursor.refuse("value", "a bool of 0 or 1", fmt::to_string(std::to_integer<unsigned>(*bad)));
  }
}

/// An array from its element type on. Returns its value; arrays in it are only walked.
GgufValue read_array(Cursor& cursor, std::size_t depth) {
  GgufValue value;
  value.type = GgufType::array;
  value.element_type = read_type(cursor, "element type");
  const std::size_t size = detail::size_of(value.element_type);
  if (value.element_type == GgufType::array && depth == kMaxNesting) {
    cursor.refuse("element type", fmt::format("arrays nested at most {} deep", kMaxNesting), "a deeper one");
  }
  const std::size_t least = value.element_type == GgufType::array ? kLeastArrayBytes : kLengthBytes;
  value.count = cursor.count("element count", size != 0 ? size : least);
  const std::size_t begin = cursor.position();
  if (size != 0) {
    const auto elements = cursor.take(value.count * size, "elements");
    if (value.element_type == GgufType::boolean) {
      check_flags(cursor, elements);
    }
  }
  for (std::uint64_t i = 0; size == 0 && i < value.count; ++i) {
    if (value.element_type == GgufType::string) {
      cursor.text("element");
    } else {
      read_array(cursor, depth + 1);
    }
  }
  value.data = cursor.since(begin);
  return value;
}

GgufValue read_value(Cursor& cursor) {
  GgufValue value;
  value.type = read_type(cursor, "type");
  switch (value.type) {
    case GgufType::array:
      return read_array(cursor, 1);
    case GgufType::string:
      value.data = cursor.text("value");
      break;
    default:
      value.data = cursor.take(detail::size_of(value.type), "value");
      break;
  }
  if (value.type == GgufType::boolean) {
    check_flags(cursor, value.data);
  }
  value.element_type = value.type;
  return value;
}

std::size_t read_alignment(const GgufValue& value, const std::string& file) {
  const auto refuse = [&](const std::string& found) {
    fail(ErrorCode::invalid_data, "{}: key '{}': expected a u32 that is a multiple of {} up to {}, found {}",
         file, detail::kGgufAlignmentKey, detail::kGgufAlignmentUnit, detail::kGgufMaxAlignment, found);
  };
  if (value.type != GgufType::u32) {
    refuse(std::string(name_of(value.type)));
  }
  const auto alignment = detail::load<std::uint32_t>(value.data.data());
  if (!detail::is_gguf_alignment(alignment)) {
    refuse(fmt::to_string(alignment));
  }
  return alignment;
}

std::vector<std::int64_t> read_shape(Cursor& cursor) {
  const auto rank = cursor.number<std::uint32_t>("rank");
  if (rank > kGgufMaxRank) {
    cursor.refuse("rank", fmt::format("at most {}", kGgufMaxRank), fmt::to_string(rank));
  }
  std::vector<std::int64_t> shape(rank);
  for (std::size_t i = rank; i-- > 0;) {  // the innermost extent stands first in the file
    const auto extent = cursor.number<std::uint64_t>("shape");
    if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      cursor.refuse("shape", "extents of at most 2^63 - 1", fmt::to_string(extent));
    }
    shape[i] = static_cast<std::int64_t>(extent);
  }
  return shape;
}

DType read_dtype(Cursor& cursor) {
  const auto number = cursor.number<std::uint32_t>("type");
  const std::optional<DType> dtype = dtype_of_ggml_type(number);
  if (!dtype) {
    cursor.refuse(ErrorCode::unsupported, "type", fmt::format("one of {}", readable_ggml_types()),
                  ggml_name_of(number));
  }
  return *dtype;
}

std::size_t size_of_tensor(const Cursor& cursor, const GgufTensor& tensor) {
  const std::int64_t inner = tensor.shape.empty() ? 1 : tensor.shape.back();
  const std::int64_t block = block_extent(tensor.dtype);
  if (inner % block != 0) {
    cursor.refuse("shape",
                  fmt::format("an innermost extent that {} divides, for {}", block, name_of(tensor.dtype)),
                  fmt::format("[{}]", fmt::join(tensor.shape, ", ")));
  }
  const std::optional<std::size_t> size = detail::bytes_of_shape(tensor.dtype, tensor.shape);
  if (!size) {
    cursor.refuse("shape", "less than 2^63 bytes",
                  fmt::format("{} [{}]", name_of(tensor.dtype), fmt::join(tensor.shape, ", ")));
  }
  return *size;
}

/// Where a tensor's bytes stand, from the beginning of the data.
struct Extent {
  std::uint64_t begin;
  std::size_t size;
};

void read_metadata(Cursor& cursor, std::uint64_t n_pairs,
                   std::vector<std::pair<std::string, GgufValue>>& metadata, Index& keys) {
  for (std::uint64_t i = 0; i < n_pairs; ++i) {
    cursor.enter(fmt::format("metadata pair {}", i));
    std::string key = cursor.name("key", kGgufMaxKeyBytes);
    if (!keys.emplace(key, i).second) {
      cursor.refuse("key", "each to stand once", fmt::format("'{}' again", printable(key)));
    }
    cursor.enter(fmt::format("key '{}'", printable(key)));
    metadata.emplace_back(std::move(key), read_value(cursor));
  }
}

/// Without the tensors' bytes: where those begin is known behind the list.
std::vector<Extent> read_tensors(Cursor& cursor, std::uint64_t n_tensors, std::size_t alignment,
                                 std::vector<GgufTensor>& tensors, Index& names) {
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < n_tensors; ++i) {
    cursor.enter(fmt::format("tensor {}", i));
    GgufTensor tensor;
    tensor.name = cursor.name("name", kGgufMaxNameBytes);
    if (!names.emplace(tensor.name, i).second) {
      cursor.refuse("name", "each to stand once", fmt::format("'{}' again", printable(tensor.name)));
    }
    cursor.enter(fmt::format("tensor '{}'", printable(tensor.name)));
    tensor.shape = read_shape(cursor);
    tensor.dtype = read_dtype(cursor);
    const std::size_t size = size_of_tensor(cursor, tensor);
    const auto begin = cursor.number<std::uint64_t>("offset");
    if (begin % alignment != 0) {
      cursor.refuse("offset", fmt::format("a multiple of the alignment, {}", alignment),
                    fmt::to_string(begin));
    }
    extents.push_back({begin, size});
    tensors.push_back(std::move(tensor));
  }
  return extents;
}

void place_tensors(std::span<const std::byte> data, const std::vector<Extent>& extents,
                   std::vector<GgufTensor>& tensors, const std::string& file) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto [begin, size] = extents[i];
    if (begin > data.size() || size > data.size() - begin) {
      fail(ErrorCode::invalid_data,
           "{}: tensor '{}': data: expected {} bytes at offset {}, found {} bytes of data", file,
           printable(tensors[i].name), size, begin, data.size());
    }
    tensors[i].data = data.subspan(begin, size);
  }
}

/// Gaps are allowed, and so is any order.
void check_overlaps(const std::vector<Extent>& extents, const std::vector<GgufTensor>& tensors,
                    const std::string& file) {
  std::vector<std::size_t> order(extents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return extents[i].size == 0; });
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return extents[a].begin < extents[b].begin; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Extent& before = extents[order[i - 1]];
    const Extent& after = extents[order[i]];
    if (after.begin < before.begin + before.size) {
      fail(ErrorCode::invalid_data,
           "{}: tensor '{}': offset: expected at least {}, where '{}' ends, found {}", file,
           printable(tensors[order[i]].name), before.begin + before.size,
           printable(tensors[order[i - 1]].name), after.begin);
    }
  }
}

}  // namespace

GgufFile GgufFile::open(const std::filesystem::path& path) {
  MappedFile mapping = MappedFile::open(path);
  GgufFile file = parse(mapping.bytes(), path.string());
  file.mapping_ = std::move(mapping);
  return file;
}

GgufFile GgufFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  GgufFile file;
  file.path_ = name;
  file.bytes_ = bytes;
  Cursor cursor(bytes, name);
  cursor.enter("header");
  read_magic(cursor);
  file.version_ = read_version(cursor);
  const std::uint64_t n_tensors = cursor.count("number of tensors", kLeastTensorBytes);
  const std::uint64_t n_pairs = cursor.count("number of metadata pairs", kLeastPairBytes);
  read_metadata(cursor, n_pairs, file.metadata_, file.keys_);
  if (const GgufValue* alignment = file.find_value(detail::kGgufAlignmentKey); alignment != nullptr) {
    file.alignment_ = read_alignment(*alignment, name);
  }
  const std::vector<Extent> extents =
      read_tensors(cursor, n_tensors, file.alignment_, file.tensors_, file.names_);
  const std::size_t begin = cursor.position() + detail::gguf_padding(cursor.position(), file.alignment_);
  const auto data = bytes.subspan(std::min(begin, bytes.size()));
  place_tensors(data, extents, file.tensors_, name);
  check_overlaps(extents, file.tensors_, name);
  return file;
}

}  // namespace reprise::engine
