#include "engine/core/thread_team.h"

#include <system_error>

#include "engine/core/check.h"
#include "engine/core/error.h"

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

ThreadTeam::ThreadTeam(int n_threads) : next_part_(static_cast<std::uint32_t>(n_threads)) {
  REPRISE_CHECK(n_threads >= 1);
  workers_.reserve(static_cast<std::size_t>(n_threads - 1));
  try {
    for (int i = 1; i < n_threads; ++i) {
      workers_.emplace_back([this] { serve(); });
    }
  } catch (const std::system_error&) {
    const std::size_t started = workers_.size() + 1;
    stop();
    fail(ErrorCode::unsupported, "threads: expected {} to start, found a limit of this system at {}",
         n_threads, started);
  }
}

ThreadTeam::~ThreadTeam() {
  stop();
}

void ThreadTeam::stop() {
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
  unfinished_.store(static_cast<std::uint32_t>(size()), std::memory_order_relaxed);
  // Releases work_ to whoever claims a part, also to a member that wakes late for an earlier round.
  next_part_.store(0, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  work_until_done();
  for (std::uint32_t left = unfinished_.load(std::memory_order_acquire); left != 0;
       left = unfinished_.load(std::memory_order_acquire)) {
    wait_while_equal(unfinished_, left);
  }
}

void ThreadTeam::work_until_done() {
  while (true) {
    const std::uint32_t part = next_part_.fetch_add(1, std::memory_order_acq_rel);
    if (part >= static_cast<std::uint32_t>(size())) {
      return;
    }
    (*work_)(static_cast<int>(part));
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      unfinished_.notify_one();
    }
  }
}

void ThreadTeam::serve() {
  std::uint32_t seen = 0;
  while (true) {
    wait_while_equal(round_, seen);
    const std::uint32_t round = round_.load(std::memory_order_acquire);
    if (round == seen) {
      continue;
    }
    seen = round;
    if (stopping_.load(std::memory_order_relaxed)) {
      return;
    }
    work_until_done();
  }
}

}  // namespace reprise::engine
