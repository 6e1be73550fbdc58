#include "engine/kernels/hip/emulation/block_threads.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/context/fiber.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/core/check.h"
#include "engine/core/thread_team.h"
#include "engine/kernels/hip/emulation/sanitized_fibers.h"

namespace reprise::engine::kernels::emulation {
namespace {

constexpr int kWidestWave = 64;
/// Kernels keep their arrays in shared memory; sanitizers widen what is left on the stack.
constexpr std::size_t kStackBytes = std::size_t{128} << 10;

std::size_t product(Index3 extent) {
  return std::size_t{extent.x} * extent.y * extent.z;
}

/// The index of number n of an extent, x running first.
Index3 index_of(std::size_t n, Index3 extent) {
  return {static_cast<unsigned>(n % extent.x), static_cast<unsigned>(n / extent.x % extent.y),
          static_cast<unsigned>(n / extent.x / extent.y)};
}

/// Stacks for all threads of a block, each above a page that faults: an overflow is no silent damage.
class Stacks {
 public:
  Stacks()
      : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
        memory_(mmap(nullptr, kMaxThreads * stride(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                     -1, 0)) {
    REPRISE_CHECK(memory_ != MAP_FAILED);
  }
  ~Stacks() { munmap(memory_, kMaxThreads * stride()); }
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  std::byte* lowest(std::size_t i) {
    std::byte* const lowest = static_cast<std::byte*>(memory_) + i * stride() + page_;
    for (; n_open_ <= i; ++n_open_) {
      REPRISE_CHECK(mprotect(static_cast<std::byte*>(memory_) + n_open_ * stride() + page_, kStackBytes,
                             PROT_READ | PROT_WRITE) == 0);
    }
    return lowest;
  }

 private:
  [[nodiscard]] std::size_t stride() const { return kStackBytes + page_; }

  std::size_t page_;
  void* memory_;
  std::size_t n_open_ = 0;
};

/// A stack that somebody else owns, as Boost.Context asks for one.
struct BorrowedStack {
  std::byte* lowest;
  [[nodiscard]] boost::context::stack_context allocate() const {
    boost::context::stack_context stack;
    stack.size = kStackBytes;
    stack.sp = lowest + kStackBytes;
    return stack;
  }
  void deallocate(boost::context::stack_context& /*stack*/) const noexcept {}
};

/// What runs emulated threads, one after another while they do not wait; one that waits keeps it. Or the
/// processor's thread itself, which runs none.
struct Fiber {
  Fiber() = default;
  explicit Fiber(std::byte* lowest) : stack(lowest, kStackBytes) {}
  SanitizedStack stack;
  boost::context::fiber context;  // of one that does not run
};

enum class State { unstarted, ready, at_block_barrier, in_wave_exchange, finished };

struct Thread {
  Position position;
  State state = State::unstarted;
  std::source_location waits_at;
  Fiber* fiber = nullptr;  // from the start to the end
};

[[noreturn]] void stuck(const Thread& thread, std::string_view what) {
  // Like a failed check: a bug in a kernel.
  const auto& [x, y, z] = thread.position.thread;
  fmt::print(stderr, "{}:{}: check failed: emulated thread ({}, {}, {}) of block {} {}\n",
             thread.waits_at.file_name(), thread.waits_at.line(), x, y, z, thread.position.block.x, what);
  std::abort();
}

bool same_place(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

/// When all of `threads` wait in `state`, which they must do at one place, makes them ready. Else false.
bool release(std::span<Thread> threads, State state) {
  if (!std::all_of(threads.begin(), threads.end(),
                   [state](const Thread& thread) { return thread.state == state; })) {
    return false;
  }
  const std::source_location& place = threads[0].waits_at;
  for (Thread& thread : threads) {
    if (!same_place(thread.waits_at, place)) {
      stuck(thread, fmt::format("waits here, and others at {}:{}", place.file_name(), place.line()));
    }
    thread.state = State::ready;
  }
  return true;
}

/// Runs one block after another on the calling thread. Waves take turns at the block's barriers alone,
/// and lanes at those and at their wave's exchanges, always in the device's order.
class BlockRunner {
 public:
  BlockRunner() = default;
  BlockRunner(const BlockRunner&) = delete;
  BlockRunner& operator=(const BlockRunner&) = delete;
  ~BlockRunner();

  void run(const DeviceKind& device, const Position& first, FunctionRef<void()> kernel);

  [[nodiscard]] bool is_running() const { return current_ != nullptr; }
  [[nodiscard]] const Position& position() const { return current_->position; }
  [[nodiscard]] int wave_size() const { return device_.wave_size; }
  void wait_for_block(std::source_location where) { wait(State::at_block_barrier, where); }
  const std::uint32_t* exchange_in_wave(std::uint32_t value, std::source_location where);

 private:
  void wait(State state, std::source_location where);
  Fiber& next();
  void change(Fiber& from, Fiber& to);
  void arrive(Fiber& at, boost::context::fiber&& left);
  Fiber& idle_fiber();
  void run_threads(Fiber& fiber);
  void run_current() noexcept;

  Stacks stacks_;
  Fiber caller_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  Fiber* left_ = nullptr;  // ran before the one that runs

  DeviceKind device_;
  const FunctionRef<void()>* kernel_ = nullptr;  // null: fibers end
  std::vector<Thread> threads_;                  // of the block
  std::span<Thread> wave_;                       // that runs
  std::size_t n_turns_ = 0;                      // of its lanes that had theirs
  Thread* current_ = nullptr;
  // Values on their way between the lanes. A lane that runs ahead writes the other buffer, and cannot
  // run two exchanges ahead.
  std::array<std::array<std::uint32_t, kWidestWave>, 2> values_ = {};
  std::size_t buffer_ = 0;
};

BlockRunner::~BlockRunner() {
  kernel_ = nullptr;
  for (const auto& fiber : fibers_) {
    change(caller_, *fiber);
  }
}

void BlockRunner::run(const DeviceKind& device, const Position& first, FunctionRef<void()> kernel) {
  device_ = device;
  kernel_ = &kernel;
  threads_.assign(product(first.block_extent), {});
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    threads_[i].position = first;
    threads_[i].position.thread = index_of(i, first.block_extent);
  }
  const auto wave_size = static_cast<std::size_t>(device.wave_size);
  const std::size_t n_waves = threads_.size() / wave_size;
  do {
    for (std::size_t i = 0; i < n_waves; ++i) {
      wave_ = std::span(threads_).subspan((device.backwards ? n_waves - 1 - i : i) * wave_size, wave_size);
      do {
        n_turns_ = 0;
        change(caller_, next());
        buffer_ ^= 1U;
      } while (release(wave_, State::in_wave_exchange));
    }
  } while (release(threads_, State::at_block_barrier));
  for (const Thread& thread : threads_) {
    if (thread.state == State::at_block_barrier) {
      stuck(thread, "waits at a barrier that others never reach");
    }
    if (thread.state == State::in_wave_exchange) {
      stuck(thread, "waits for lanes of its wave that never come");
    }
  }
  current_ = nullptr;
}

/// The fiber of the next lane that can run, or else the caller.
Fiber& BlockRunner::next() {
  while (n_turns_ < wave_.size()) {
    current_ = &wave_[device_.backwards ? wave_.size() - 1 - n_turns_ : n_turns_];
    ++n_turns_;
    if (current_->state == State::unstarted) {
      current_->fiber = &idle_fiber();
      return *current_->fiber;
    }
    if (current_->state == State::ready) {
      return *current_->fiber;
    }
  }
  return caller_;
}

void BlockRunner::change(Fiber& from, Fiber& to) {
  left_ = &from;
  from.stack.leave_for(to.stack, false);
  arrive(from, std::move(to.context).resume());
}

void BlockRunner::arrive(Fiber& at, boost::context::fiber&& left) {
  left_->context = std::move(left);
  at.stack.entered_from(left_->stack);
}

void BlockRunner::wait(State state, std::source_location where) {
  Fiber& fiber = *current_->fiber;
  current_->state = state;
  current_->waits_at = where;
  change(fiber, next());
}

const std::uint32_t* BlockRunner::exchange_in_wave(std::uint32_t value, std::source_location where) {
  auto& values = values_[buffer_];
  values[static_cast<std::size_t>(current_ - wave_.data())] = value;
  wait(State::in_wave_exchange, where);
  return values.data();
}

Fiber& BlockRunner::idle_fiber() {
  if (!idle_.empty()) {
    Fiber& fiber = *idle_.back();
    idle_.pop_back();
    return fiber;
  }
  std::byte* const lowest = stacks_.lowest(fibers_.size());
  Fiber& fiber = *fibers_.emplace_back(std::make_unique<Fiber>(lowest));
  fiber.context = boost::context::fiber(std::allocator_arg, BorrowedStack{lowest},
                                        [this, &fiber](boost::context::fiber&& left) {
                                          arrive(fiber, std::move(left));
                                          run_threads(fiber);
                                          left_ = &fiber;
                                          fiber.stack.leave_for(caller_.stack, true);
                                          return std::move(caller_.context);
                                        });
  return fiber;
}

/// The life of a fiber. The last to become idle is the first to be used, so it runs the next lane too where
/// that one has not started.
void BlockRunner::run_threads(Fiber& fiber) {
  while (kernel_ != nullptr) {
    run_current();
    idle_.push_back(&fiber);
    if (Fiber& to = next(); &to != &fiber) {
      change(fiber, to);
    }
  }
}

/// An exception in a kernel ends the program.
void BlockRunner::run_current() noexcept {
  (*kernel_)();
  current_->state = State::finished;
}

thread_local BlockRunner runner;

}  // namespace

const Position& position() {
  return runner.position();
}

int wave_size() {
  return runner.wave_size();
}

void run_grid(const DeviceKind& device, Index3 grid, Index3 block, FunctionRef<void()> kernel) {
  REPRISE_CHECK(product(grid) > 0 && product(block) <= kMaxThreads && product(block) % kWidestWave == 0);
  REPRISE_CHECK(!runner.is_running() && "a kernel launches no kernel");
  static std::mutex one_at_a_time;
  // At most 16: each has kMaxThreads stacks with a page between, and Linux bounds how often pages'
  // rights may change.
  static ThreadTeam team(static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U)));
  const std::lock_guard lock(one_at_a_time);
  const std::size_t n_blocks = product(grid);
  const auto parts = static_cast<std::size_t>(team.size());
  const auto run = [&](int part) {
    for (std::size_t i = static_cast<std::size_t>(part); i < n_blocks; i += parts) {
      runner.run(device,
                 {.thread = {}, .block = index_of(i, grid), .block_extent = block, .grid_extent = grid},
                 kernel);
    }
  };
  if (n_blocks == 1) {
    run(0);
  } else {
    team.run(run);
  }
}

void wait_for_block(std::source_location where) {
  runner.wait_for_block(where);
}

const std::uint32_t* exchange_in_wave(std::uint32_t value, std::source_location where) {
  return runner.exchange_in_wave(value, where);
}

}  // namespace reprise::engine::kernels::emulation
