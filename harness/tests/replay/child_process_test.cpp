#include "harness/replay/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "engine/tests/io/io_test_support.h"

namespace reprise::harness {
namespace {

using engine::error_of;
using engine::ScratchFolder;
using testing::HasSubstr;
using testing::StartsWith;

/// A shell that performs `script`. What must be killed is killed soon.
class Shell {
 public:
  explicit Shell(const std::string& script, ChildLimits limits = {.exit_seconds = 0.05})
      : child_("/bin/sh", {"-c", script}, limits) {}
  ChildProcess* operator->() { return &child_; }

 private:
  ChildProcess child_;
};

std::string read_error(Shell& shell) {
  return error_of([&] { shell->read_line(); });
}

/// Neither running nor waiting to be asked how it ended.
bool is_gone(pid_t process) {
  return ::kill(process, 0) == -1 && errno == ESRCH;
}

TEST(ChildProcess, SpeaksInLines) {
  Shell shell("while read -r line; do echo \"<$line>\"; done", {});
  EXPECT_EQ(shell->program(), "/bin/sh");
  for (const std::string& line : {std::string("a"), std::string(), std::string(5000, 'x')}) {
    shell->write_line(line);
    EXPECT_EQ(shell->read_line(), "<" + line + ">");
  }
}

TEST(ChildProcess, GivesLinesOneByOne) {
  Shell shell("printf 'a\\n\\nb c\\n'");
  EXPECT_EQ(shell->read_line(), "a");
  EXPECT_EQ(shell->read_line(), "");
  EXPECT_EQ(shell->read_line(), "b c");
  EXPECT_EQ(read_error(shell), "/bin/sh: expected an answer, found exit status 0");
}

TEST(ChildProcess, PassesArguments) {
  ChildProcess child("/bin/echo", {"two words", "", "*"});
  EXPECT_EQ(child.read_line(), "two words  *");
}

TEST(ChildProcess, OneThatDiesIsNamedWithItsStatusAndItsLastWords) {
  Shell shell("echo first >&2; echo 'disk full' >&2; echo >&2; exit 3");
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { shell->read_line(); }, &code),
            "/bin/sh: expected an answer, found exit status 3; it last wrote: disk full");
  EXPECT_EQ(code, ErrorCode::io);
  Shell silent("exit 7");
  EXPECT_EQ(read_error(silent), "/bin/sh: expected an answer, found exit status 7");
  Shell answering("echo yes; exit 9");
  EXPECT_EQ(answering->read_line(), "yes");
  EXPECT_EQ(read_error(answering), "/bin/sh: expected an answer, found exit status 9");
}

TEST(ChildProcess, OneThatIsKilledIsNamedWithItsSignal) {
  Shell killed("kill -KILL $$");
  EXPECT_EQ(read_error(killed), "/bin/sh: expected an answer, found that SIGKILL ended it");
  Shell terminated("echo going >&2; kill -TERM $$");
  EXPECT_EQ(read_error(terminated),
            "/bin/sh: expected an answer, found that SIGTERM ended it; it last wrote: going");
}

TEST(ChildProcess, HalfALineIsNoAnswer) {
  Shell shell("printf half");
  EXPECT_EQ(read_error(shell), "/bin/sh: expected an answer, found exit status 0");
}

TEST(ChildProcess, OneThatClosesItsOutputIsNotWaitedFor) {
  Shell shell("echo $$; echo tired >&2; exec >&-; exec sleep 1000");
  shell->read_line();
  EXPECT_EQ(read_error(shell),
            "/bin/sh: expected an answer, found that it has closed its end; it last wrote: tired");
}

/// Without SIGPIPE's default action, which would end this test.
TEST(ChildProcess, WritingToOneThatDiedIsAnError) {
  Shell shell("exit 5");
  read_error(shell);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(error_of([&] { shell->write_line("hello"); }),
              "/bin/sh: expected a request to be read, found exit status 5");
  }
}

TEST(ChildProcess, LastWordsStayOneShortLine) {
  Shell binary("printf 'a\\033b\\377' >&2; exit 1");
  EXPECT_THAT(read_error(binary), testing::EndsWith("it last wrote: a\\x1bb\\xff"));
  Shell long_line("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1");
  EXPECT_LT(read_error(long_line).size(), 1000U);
}

