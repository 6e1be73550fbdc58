#include "engine/io/atomic_write.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/system_error.h"

namespace reprise::engine {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

/// The file to replace. A device (/dev/stdout) or a folder must not be renamed over.
std::filesystem::path resolve(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return path;
  }
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::io, "{}: expected a regular file to replace, found {}", path.string(),
         detail::file_kind_of(status.st_mode));
  }
  std::error_code error;
  std::filesystem::path target = std::filesystem::canonical(path, error);
  return error ? path : target;
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path), target_(resolve(path)) {
  buffer_.reserve(kBufferBytes);
  create_temporary();
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::create_temporary() {
  static std::atomic<unsigned> counter = 0;
  constexpr int kAttempts = 1000;  // names taken: left behind by a killed process of the same id
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    temporary_ = folder_of(target_) / fmt::format(".reprise-{}-{}.tmp", ::getpid(), counter++);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) {
      return;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  const int error_number = errno;
  temporary_.clear();  // not ours: must not be removed
  fail_with("create a temporary file in its folder", error_number);
}

void AtomicFile::write(std::span<const std::byte> data) {
  REPRISE_CHECK(descriptor_ >= 0);
  if (buffer_.size() + data.size() > kBufferBytes) {
    flush();
  }
  if (data.size() > kBufferBytes) {
    write_through(data);
  } else {
    buffer_.insert(buffer_.end(), data.begin(), data.end());
  }
}

void AtomicFile::flush() {
  write_through(buffer_);
  buffer_.clear();
}

void AtomicFile::write_through(std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t n = ::write(descriptor_, data.data(), data.size());
    if (n < 0 && errno != EINTR) {
      fail_with("write", errno);
    }
    if (n > 0) {
      data = data.subspan(static_cast<std::size_t>(n));
    }
  }
}

void AtomicFile::commit() {
  REPRISE_CHECK(descriptor_ >= 0);
  flush();
  if (::fsync(descriptor_) != 0) {
    fail_with("sync", errno);
  }
  if (::close(std::exchange(descriptor_, -1)) != 0) {
    fail_with("close", errno);
  }
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail_with("replace", errno);
  }
  temporary_.clear();
  sync_folder();
}

/// The rename is in the folder's own data: without this a power cut could bring the old file back.
void AtomicFile::sync_folder() {
  const detail::Descriptor folder(::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 && errno == EACCES) {
    return;  // a folder that may be written but not read: nothing to sync it by
  }
  // EINVAL: file systems that cannot sync a folder say so, and need not.
  if (folder.get() < 0 || (::fsync(folder.get()) != 0 && errno != EINVAL)) {
    fail_with("sync the folder", errno);
  }
}

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
    temporary_.clear();
  }
}

void AtomicFile::fail_with(const char* action, int error_number) {
  discard();
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  fail(missing ? ErrorCode::not_found : ErrorCode::io, "{}: cannot {}: {}", path_.string(), action,
       detail::reason_of(error_number));
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> data) {
  AtomicFile file(path);
  file.write(data);
  file.commit();
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace reprise::engine
