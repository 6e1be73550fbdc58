/// Where files go: whole or not at all, whatever happens while one is written.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "engine/io/safetensors.h"
#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

/// Version k of a capture: rows and length follow from k, so that a mixture would show.
Capture version(const Capture& base, unsigned k) {
  Capture capture = base;
  capture.request.sampling.seed = k;
  capture.kv->keys.assign(capture.kv->keys.size(), static_cast<std::byte>(k));
  capture.origin.policy = std::string(k % 50 * 100, 'p');
  return capture;
}

TEST(CaptureWrite, KillAtAnyMomentLeavesAWholeOldOrNewCapture) {
  const ScratchFolder folder;
  const std::filesystem::path path = folder / "call";
  const Capture base = Call(kLlama, 30, 2, 29).record();
  std::mt19937 random(11);
  write_capture(version(base, 0), path);
  int rounds_with_new_content = 0;
  for (unsigned round = 0; round < 36; ++round) {
    const std::uint64_t before = read_capture(path).request.sampling.seed;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (unsigned k = round * 1000 + 1;; ++k) {
        write_capture(version(base, k), path);
      }
    }
    ::usleep(static_cast<useconds_t>(random() % 15000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const Capture after = read_capture(path);
    expect_same(after, version(base, static_cast<unsigned>(after.request.sampling.seed)));
    rounds_with_new_content += after.request.sampling.seed == before ? 0 : 1;
  }
  EXPECT_GT(rounds_with_new_content, 0) << "no child wrote anything before it was killed";
}

TEST(CaptureWrite, ImpossiblePlacesAreErrorsAndLeaveNothing) {
  const ScratchFolder folder;
  write_raw(folder / "file", "text");
  const Capture capture = Call().record();
  for (const std::filesystem::path& path : {folder / "file/call", folder / "none/call"}) {
    ErrorCode code{};
    EXPECT_THAT(error_of([&] { write_capture(capture, path); }, &code),
                StartsWith(path.string() + ": cannot create a temporary file in its folder: "));
    EXPECT_EQ(code, ErrorCode::not_found);
  }
  EXPECT_EQ(error_of([&] { write_capture(capture, folder.path()); }),
            folder.path().string() + ": expected a regular file to replace, found a directory");
  EXPECT_EQ(error_of([&] { write_capture(capture, "/dev/full"); }),
            "/dev/full: expected a regular file to replace, found a device");
  EXPECT_THAT(folder.names(), ElementsAre("file"));
  EXPECT_EQ(read_raw(folder / "file"), "text");
}

TEST(CaptureWrite, AFullDiskKeepsTheOldCapture) {
  const ScratchFolder folder;
  const Capture capture = Call(kLlama, 30, 2, 29).record();
  const std::string id = write_capture(capture, folder / "call");
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit limit = {8192, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string old = error_of([&] { write_capture(version(capture, 1), folder / "call"); });
  const std::string fresh = error_of([&] { write_capture(capture, folder / "new"); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(old, (folder / "call").string() + ": cannot write: File too large");
  EXPECT_EQ(fresh, (folder / "new").string() + ": cannot write: File too large");
  EXPECT_THAT(folder.names(), ElementsAre("call"));
  EXPECT_EQ(read_capture(folder / "call").id, id);
}

TEST(CaptureWrite, TextThatIsNotUtf8IsRefusedWhereItCannotBeReplaced) {
  const ScratchFolder folder;
  Capture capture = Call().record();
  capture.origin.policy = "\xff";
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { write_capture(capture, folder / "call"); }, &code),
            "safetensors: '\\xff': expected UTF-8, found other bytes");
  EXPECT_EQ(code, ErrorCode::invalid_argument);
  EXPECT_TRUE(folder.names().empty());
}

TEST(LooksLikeCapture, NeverThrows) {
  const ScratchFolder folder;
  write_raw(folder / "empty", "");
  write_raw(folder / "garbage", std::string(5000, '\x7b'));
  write_raw(folder / "deep", std::string("\x10\x27\0\0\0\0\0\0", 8) + std::string(10000, '['));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("loop", folder / "loop");
  SafetensorsWriter model;
  model.add("weight", DType::u8, {1}, bytes_of("w"));
  model.write(folder / "model");
  model.set_metadata("format", "pt");
  model.write(folder / "pytorch");
  for (const char* name :
       {"empty", "garbage", "deep", "pipe", "loop", "model", "pytorch", "none", "empty/below"}) {
    EXPECT_FALSE(looks_like_capture(folder / name)) << name;
  }
  EXPECT_FALSE(looks_like_capture(folder.path()));
  EXPECT_FALSE(looks_like_capture(""));
  EXPECT_FALSE(looks_like_capture("/dev/zero"));
  write_capture(Call().record(), folder / "call");
  EXPECT_TRUE(looks_like_capture(folder / "call"));
}

}  // namespace
}  // namespace reprise::engine
