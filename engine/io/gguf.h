/// The GGUF file format, read and written: typed metadata and named tensors, in one file that maps.
///
///   "GGUF", version (u32), number of tensors (u64), number of metadata pairs (u64)
///   pairs     key (string), type (u32), value; a string is its length (u64) and bytes
///   tensors   name (string), rank (u32), extents (u64 each, innermost first), type (u32), offset (u64)
///   padding to the alignment, then the tensors' bytes; offsets count from here and are multiples of it
///
/// Little-endian throughout; versions 2 and 3 differ in nothing else (version 1 and big-endian files are
/// refused). It knows bytes, not meaning: which keys and tensors a model has is decided by
/// model/gguf_model.h.
///
/// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, whose rules are enforced, except that
/// keys may be any UTF-8 (it wants lower_snake_case), texts any bytes, and padding anything. Where it is
/// silent, ggml's reader (gguf.cpp) decides: no rank is a scalar, extents may be 0, keys and names stand
/// once. Tensors may stand in any order with gaps between them, and bytes may follow the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/dtype.h"
#include "engine/io/mapped_file.h"

namespace reprise::engine {

inline constexpr std::size_t kGgufDefaultAlignment = 32;
inline constexpr std::size_t kGgufMaxRank = 4;  ///< ggml's limit
inline constexpr std::size_t kGgufMaxKeyBytes = 65'535;
inline constexpr std::size_t kGgufMaxNameBytes = 64;         ///< of a tensor: the specification's limit
inline constexpr std::size_t kGgufMaxWrittenNameBytes = 63;  ///< ggml's: its buffer of 64 ends in a zero

/// Types of metadata values, numbered as in the file.
enum class GgufType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};
std::string_view name_of(GgufType type);

/// ggml's number of a tensor type and back: F32 is 0, Q8_0 is 8, BF16 is 30, ... Errors: unsupported for the
/// types that ggml lacks (u8, u16, u32, u64, bool).
std::uint32_t ggml_type_of(DType dtype);
std::optional<DType> dtype_of_ggml_type(std::uint32_t type);

/// One metadata value, as the bytes of the file; its text or elements point into them.
struct GgufValue {
  GgufType type = GgufType::u8;
  GgufType element_type = GgufType::u8;  ///< of an array's elements (an array of arrays: array)
  std::uint64_t count = 1;               ///< elements of an array
  /// Of the number, of the text without its length, or of all elements as the file has them: texts with their
  /// lengths, arrays with their element types and counts. Not aligned.
  std::span<const std::byte> data;
};

struct GgufTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;  ///< [outer, ..., inner]: the file's order reversed; empty for a scalar
  std::span<const std::byte> data;  ///< exactly bytes_of(dtype, product(shape)); aligned as the file is
};

/// A file that keeps every rule of the format. Values and tensors point into the mapping (or the bytes given
/// to parse).
class GgufFile {
 public:
  /// Errors: those of MappedFile::open, and one line "path: ...: expected ..., found ..." for each broken
  /// rule: unsupported for another version, byte order or tensor type, invalid_data for the rest.
  static GgufFile open(const std::filesystem::path& path);
  /// The same checks over memory of the caller's, which must outlive the result. `name` stands in messages.
  static GgufFile parse(std::span<const std::byte> bytes, const std::string& name);

  [[nodiscard]] std::uint32_t version() const { return version_; }
  [[nodiscard]] std::size_t alignment() const { return alignment_; }
  /// Keys in the order of the file, with their values.
  [[nodiscard]] const std::vector<std::pair<std::string, GgufValue>>& metadata() const { return metadata_; }

