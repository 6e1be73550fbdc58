/// A fixed team of threads that runs one function at a time, on every member at once (fork-join).
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
  explicit ThreadTeam(int n_threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls work(member) for every member in [0, size()), each on its own thread; returns when all are done.
  /// `work` must not throw and must not call run().
  void run(FunctionRef<void(int)> work);

 private:
  void serve(int member);

  std::vector<std::thread> workers_;
  const FunctionRef<void(int)>* work_ = nullptr;
  // On cache lines of their own: the caller writes one while the members write the other.
  alignas(64) std::atomic<std::uint32_t> round_{0};
  alignas(64) std::atomic<std::uint32_t> running_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace reprise::engine
