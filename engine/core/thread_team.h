/// A fixed team of threads that runs one function at a time, on every member at once (fork-join).
///
/// Members claim parts of the work as they come: where the operating system has taken a member's core away,
/// the others do its part, so a busy machine costs about that core, not a time slice at every fork-join.
///
/// A decoder dispatches hundreds of short kernels per token, so a fork-join must cost about a microsecond:
/// members spin for a while before they sleep. It is our own, and not OpenMP, for three reasons: libgomp
/// takes its waiting policy from the environment, where a report cannot see it; the team's size belongs to a
/// placement, not to the process; and ThreadSanitizer understands it.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "engine/core/function_ref.h"

namespace reprise::engine {

class ThreadTeam {
 public:
  /// Starts n_threads - 1 threads; the caller of run() is the remaining member.
  /// Errors: unsupported when the system starts no more.
  explicit ThreadTeam(int n_threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls work(part) once for every part in [0, size()), each on any one thread; returns when all are done.
  /// `work` must not throw and must not call run().
  void run(FunctionRef<void(int)> work);

 private:
  void serve();
  void stop();
  void work_until_done();

  std::vector<std::thread> workers_;
  const FunctionRef<void(int)>* work_ =
      nullptr;  // of the current round; read only by members that claimed a part
  // On cache lines of their own: what waiting members read, what all change, what the caller waits for.
  alignas(64) std::atomic<std::uint32_t> round_{0};
  alignas(64) std::atomic<std::uint32_t> next_part_;  // size() and above: nothing left to claim
  alignas(64) std::atomic<std::uint32_t> unfinished_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace reprise::engine
