#include "tools/cli/chat_input.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "engine/core/error.h"
#include "tools/cli/flags.h"

namespace reprise::cli {
namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{64} << 20;

std::atomic<bool> raised{false};
std::atomic<int> pipe_ends[2] = {-1, -1};  // the signal may come between a look at the flag and poll()
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);
struct sigaction previous_action;

[[noreturn]] void refuse_input(int error) {
  fail(ErrorCode::io, "standard input: expected to read it, found {}",
       std::generic_category().message(error));
}

/// A signal handler may do little more.
void raise_flag(int /*signal*/) {
  const int error = errno;
  if (!raised.exchange(true)) {
    (void)!::write(pipe_ends[1], "", 1);
  }
  errno = error;
}

}  // namespace

Interrupts::Interrupts() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    fail(ErrorCode::io, "Ctrl-C: expected to make a pipe, found {}", std::generic_category().message(errno));
  }
  pipe_ends[0] = ends[0];
  pipe_ends[1] = ends[1];
  raised = false;
  struct sigaction action = {};
  action.sa_handler = raise_flag;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &previous_action);
}

Interrupts::~Interrupts() {
  sigaction(SIGINT, &previous_action, nullptr);
  for (std::atomic<int>& end : pipe_ends) {
    ::close(end.exchange(-1));
  }
}

bool Interrupts::is_raised() {
  return raised;
}

bool Interrupts::take() {
  char byte = 0;
  while (descriptor() >= 0 && ::read(descriptor(), &byte, 1) == 1) {
  }
  return raised.exchange(false);
}

int Interrupts::descriptor() {
  return pipe_ends[0];
}

std::optional<std::string> LineReader::take_line() {
  const std::size_t end = held_.find('\n', searched_);
  if (end == std::string::npos && (!at_end_ || held_.empty())) {
    searched_ = held_.size();
    if (searched_ > kMaxLineBytes) {
      fail(ErrorCode::invalid_argument, "standard input: expected lines of at most {} bytes, found a longer one",
           kMaxLineBytes);
    }
    return std::nullopt;
  }
  searched_ = 0;
  std::string line = held_.substr(0, end);
  held_.erase(0, end == std::string::npos ? end : end + 1);
  if (line.ends_with('\r')) {
    line.pop_back();
  }
  return line;
}

LineReader::Status LineReader::read(std::string& line) {
  while (true) {
    if (auto taken = take_line(); taken) {
      line = std::move(*taken);
      return Status::line;
    }
    if (at_end_) {
      return Status::end;
    }
    pollfd ready[2] = {{descriptor_, POLLIN, 0}, {Interrupts::descriptor(), POLLIN, 0}};
    if (poll(ready, 2, -1) < 0) {
      if (errno != EINTR) {
        refuse_input(errno);
      }
      continue;
    }
    if (Interrupts::take()) {
      held_.clear();  // the terminal has dropped what was typed, too
      searched_ = 0;
      return Status::interrupted;
    }
    if (ready[0].revents == 0) {
      continue;
    }
    char bytes[4096];
    const ssize_t n = ::read(descriptor_, bytes, sizeof bytes);
    if (n < 0 && errno != EINTR) {
      refuse_input(errno);
    }
    at_end_ = n == 0;
    held_.append(bytes, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
}

std::optional<std::string> MessageReader::read(const std::string& prompt) {
  std::string message;
  bool goes_on = false;
  bool interrupted = false;
  while (true) {
    if (with_prompts_) {
      fmt::print("{}", goes_on ? "... " : prompt);
      std::fflush(stdout);
    }
    std::string line;
    const LineReader::Status status = lines_.read(line);
    if (status == LineReader::Status::interrupted) {
      if (interrupted) {
        say("\n");
        return std::nullopt;
      }
      say("\n(Ctrl-C once more, or /quit, leaves)\n");
      interrupted = true;
      goes_on = false;
      message.clear();
      continue;
    }
    if (status == LineReader::Status::end) {
      if (with_prompts_) {
        say("\n");  // the shell's prompt comes next
      }
      return goes_on ? std::optional(message) : std::nullopt;
    }
    interrupted = false;
    goes_on = line.ends_with('\\');
    if (goes_on) {
      line.back() = '\n';
    }
    message += line;
    if (!goes_on) {
      return message;
    }
  }
}

}  // namespace reprise::cli
