/// Files read whole: mapped read-only (weights, captures), or as text of bounded size (configurations).
/// Not for files that are written: see atomic_write.h. Used by every reader of a file format.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace reprise::engine {

/// A regular file mapped read-only and shared: pages are read when touched, and processes that map one file
/// share them. The bytes are those of the file while nobody writes to it; a file cut short by another process
/// while mapped ends this one (SIGBUS), which is why the project only ever replaces files, by rename.
class MappedFile {
 public:
  /// Errors: one line naming the path when it is missing, unreadable, or not a regular file. Empty files are
  /// fine.
  static MappedFile open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// The address stays the same when the object is moved; page-aligned unless the file is empty.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes)
      : path_(std::move(path)), bytes_(bytes) {}

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

/// The content of a file (pipes and /proc too), bytes as they are.
/// Errors: missing, unreadable, a directory, or longer than `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{256} << 20);

}  // namespace reprise::engine
