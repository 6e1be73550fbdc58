/// Files written whole or not at all. After a failure, a kill or a power cut the old file or the new one
/// stands at the path, never half of it. Used for everything the project writes: captures, reports,
/// baselines.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace reprise::engine {

/// Writes a temporary file in the target's folder; commit() syncs it, renames it over the target and syncs
/// the folder. Discarded unless committed. A killed process leaves its temporary behind, named
/// ".reprise-*.tmp".
///
/// The new file's mode is 0666 less the umask. A symbolic link to a file is followed: its target is replaced.
/// Errors: every failure of the system is one line with the path and the reason, and removes the temporary;
/// afterwards the object can only be destroyed. An existing target that is not a regular file is refused.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends; buffered, so that many small writes are cheap.
  void write(std::span<const std::byte> data);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Once, after the last write.
  void commit();

 private:
  void create_temporary();
  void flush();
  void write_through(std::span<const std::byte> data);
  void sync_folder();
  void discard() noexcept;
  [[noreturn]] void fail_with(const char* action, int error_number);

  std::filesystem::path path_;    ///< as given, for messages
  std::filesystem::path target_;  ///< path_ with links followed
  std::filesystem::path temporary_;
  std::vector<std::byte> buffer_;
  int descriptor_ = -1;
};

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> data);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace reprise::engine
