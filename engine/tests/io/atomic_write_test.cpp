#include "engine/io/atomic_write.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <random>

#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Makes writes beyond `bytes` of a file fail, as a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0);
  return status.st_mode;
}

TEST(AtomicFile, ReplacesOnCommitAndNotBefore) {
  const ScratchFolder folder;
  write_raw(folder / "file", "old");
  {
    AtomicFile file(folder / "file");
    file.write("new ");
    file.write(bytes_of("content"));
    EXPECT_EQ(read_raw(folder / "file"), "old");
    file.commit();
    EXPECT_EQ(read_raw(folder / "file"), "new content");
  }
  EXPECT_EQ(read_raw(folder / "file"), "new content");
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(AtomicFile, DiscardsWithoutCommit) {
  const ScratchFolder folder;
  {
    AtomicFile file(folder / "file");
    file.write("text");
    ASSERT_EQ(folder.names().size(), 1U);  // the temporary, in the same folder: rename must not cross disks
    EXPECT_THAT(folder.names()[0], testing::MatchesRegex("\\.reprise-.*\\.tmp"));
  }
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(AtomicFile, PiecesOfAllSizesKeepTheirOrder) {
  const ScratchFolder folder;
  std::string expected;
  AtomicFile file(folder / "file");
  char letter = 'a';
  for (const std::size_t size : {0, 1, 1000, 1 << 20, 7, (1 << 20) + 1, 3'000'000, 5, (1 << 20) - 5, 1}) {
    const std::string piece(size, letter++);
    file.write(piece);
    expected += piece;
  }
  file.commit();
  EXPECT_TRUE(read_raw(folder / "file") == expected);
}

TEST(AtomicFile, TwoWritersOfOneFileDoNotMeet) {
  const ScratchFolder folder;
  AtomicFile first(folder / "file");
  AtomicFile second(folder / "file");
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  EXPECT_EQ(read_raw(folder / "file"), "first");
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(AtomicFile, ModeFollowsTheUmask) {
  const ScratchFolder folder;
  const mode_t before = ::umask(027);
  write_file_atomically(folder / "file", "text");
  ::umask(before);
  EXPECT_EQ(mode_of(folder / "file"), static_cast<mode_t>(S_IFREG | 0640));
}

TEST(AtomicFile, WritesThroughALink) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "elsewhere");
  write_raw(folder / "elsewhere/file", "old");
  std::filesystem::create_symlink("elsewhere/file", folder / "link");
  write_file_atomically(folder / "link", "new");
  EXPECT_TRUE(S_ISLNK(mode_of(folder / "link")));
  EXPECT_EQ(read_raw(folder / "elsewhere/file"), "new");
}

TEST(AtomicFile, PathWithoutAFolder) {
  const ScratchFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  write_file_atomically("file", "text");
  std::filesystem::current_path(before);
  EXPECT_EQ(read_raw(folder / "file"), "text");
}

TEST(AtomicFile, RefusesWhatIsNotARegularFile) {
  const ScratchFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const auto line_for = [](const std::filesystem::path& path) {
    return error_of([&] { write_file_atomically(path, "text"); });
  };
  EXPECT_EQ(line_for(folder.path()),
            folder.path().string() + ": expected a regular file to replace, found a directory");
  EXPECT_EQ(line_for(folder / "pipe"),
            (folder / "pipe").string() + ": expected a regular file to replace, found a pipe");
  EXPECT_EQ(line_for("/dev/full"), "/dev/full: expected a regular file to replace, found a device");
  EXPECT_TRUE(S_ISCHR(mode_of("/dev/full")));
}

TEST(AtomicFile, NamesPathAndReasonWhenTheFolderRefuses) {
  const ScratchFolder folder;
  write_raw(folder / "file", "old");
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { AtomicFile file(folder / "file/x"); }, &code),
            (folder / "file/x").string() + ": cannot create a temporary file in its folder: Not a directory");
  EXPECT_EQ(code, ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { AtomicFile file(folder / "none/x"); }),
            (folder / "none/x").string() +
                ": cannot create a temporary file in its folder: No such file or directory");
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

/// Both places where a full disk shows: a write that goes through, and one that waits in the buffer.
TEST(AtomicFile, FullDiskKeepsTheOldFileAndLeavesNothing) {
  const ScratchFolder folder;
  write_raw(folder / "file", "old");
  for (const std::size_t size : {100'000, 5'000'000}) {
    std::string line;
    {
      const FileSizeLimit limit(65'536);
      line = error_of([&] { write_file_atomically(folder / "file", std::string(size, 'n')); });
    }
    EXPECT_EQ(line, (folder / "file").string() + ": cannot write: File too large");
    EXPECT_EQ(read_raw(folder / "file"), "old");
    EXPECT_THAT(folder.names(), ElementsAre("file"));
  }
}

TEST(AtomicFile, FailedRenameLeavesNothing) {
  const ScratchFolder folder;
  AtomicFile file(folder / "name");
  file.write("text");
  std::filesystem::create_directory(folder / "name");
  EXPECT_EQ(error_of([&] { file.commit(); }),
            (folder / "name").string() + ": cannot replace: Is a directory");
  EXPECT_THAT(folder.names(), ElementsAre("name"));
}

TEST(AtomicFileDeathTest, NothingFollowsACommit) {
  const ScratchFolder folder;
  AtomicFile file(folder / "file");
  file.commit();
  EXPECT_DEATH(file.write("more"), "check failed: descriptor_ >= 0");
  EXPECT_DEATH(file.commit(), "check failed: descriptor_ >= 0");
}

/// Version k of the file: a length and a byte that both follow from k, so that a mixture or a part is seen.
std::string version(unsigned k) {
  return std::string(4096 * (1 + k % 64), static_cast<char>('A' + k % 64));
}

bool is_whole(const std::string& text) {
  return !text.empty() && text == version(static_cast<unsigned>(text[0] - 'A'));
}

TEST(AtomicFile, KillAtAnyMomentLeavesOldOrNew) {
  const ScratchFolder folder;
  const std::filesystem::path path = folder / "file";
  std::mt19937 random(7);
  std::uniform_int_distribution<useconds_t> pause(0, 8000);
  write_raw(path, version(0));
  int rounds_with_new_content = 0;
  for (int round = 0; round < 48; ++round) {
    const std::string before = read_raw(path);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (unsigned k = static_cast<unsigned>(round) * 11 + 1;; ++k) {
        write_file_atomically(path, version(k));
      }
    }
    ::usleep(pause(random));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const std::string after = read_raw(path);
    ASSERT_TRUE(is_whole(after)) << "round " << round << ": " << after.size() << " bytes";
    rounds_with_new_content += after == before ? 0 : 1;
  }
  EXPECT_GT(rounds_with_new_content, 0) << "no child wrote anything before it was killed";
}

}  // namespace
}  // namespace reprise::engine
