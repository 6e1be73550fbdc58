#include "harness/replay/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <system_error>
#include <utility>

#include "engine/core/error.h"
#include "engine/core/monotonic.h"
#include "engine/io/printable.h"

namespace reprise::harness {
namespace {

constexpr std::size_t kKeptErrorBytes = 4096;
constexpr std::size_t kShownErrorBytes = 500;
constexpr int kUnknownStatus = -1;

std::string reason_of(int error_number) {
  return std::generic_category().message(error_number);
}

/// The same end of a pipe under a number beyond 2: where this process was started without standard streams, a
/// pipe would get their numbers, and what it prints would go to the child.
Descriptor above_standard(Descriptor end) {
  if (end.get() > STDERR_FILENO) {
    return end;
  }
  Descriptor high(::fcntl(end.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!high.is_open()) {
    fail(ErrorCode::io, "file descriptors: expected one more, found an error: {}", reason_of(errno));
  }
  return high;
}

struct Ends {
  Descriptor ours;
  Descriptor theirs;
};

/// For the child's input. A socket, because send(2) can be told to raise no SIGPIPE: a pipe would need the
/// signal blocked, which is not a library's to do.
Ends make_input() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    fail(ErrorCode::io, "sockets: expected one more pair, found an error: {}", reason_of(errno));
  }
  Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  return {above_standard(std::move(ours)), above_standard(std::move(theirs))};
}

/// For what the child writes. Our end never blocks.
Ends make_output() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    fail(ErrorCode::io, "pipes: expected one more, found an error: {}", reason_of(errno));
  }
  Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  return {above_standard(std::move(ours)), above_standard(std::move(theirs))};
}

/// Starts `program` with these as its standard streams. Everything else of ours closes itself.
pid_t start(const std::string& program, const std::vector<std::string>& arguments,
            const std::array<int, 3>& standard) {
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (int stream = 0; stream < 3; ++stream) {
    ::posix_spawn_file_actions_adddup2(&actions, standard[static_cast<std::size_t>(stream)], stream);
  }
  pid_t process = -1;
  const int problem = ::posix_spawn(&process, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) {
    const bool missing = problem == ENOENT || problem == ENOTDIR;
    fail(missing ? ErrorCode::not_found : ErrorCode::io, "{}: cannot start it: {}", program,
         reason_of(problem));
  }
  return process;
}

int milliseconds_until(Seconds deadline) {
  const Seconds left = std::clamp(deadline - engine::monotonic_seconds(), 0.0, 60.0);
  return static_cast<int>(std::ceil(left * 1e3));
}

/// The last line with something in it.
std::string_view last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of("\r\n");
  text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const std::size_t start = text.find_last_of("\r\n");
  return start == std::string_view::npos ? text : text.substr(start + 1);
}

std::string describe_status(int status) {
  if (status == kUnknownStatus) {
    return "that it has ended";
  }
  if (WIFEXITED(status)) {
    return fmt::format("exit status {}", WEXITSTATUS(status));
  }
  const char* name = ::sigabbrev_np(WTERMSIG(status));
  return name != nullptr ? fmt::format("that SIG{} ended it", name)
                         : fmt::format("that signal {} ended it", WTERMSIG(status));
}

}  // namespace

ChildProcess::ChildProcess(std::string program, const std::vector<std::string>& arguments, ChildLimits limits)
    : program_(std::move(program)), limits_(limits) {
  Ends input = make_input();
  Ends output = make_output();
  Ends errors = make_output();
  process_ = start(program_, arguments, {input.theirs.get(), output.theirs.get(), errors.theirs.get()});
  input_ = std::move(input.ours);
  output_ = std::move(output.ours);
  errors_ = std::move(errors.ours);
}

ChildProcess::~ChildProcess() {
  input_.close();
  output_.close();  // a child that is busy writing ends of that
  errors_.close();
  if (!has_ended(limits_.exit_seconds)) {
    ::kill(process_, SIGKILL);
    has_ended(std::numeric_limits<Seconds>::infinity());
  }
}

