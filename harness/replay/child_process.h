/// A program in a process of its own that is spoken to in lines: one goes in, one comes out. What it writes
/// to standard error is kept for error messages. It knows no protocol (child_protocol.h). Used by
/// ChildReplay.
///
/// The child never outlives this object: its input ends, and if it has not ended soon after, it is killed.
/// It stays in this process's group, so that Ctrl-C ends both; should this process be killed, the child's
/// input ends all the same. Of a wrapper (`taskset`, `perf stat`) only the wrapper is killed; the program
/// under it sees its input end.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/clock/clock.h"
#include "harness/replay/descriptor.h"
#include "harness/replay/line_buffer.h"

namespace reprise::harness {

struct ChildLimits {
  std::size_t line_bytes = std::size_t{64} << 20;                     ///< of what the child says at once
  Seconds answer_seconds = std::numeric_limits<Seconds>::infinity();  ///< until a line must have come or gone
  Seconds exit_seconds = 1;  ///< from the end of its input until the child is killed
};

/// Errors of all that talks to the child are io, one line naming the program, how it ended, and the last line
/// that it wrote to standard error.
class ChildProcess {
 public:
  /// `program` is a path; it is not searched for. Errors: not_found or io when it cannot be started.
  ChildProcess(std::string program, const std::vector<std::string>& arguments, ChildLimits limits = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] const std::string& program() const { return program_; }

  /// Sends a line; `line` holds no line end.
  void write_line(std::string_view line);
  /// Waits for the next line of the child, without its end.
  std::string read_line();

 private:
  using Deadline = Seconds;  // on the system's monotonic clock

  /// Waits until something can be read, or also written, and takes what the child says on both outputs, so
  /// that it never waits for room in a pipe. Whether its input takes more.
  bool exchange(bool writing, Deadline deadline, std::string_view expected);
  void take_output(std::string_view expected);
  void take_errors();
  /// Whether the child has ended, waiting no longer than `seconds`.
  bool has_ended(Seconds seconds);
  /// The child has closed a pipe: says how it ended, or that it goes on without.
  [[noreturn]] void fail_ended(std::string_view expected);
  [[noreturn]] void fail_with(std::string_view expected, std::string_view found);

  std::string program_;
  ChildLimits limits_;
  pid_t process_ = -1;
  std::optional<int> status_;  // of waitpid(2), once it has ended
  Descriptor input_;
  Descriptor output_;
  Descriptor errors_;
  LineBuffer lines_;
  std::string last_errors_;  // the end of standard error
};

}  // namespace reprise::harness