  [[nodiscard]] bool has(std::string_view key) const;
  /// Null when there is no such key.
  [[nodiscard]] const GgufValue* find_value(std::string_view key) const;
  /// Typed access. Errors: not_found for an absent key, invalid_data for another type or a value that the
  /// result cannot hold, naming file and key. Integers are of any integer type, numbers of any integer or
  /// floating type, rounded to nearest.
  [[nodiscard]] std::string_view text(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] double number(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] std::vector<std::string_view> texts(std::string_view key) const;
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key) const;
  [[nodiscard]] std::vector<float> numbers(std::string_view key) const;
  /// The same, or `absent` where there is no such key.
  [[nodiscard]] std::string_view text(std::string_view key, std::string_view absent) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t absent) const;
  [[nodiscard]] double number(std::string_view key, double absent) const;
  [[nodiscard]] bool flag(std::string_view key, bool absent) const;

  /// In the order of the file's list.
  [[nodiscard]] const std::vector<GgufTensor>& tensors() const { return tensors_; }
  /// Null when there is no such tensor.
  [[nodiscard]] const GgufTensor* find(std::string_view name) const;
  /// Errors: not_found, naming file and tensor.
  [[nodiscard]] const GgufTensor& at(std::string_view name) const;

  /// The path, or the name given to parse.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The whole file.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  GgufFile() = default;
  [[nodiscard]] const GgufValue& value(std::string_view key) const;

  std::optional<MappedFile> mapping_;
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  std::uint32_t version_ = 0;
  std::size_t alignment_ = kGgufDefaultAlignment;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  std::map<std::string, std::size_t, std::less<>> keys_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> names_;
};

/// Collects metadata and tensors, then writes a version 3 file in one pass, both in the order they were
/// added. The bytes of a tensor are not copied: they must live until the file is written, or come from a
/// function that makes them then (quantised weights, one tensor at a time). Every tensor begins at, and is
/// padded to, the alignment: that of the key general.alignment, if it is set, else 32. Equal input, equal
/// bytes.
///
/// Errors: invalid_argument for a key or a tensor name that is taken, not UTF-8, empty or longer than
/// kGgufMaxKeyBytes and kGgufMaxWrittenNameBytes, a rank above 4, or a bad general.alignment; unsupported for
/// a type that ggml lacks; those of AtomicFile. Bytes that don't fit the shape fail REPRISE_CHECK.
class GgufWriter {
 public:
  /// Writes exactly bytes_of(dtype, product(shape)) bytes to the span.
  using Fill = std::function<void(std::span<std::byte>)>;

  void set_text(std::string key, std::string_view value);
  void set_u32(std::string key, std::uint32_t value);
  void set_u64(std::string key, std::uint64_t value);
  void set_f32(std::string key, float value);
  void set_flag(std::string key, bool value);
  void set_texts(std::string key, std::span<const std::string> values);
  void set_i32s(std::string key, std::span<const std::int32_t> values);
  void set_f32s(std::string key, std::span<const float> values);
  /// Any value as read from another file, which may end before this one is written.
  void set(std::string key, const GgufValue& value);

  void add(std::string name, DType dtype, std::vector<std::int64_t> shape, std::span<const std::byte> data);
  void add(std::string name, DType dtype, std::vector<std::int64_t> shape, Fill fill);

  /// Atomic and durable: see atomic_write.h.
  void write(const std::filesystem::path& path) const;
  [[nodiscard]] std::vector<std::byte> to_bytes() const;
  /// What write() will write, in bytes.
  [[nodiscard]] std::size_t size_bytes() const;

 private:
  using Sink = std::function<void(std::span<const std::byte>)>;
  struct Tensor {
    std::string name;
    DType dtype;
    std::vector<std::int64_t> shape;
    std::size_t size_bytes;
    std::span<const std::byte> data;
    Fill fill;
  };

  void put(std::string key, GgufType type, std::vector<std::byte> value);
  void append(Tensor tensor);
  [[nodiscard]] std::size_t padded(std::size_t size) const;
  [[nodiscard]] std::vector<std::byte> head() const;
  void write_to(const Sink& sink) const;

  std::vector<std::byte> pairs_;  ///< as in the file
  std::uint64_t n_pairs_ = 0;
  std::size_t alignment_ = kGgufDefaultAlignment;
  std::set<std::string> keys_;
  std::vector<Tensor> tensors_;
  std::set<std::string> names_;
};

}  // namespace reprise::engine