void ChildProcess::write_line(std::string_view line) {
  constexpr std::string_view kExpected = "a request to be read";
  const Deadline deadline = engine::monotonic_seconds() + limits_.answer_seconds;
  const std::string whole = std::string(line) + "\n";
  for (std::string_view rest = whole; !rest.empty();) {
    if (!exchange(true, deadline, kExpected)) {
      continue;
    }
    const ssize_t n = ::send(input_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EAGAIN && errno != EINTR) {
      fail_ended(kExpected);
    }
  }
}

std::string ChildProcess::read_line() {
  constexpr std::string_view kExpected = "an answer";
  const Deadline deadline = engine::monotonic_seconds() + limits_.answer_seconds;
  while (!lines_.has_line()) {
    if (!output_.is_open()) {
      fail_ended(kExpected);
    }
    exchange(false, deadline, kExpected);
  }
  return lines_.take_line();
}

bool ChildProcess::exchange(bool writing, Deadline deadline, std::string_view expected) {
  if (engine::monotonic_seconds() >= deadline) {
    fail_with(expected, fmt::format("none within {} s", limits_.answer_seconds));
  }
  pollfd polled[] = {
      {output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}, {writing ? input_.get() : -1, POLLOUT, 0}};
  if (::poll(polled, std::size(polled), milliseconds_until(deadline)) <= 0) {
    return false;
  }
  if (polled[0].revents != 0) {
    take_output(expected);
  }
  if (polled[1].revents != 0) {
    take_errors();
  }
  return polled[2].revents != 0;
}

void ChildProcess::take_output(std::string_view expected) {
  char bytes[1 << 16];
  const ssize_t n = ::read(output_.get(), bytes, sizeof bytes);
  if (n > 0) {
    lines_.append({bytes, static_cast<std::size_t>(n)});
    if (lines_.line_bytes() > limits_.line_bytes || lines_.size_bytes() > limits_.line_bytes + sizeof bytes) {
      fail_with(expected, fmt::format("more than {} bytes at once", limits_.line_bytes));
    }
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    output_.close();
  }
}

void ChildProcess::take_errors() {
  char bytes[1 << 14];
  const ssize_t n = ::read(errors_.get(), bytes, sizeof bytes);
  if (n > 0) {
    last_errors_.append(bytes, static_cast<std::size_t>(n));
    last_errors_.erase(0, last_errors_.size() - std::min(last_errors_.size(), kKeptErrorBytes));
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    errors_.close();
  }
}

bool ChildProcess::has_ended(Seconds seconds) {
  const Deadline deadline = engine::monotonic_seconds() + seconds;
  while (!status_) {
    int status = 0;
    const pid_t ended = ::waitpid(process_, &status, WNOHANG);
    if (ended == process_) {
      status_ = status;
    } else if (ended < 0 && errno != EINTR) {
      status_ = kUnknownStatus;  // it is gone already where SIGCHLD is ignored
    } else if (engine::monotonic_seconds() >= deadline) {
      return false;
    } else {
      pollfd polled = {errors_.get(), POLLIN, 0};
      if (::poll(&polled, 1, 1) > 0) {
        take_errors();
      }
    }
  }
  return true;
}

void ChildProcess::fail_ended(std::string_view expected) {
  if (!has_ended(limits_.exit_seconds)) {
    fail_with(expected, "that it has closed its end");
  }
  // What it wrote is all in the pipe. Others may still hold and fill it: they are not waited for.
  constexpr int kMostReads = 64;
  for (int i = 0; i < kMostReads && errors_.is_open(); ++i) {
    take_errors();
  }
  fail_with(expected, describe_status(*status_));
}

void ChildProcess::fail_with(std::string_view expected, std::string_view found) {
  const std::string_view last = last_line(last_errors_);
  fail(ErrorCode::io, "{}: expected {}, found {}{}{}", program_, expected, found,
       last.empty() ? "" : "; it last wrote: ", engine::printable(last, kShownErrorBytes));
}

}  // namespace reprise::harness
