#include "engine/capture/capture_folder.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "engine/capture/capture_temporaries.h"
#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;

class CaptureFolderTest : public ::testing::Test {
 protected:
  [[nodiscard]] CaptureFolder open() const { return {folder_.path(), EvictionOrder::oldest}; }
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
  ScratchFolder folder_;
};

/// The number of a process that has lived.
pid_t dead_process() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  return child;
}

TEST_F(CaptureFolderTest, NeverReplacesAnothersFile) {
  const Capture capture = Call().record();
  CaptureFolder ours = open();
  CaptureFolder theirs = open();
  const std::string first = ours.write(capture, 1, 0.5);
  const std::string second = theirs.write(capture, 1, 0.5);
  EXPECT_EQ(captured_number(first), 1);
  EXPECT_EQ(captured_number(second), 2);
  EXPECT_EQ(files(), (std::set{first, second}));
  EXPECT_TRUE(theirs.remove(1));  // by the call's number
  EXPECT_EQ(files(), std::set{first});
}

TEST_F(CaptureFolderTest, TwoAtOnceWriteOneNumberEach) {
  constexpr int kCaptures = 30;
  Capture captures[2] = {Call().record(), Call(kMicrogpt, 5, 3).record()};
  std::vector<std::thread> threads;
  std::vector<std::string> names[2];
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      CaptureFolder folder = open();
      for (int i = 1; i <= kCaptures; ++i) {
        names[t].push_back(folder.write(captures[t], i, 0.5));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(files(), SizeIs(2 * kCaptures));
  for (int t = 0; t < 2; ++t) {
    for (const std::string& name : names[t]) {
      EXPECT_EQ(read_capture(folder_ / name).steps.generated_ids, captures[t].steps.generated_ids);
    }
  }
}

TEST(CaptureTemporaries, NamesAreNobodyElses) {
  const std::string name = capture_temporary_name(12);
  EXPECT_TRUE(name.starts_with(".reprise-call-00000012-" + std::to_string(::getpid()) + "-")) << name;
  EXPECT_NE(name, capture_temporary_name(12));
}

TEST(CaptureTemporaries, AreLeftBehindByTheDeadAndTheOld) {
  const std::string dead = std::to_string(dead_process());
  const std::string alive = std::to_string(::getpid());
  for (const auto& [begin, end] :
       {std::pair{".reprise-call-00000012-", "-0123456789abcdef.tmp"}, std::pair{".reprise-", "-3.tmp"}}) {
    EXPECT_TRUE(is_left_behind(begin + dead + end, 60s));
    EXPECT_FALSE(is_left_behind(begin + dead + end, 59s));
    EXPECT_FALSE(is_left_behind(begin + alive + end, 23h));
    EXPECT_TRUE(is_left_behind(begin + alive + end, 24h));
  }
  for (const std::string& other :
       {std::string(""), std::string(".tmp"), ".reprise-" + dead + ".tmp", ".reprise-" + dead + "-3-.tmp",
        ".reprise-" + dead + "-3.tmp.bak", "x.reprise-" + dead + "-3.tmp", "reprise-" + dead + "-3.tmp",
        ".reprise-" + dead + "-f.tmp", std::string(".reprise-0-3.tmp"), std::string(".reprise--1-3.tmp"),
        std::string(".reprise-9999999999-3.tmp"), ".reprise-call-00000012-" + dead + "-0123456789abcde.tmp",
        ".reprise-call-0000012-" + dead + "-0123456789abcdef.tmp", std::string(".reprise-call-00000012.tmp"),
        ".reprise-call-00000012-" + dead + "-0123456789abcdeg.tmp"}) {
    EXPECT_FALSE(is_left_behind(other, 1000h)) << other;
  }
}

TEST_F(CaptureFolderTest, RemovesWhatCrashesLeft) {
  const std::string dead = std::to_string(dead_process());
  const std::string alive = std::to_string(::getpid());
  const auto make = [this](const std::string& name, std::chrono::seconds age) {
    write_raw(folder_ / name, "x");
    std::filesystem::last_write_time(folder_ / name, std::filesystem::file_time_type::clock::now() - age);
    return name;
  };
  make(".reprise-call-00000001-" + dead + "-0123456789abcdef.tmp", 120s);
  make(".reprise-" + dead + "-0.tmp", 120s);
  make(".reprise-call-00000001-" + alive + "-0123456789abcdef.tmp", 25h);
  const std::set<std::string> others = {
      make(".reprise-call-00000002-" + alive + "-0123456789abcdef.tmp", 120s),
      make(".reprise-call-00000003.tmp", 1000h), make("notes.tmp", 1000h)};
  EXPECT_THAT(open().kept(), IsEmpty());
  EXPECT_EQ(files(), others);
}

}  // namespace
}  // namespace reprise::engine
