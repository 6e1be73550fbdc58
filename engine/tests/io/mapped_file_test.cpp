#include "engine/io/mapped_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <type_traits>
#include <utility>

#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

TEST(MappedFile, ShowsTheContent) {
  const ScratchFolder folder;
  const std::string text = std::string("a\0b", 3) + std::string(100'000, 'x');
  write_raw(folder / "file", text);
  const MappedFile file = MappedFile::open(folder / "file");
  EXPECT_EQ(text_of(file.bytes()), text);
  EXPECT_EQ(file.path(), folder / "file");
}

TEST(MappedFile, EmptyFileIsFine) {
  const ScratchFolder folder;
  write_raw(folder / "empty", "");
  const MappedFile file = MappedFile::open(folder / "empty");
  EXPECT_TRUE(file.bytes().empty());
}

TEST(MappedFile, MovesWithItsAddress) {
  static_assert(!std::is_copy_constructible_v<MappedFile> && !std::is_copy_assignable_v<MappedFile>);
  const ScratchFolder folder;
  write_raw(folder / "a", "first");
  write_raw(folder / "b", "second");
  MappedFile a = MappedFile::open(folder / "a");
  const std::byte* address = a.bytes().data();
  MappedFile moved = std::move(a);
  EXPECT_EQ(moved.bytes().data(), address);
  MappedFile b = MappedFile::open(folder / "b");
  b = std::move(moved);
  EXPECT_EQ(b.bytes().data(), address);
  EXPECT_EQ(text_of(b.bytes()), "first");
  EXPECT_EQ(b.path(), folder / "a");
}

TEST(MappedFile, OutlivesTheNameOfItsFile) {
  const ScratchFolder folder;
  write_raw(folder / "file", "content");
  const MappedFile file = MappedFile::open(folder / "file");
  std::filesystem::remove(folder / "file");
  EXPECT_EQ(text_of(file.bytes()), "content");
}

/// Paths that cannot be read, with the reason the line must give. Shared by both readers.
struct BadPath {
  std::filesystem::path path;
  std::string mapped;
  std::string text;
  ErrorCode code;
};

std::vector<BadPath> bad_paths(const ScratchFolder& folder) {
  write_raw(folder / "file", "");
  std::filesystem::create_symlink("loop", folder / "loop");
  EXPECT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const std::string missing = "cannot open: No such file or directory";
  const std::string under_file = "cannot open: Not a directory";
  const std::string loop = "cannot open: Too many levels of symbolic links";
  return {{folder / "missing", missing, missing, ErrorCode::not_found},
          {folder / "file/x", under_file, under_file, ErrorCode::not_found},
          {folder / "loop", loop, loop, ErrorCode::io},
          {folder.path(), "expected a regular file, found a directory", "cannot read: Is a directory",
           ErrorCode::io},
          {folder / "pipe", "expected a regular file, found a pipe", "", ErrorCode::io},
          {"/dev/null", "expected a regular file, found a device", "", ErrorCode::io}};
}

TEST(MappedFile, NamesPathAndReasonWhenItCannot) {
  const ScratchFolder folder;
  for (const BadPath& bad : bad_paths(folder)) {
    ErrorCode code{};
    EXPECT_EQ(error_of([&] { MappedFile::open(bad.path); }, &code), bad.path.string() + ": " + bad.mapped);
    EXPECT_EQ(code, bad.code) << bad.path;
  }
}

TEST(ReadTextFile, NamesPathAndReasonWhenItCannot) {
  const ScratchFolder folder;
  for (const BadPath& bad : bad_paths(folder)) {
    if (!bad.text.empty()) {
      ErrorCode code{};
      EXPECT_EQ(error_of([&] { read_text_file(bad.path); }, &code), bad.path.string() + ": " + bad.text);
      EXPECT_EQ(code, bad.code) << bad.path;
    }
  }
}

TEST(ReadTextFile, ReadsUpToItsLimit) {
  const ScratchFolder folder;
  const std::string text(200'000, 'y');
  write_raw(folder / "file", text);
  EXPECT_EQ(read_text_file(folder / "file"), text);
  EXPECT_EQ(read_text_file(folder / "file", 200'000), text);
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { read_text_file(folder / "file", 199'999); }, &code),
            (folder / "file").string() + ": expected at most 199999 bytes, found more");
  EXPECT_EQ(code, ErrorCode::invalid_data);
}

TEST(ReadTextFile, ReadsWhatTellsNoSize) {
  EXPECT_EQ(read_text_file("/dev/null"), "");
  EXPECT_THAT(read_text_file("/proc/self/status"), testing::HasSubstr("Pid:"));
  EXPECT_THAT(error_of([] { read_text_file("/dev/zero", 1 << 20); }),
              testing::HasSubstr("at most 1048576 bytes"));
}

}  // namespace
}  // namespace reprise::engine
