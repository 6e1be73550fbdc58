/// Sessions that the requests of a server share. Each slot is a session with a thread of its own; a request
/// runs on the free slot whose cache shares the longest prefix with its prompt (of equals, the one unused for
/// longest), or waits in line for the first that is free.
///
/// All slots share one placement of the weights. Used by the HTTP server (http/completions.h); thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/generate/session.h"

namespace reprise::engine {

struct SlotOptions {
  int n_slots = 1;  ///< requests computed at the same time, each with all threads of the placement
  std::int64_t max_waiting = 64;  ///< requests in line
  SessionOptions session;
};

class Slots {
 public:
  /// What a slot does for a request; must not throw.
  using Work = std::function<void(Session&)>;
  using Ticket = std::uint64_t;

  /// Errors: those of Session.
  Slots(std::shared_ptr<const Model> model, const Placement& placement, const SlotOptions& options);
  /// Waits for what runs; what waits in line is forgotten.
  ~Slots();
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  /// Nothing when the line is full. `prompt` chooses the slot.
  std::optional<Ticket> submit(std::span<const TokenId> prompt, Work work);
  /// Takes a request out of the line; false when it runs already, or is done.
  bool withdraw(Ticket ticket);

  [[nodiscard]] int size() const { return static_cast<int>(slots_.size()); }
  [[nodiscard]] std::int64_t n_positions() const { return slots_.front()->session->n_positions(); }
  [[nodiscard]] const Placement& placement() const { return placement_; }
  [[nodiscard]] std::int64_t n_busy() const;
  [[nodiscard]] std::int64_t n_waiting() const;

 private:
  struct Job {
    Ticket ticket;
    Work work;
  };
  struct Slot {
    std::unique_ptr<Session> session;
    std::optional<Job> job;  // given to it and not begun, or running; guarded by mutex_
    Ticket last = 0;         // the request it was last given to; guarded by mutex_
    std::condition_variable wake;
    std::thread thread;
  };

  void serve(Slot& slot);
  Slot* best_free(std::span<const TokenId> prompt);

  Placement placement_;
  std::int64_t max_waiting_;
  std::vector<std::unique_ptr<Slot>> slots_;
  mutable std::mutex mutex_;
  std::deque<Job> waiting_;
  Ticket next_ = 1;
  bool closing_ = false;
};

}  // namespace reprise::engine
