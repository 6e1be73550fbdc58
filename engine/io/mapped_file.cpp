#include "engine/io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/system_error.h"

namespace reprise::engine {
namespace {

[[noreturn]] void fail_system(const std::filesystem::path& path, const char* action, int error_number) {
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  fail(missing ? ErrorCode::not_found : ErrorCode::io, "{}: cannot {}: {}", path.string(), action,
       detail::reason_of(error_number));
}

int open_to_read(const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0) {
    fail_system(path, "open", errno);
  }
  return descriptor;
}

struct stat status_of(const std::filesystem::path& path, int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    fail_system(path, "read", errno);
  }
  return status;
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe must come back to be refused, not wait for a writer.
  const detail::Descriptor file(open_to_read(path, O_NONBLOCK));
  const struct stat status = status_of(path, file.get());
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::io, "{}: expected a regular file, found {}", path.string(),
         detail::file_kind_of(status.st_mode));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) {
    return {path, {}};
  }
  std::filesystem::path copy = path;  // before the mapping: nothing may throw while nobody owns it
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (address == MAP_FAILED) {
    fail_system(path, "map", errno);
  }
  return {std::move(copy), {static_cast<const std::byte*>(address), size}};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) {
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const detail::Descriptor file(open_to_read(path, 0));
  const struct stat status = status_of(path, file.get());
  std::string text;
  text.reserve(std::min(max_bytes, static_cast<std::size_t>(std::max<off_t>(status.st_size, 0))));
  std::array<char, 65536> piece;
  while (true) {
    const ssize_t n = ::read(file.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      fail_system(path, "read", errno);
    }
    if (n == 0) {
      return text;
    }
    if (static_cast<std::size_t>(n) > max_bytes - text.size()) {
      fail(ErrorCode::invalid_data, "{}: expected at most {} bytes, found more", path.string(), max_bytes);
    }
    text.append(piece.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace reprise::engine
