#include "engine/core/thread_team.h"

#include "engine/core/check.h"

namespace reprise::engine {
namespace {

/// About 50 microseconds of waiting before a thread sleeps: longer than the gap between two kernels of a
/// token, short enough that an idle team leaves the machine alone.
constexpr int kSpins = 2000;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits until `value` is no longer `old`.
void wait_while_equal(std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (value.load(std::memory_order_acquire) != old) {
      return;
    }
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadTeam::ThreadTeam(int n_threads) {
  REPRISE_CHECK(n_threads >= 1);
  workers_.reserve(static_cast<std::size_t>(n_threads - 1));
  for (int member = 1; member < n_threads; ++member) {
    workers_.emplace_back([this, member] { serve(member); });
  }
}

ThreadTeam::~ThreadTeam() {
  stopping_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

void ThreadTeam::run(FunctionRef<void(int)> work) {
  if (workers_.empty()) {
    work(0);
    return;
  }
  work_ = &work;
  running_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  work(0);
  for (std::uint32_t left = running_.load(std::memory_order_acquire); left != 0;
       left = running_.load(std::memory_order_acquire)) {
    wait_while_equal(running_, left);
  }
}

void ThreadTeam::serve(int member) {
  std::uint32_t seen = 0;
  while (true) {
    wait_while_equal(round_, seen);
    if (round_.load(std::memory_order_acquire) == seen) {
      continue;
    }
    ++seen;
    if (stopping_.load(std::memory_order_relaxed)) {
      return;
    }
    (*work_)(member);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      running_.notify_one();
    }
  }
}

}  // namespace reprise::engine