TEST(ChildProcess, AFloodOfErrorsBlocksNobody) {
  // More than a pipe holds, before the child reads what is more than its input holds.
  Shell shell("yes noise | head -n 100000 >&2; echo last >&2; head -n 1 | wc -c; exit 2");
  shell->write_line(std::string(400'000, 'x'));
  EXPECT_THAT(shell->read_line(), HasSubstr("400001"));
  EXPECT_EQ(read_error(shell), "/bin/sh: expected an answer, found exit status 2; it last wrote: last");
}

TEST(ChildProcess, LinesAreBounded) {
  const ChildLimits limits = {.line_bytes = 100'000, .exit_seconds = 0.05};
  Shell just("head -c 100000 /dev/zero | tr '\\0' x; echo", limits);
  EXPECT_EQ(just->read_line(), std::string(100'000, 'x'));
  Shell over("head -c 100001 /dev/zero | tr '\\0' x; echo", limits);
  EXPECT_EQ(read_error(over), "/bin/sh: expected an answer, found more than 100000 bytes at once");
  Shell endless("exec cat /dev/zero", limits);
  EXPECT_EQ(read_error(endless), "/bin/sh: expected an answer, found more than 100000 bytes at once");
}

/// Lines that nobody asked for pile up here only while a request waits to be read.
TEST(ChildProcess, AFloodOfLinesInsteadOfReadingIsAnError) {
  Shell shell("exec yes", {.line_bytes = 100'000, .exit_seconds = 0.05});
  EXPECT_EQ(error_of([&] {
              for (int i = 0; i < 1000; ++i) {
                shell->write_line(std::string(100'000, 'x'));
              }
            }),
            "/bin/sh: expected a request to be read, found more than 100000 bytes at once");
}

TEST(ChildProcess, AnAnswerMayHaveADeadline) {
  const ChildLimits limits = {.answer_seconds = 0.05, .exit_seconds = 0.05};
  Shell silent("exec sleep 1000", limits);
  EXPECT_EQ(read_error(silent), "/bin/sh: expected an answer, found none within 0.05 s");
  Shell noisy("while :; do echo noise >&2; done", limits);
  EXPECT_THAT(read_error(noisy), StartsWith("/bin/sh: expected an answer, found none within 0.05 s"));
}

TEST(ChildProcess, NothingIsLeftOfOneThatNeverEnds) {
  pid_t process = 0;
  {
    Shell shell("trap '' HUP TERM INT PIPE; echo $$; exec sleep 1000");
    process = std::stoi(shell->read_line());
    EXPECT_FALSE(is_gone(process));
  }
  EXPECT_TRUE(is_gone(process));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(ChildProcess, NothingIsLeftOfOneThatDied) {
  pid_t process = 0;
  {
    Shell shell("echo $$");
    process = std::stoi(shell->read_line());
  }
  EXPECT_TRUE(is_gone(process));
}

/// Its input ends although another child is alive, which would hold it open had it inherited our end.
TEST(ChildProcess, OneEndsByItselfWhenItsInputDoes) {
  const ScratchFolder folder;
  const ChildLimits patient = {.exit_seconds = 60};
  auto first =
      std::make_unique<Shell>("cat > /dev/null; echo ended > " + (folder / "first").string(), patient);
  Shell second("echo ready; exec cat", patient);
  EXPECT_EQ(second->read_line(), "ready");
  first.reset();
  EXPECT_EQ(engine::read_raw(folder / "first"), "ended\n");
}

TEST(ChildProcess, InheritsNoDescriptorOfAnother) {
  const std::string count = "ls /proc/self/fd | wc -l";
  Shell alone(count);
  const std::string expected = alone->read_line();
  Shell other("cat");
  Shell beside(count);
  EXPECT_EQ(beside->read_line(), expected);
}

/// As where a service starts the program: pipes must not become its standard streams.
TEST(ChildProcess, WorksWithoutStandardStreams) {
  const int input = ::dup(STDIN_FILENO);
  ::close(STDIN_FILENO);
  {
    Shell shell("while read -r line; do echo \"<$line>\"; done; echo bye >&2");
    shell->write_line("a");
    EXPECT_EQ(shell->read_line(), "<a>");
    EXPECT_EQ(::fcntl(STDIN_FILENO, F_GETFD), -1);
  }
  if (input >= 0) {
    ::dup2(input, STDIN_FILENO);
    ::close(input);
  }
}

TEST(ChildProcess, WorksWhereTheSystemForgetsChildren) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);
  Shell shell("echo yes; exit 3");
  EXPECT_EQ(shell->read_line(), "yes");
  EXPECT_EQ(read_error(shell), "/bin/sh: expected an answer, found that it has ended");
  ::signal(SIGCHLD, before);
}

TEST(ChildProcess, WhatIsNoProgramIsRefused) {
  const ScratchFolder folder;
  engine::write_raw(folder / "text", "no program\n");
  engine::write_raw(folder / "bad", "no program\n");
  ASSERT_EQ(::chmod((folder / "bad").c_str(), 0700), 0);
  const auto start = [&](const char* name, ErrorCode expected) {
    ErrorCode code{};
    const std::string path = (folder / name).string();
    const std::string error = error_of([&] { ChildProcess child(path, {}); }, &code);
    EXPECT_EQ(code, expected) << error;
    EXPECT_TRUE(error.starts_with(path + ": cannot start it: ")) << error;
    return error.substr(path.size());
  };
  EXPECT_EQ(start("missing", ErrorCode::not_found), ": cannot start it: No such file or directory");
  EXPECT_EQ(start("text/below", ErrorCode::not_found), ": cannot start it: Not a directory");
  EXPECT_EQ(start("text", ErrorCode::io), ": cannot start it: Permission denied");
  EXPECT_EQ(start("", ErrorCode::io), ": cannot start it: Permission denied");
  EXPECT_EQ(start("bad", ErrorCode::io), ": cannot start it: Exec format error");
}

/// Descriptors too: a failed start leaves none.
TEST(ChildProcess, AFailedStartLeavesNothingOpen) {
  const int before = ::dup(STDERR_FILENO);
  ::close(before);
  for (int i = 0; i < 10; ++i) {
    error_of([] { ChildProcess child("/missing", {}); });
  }
  const int after = ::dup(STDERR_FILENO);
  ::close(after);
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace reprise::harness
