/// The safetensors file format, read and written: named tensors and string metadata, in one file that maps.
///
///   8 bytes   header length N, unsigned, little-endian
///   N bytes   JSON: {"__metadata__": {string: string}, NAME: {"dtype", "shape", "data_offsets": [begin,
///   end]}} the rest  the tensors' bytes, little-endian, row-major; offsets count from here
///
/// It knows bytes, not meaning: which tensors a model or a capture must have is decided by their own readers.
/// Source: https://github.com/huggingface/safetensors (README, "Format"), whose rules are all enforced.
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
#include <vector>

#include "engine/core/dtype.h"
#include "engine/io/mapped_file.h"

namespace reprise::engine {

inline constexpr std::size_t kSafetensorsMaxHeaderBytes = 100'000'000;  ///< the reference reader's limit
inline constexpr std::size_t kSafetensorsMaxRank = 8;

/// The format's spelling of a type: "F32", "BF16", "BOOL", ...
std::string_view safetensors_name_of(DType dtype);
std::optional<DType> safetensors_dtype_named(std::string_view name);

struct SafetensorsTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t>
      shape;  ///< [outer, ..., inner]; empty for a scalar; the product is never overflowing
  std::span<const std::byte> data;  ///< exactly product(shape) * size_of(dtype) bytes

  /// The format promises no alignment: a view with typed elements may be made only where this is true.
  [[nodiscard]] bool aligned_to(std::size_t alignment) const {
    return reinterpret_cast<std::uintptr_t>(data.data()) % alignment == 0;
  }
};

/// A file that keeps every rule of the format. Tensors point into the mapping (or the bytes given to parse).
class SafetensorsFile {
 public:
  /// Errors: those of MappedFile::open, and one line "path: tensor: expected ..., found ..." for each broken
  /// rule.
  static SafetensorsFile open(const std::filesystem::path& path);
  /// The same checks over memory of the caller's, which must outlive the result. `name` stands in messages.
  static SafetensorsFile parse(std::span<const std::byte> bytes, const std::string& name);

  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// Null when there is no such tensor.
  [[nodiscard]] const SafetensorsTensor* find(std::string_view name) const;
  /// Errors: not_found, naming file and tensor.
  [[nodiscard]] const SafetensorsTensor& at(std::string_view name) const;
  /// In the order of their bytes in the file.
  [[nodiscard]] const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }

  /// The path, or the name given to parse.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The whole file, header included.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  /// Where the tensors' bytes begin: 8 + header length.
  [[nodiscard]] std::size_t data_begin() const { return data_begin_; }

 private:
  SafetensorsFile() = default;

  std::optional<MappedFile> mapping_;
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  std::size_t data_begin_ = 0;
  std::map<std::string, std::string> metadata_;
  std::vector<SafetensorsTensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

/// Collects tensors, then writes them in one pass. The bytes of a tensor are not copied: they must live until
/// the file is written. In the file, tensors stand by falling element size, else in the order added, and the
/// header is padded to a multiple of 8: so every tensor is aligned to its elements. Equal input, equal bytes.
///
/// Errors: invalid_argument, for names that are taken, reserved ("__metadata__") or not UTF-8 (metadata too),
/// and a rank above 8; those of AtomicFile. A tensor whose bytes don't fit its shape fails REPRISE_CHECK.
class SafetensorsWriter {
 public:
  void set_metadata(std::string key, std::string value);
  void add(std::string name, DType dtype, std::vector<std::int64_t> shape, std::span<const std::byte> data);
  /// Ends the file with a U8 [32] tensor: the SHA-256 of every byte of the file before that tensor's own.
  void set_trailer_digest(std::string name);

  /// Atomic and durable: see atomic_write.h.
  void write(const std::filesystem::path& path) const;
  [[nodiscard]] std::vector<std::byte> to_bytes() const;
  /// What write() will write, in bytes.
  [[nodiscard]] std::size_t size_bytes() const;

 private:
  using Sink = std::function<void(std::span<const std::byte>)>;

  void claim(const std::string& name);
  [[nodiscard]] std::vector<const SafetensorsTensor*> in_file_order() const;
  [[nodiscard]] std::string header() const;
  void write_to(const Sink& sink) const;

  std::map<std::string, std::string> metadata_;
  std::vector<SafetensorsTensor> tensors_;
  std::set<std::string> names_;
  std::optional<std::string> trailer_;  ///< name of the digest
};

}  // namespace reprise::engine
