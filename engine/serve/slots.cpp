#include "engine/serve/slots.h"

#include <algorithm>

#include "engine/core/check.h"

namespace reprise::engine {

Slots::Slots(std::shared_ptr<const Model> model, const Placement& placement, const SlotOptions& options)
    : max_waiting_(options.max_waiting) {
  REPRISE_CHECK(options.n_slots >= 1 && options.max_waiting >= 0);
  for (int i = 0; i < options.n_slots; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->session = i == 0 ? std::make_unique<Session>(model, placement, options.session)
                           : std::make_unique<Session>(slots_.front()->session->weights(),
                                                       make_backend(placement), options.session);
    slots_.push_back(std::move(slot));
  }
  placement_ = slots_.front()->session->placement();
  placement_.precision = slots_.front()->session->weights()->precision;
  for (const auto& slot : slots_) {
    slot->thread = std::thread([this, &slot = *slot] { serve(slot); });
  }
}

Slots::~Slots() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    waiting_.clear();
    for (const auto& slot : slots_) {
      slot->wake.notify_one();
    }
  }
  for (const auto& slot : slots_) {
    slot->thread.join();
  }
}

std::optional<Slots::Ticket> Slots::submit(std::span<const TokenId> prompt, Work work) {
  const std::lock_guard lock(mutex_);
  const Ticket ticket = next_;
  if (Slot* slot = best_free(prompt); slot != nullptr) {
    slot->job = Job{ticket, std::move(work)};
    slot->last = ticket;
    slot->wake.notify_one();
  } else if (std::ssize(waiting_) < max_waiting_) {
    waiting_.push_back({ticket, std::move(work)});
  } else {
    return std::nullopt;
  }
  ++next_;
  return ticket;
}

bool Slots::withdraw(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(waiting_, [&](const Job& job) { return job.ticket == ticket; }) > 0;
}

std::int64_t Slots::n_busy() const {
  const std::lock_guard lock(mutex_);
  return std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->job.has_value(); });
}

std::int64_t Slots::n_waiting() const {
  const std::lock_guard lock(mutex_);
  return std::ssize(waiting_);
}

void Slots::serve(Slot& slot) {
  std::unique_lock lock(mutex_);
  while (true) {
    slot.wake.wait(lock, [&] { return slot.job.has_value() || closing_; });
    if (!slot.job) {
      return;
    }
    lock.unlock();
    slot.job->work(*slot.session);
    slot.job->work = {};  // what it holds is given back before the slot is free
    lock.lock();
    slot.job.reset();
    if (!waiting_.empty()) {
      slot.job = std::move(waiting_.front());
      slot.last = slot.job->ticket;
      waiting_.pop_front();
    }
  }
}

/// Free slots' sessions are touched by nobody but who holds the mutex.
Slots::Slot* Slots::best_free(std::span<const TokenId> prompt) {
  Slot* best = nullptr;
  std::ptrdiff_t longest = -1;
  for (const auto& slot : slots_) {
    if (slot->job) {
      continue;
    }
    const auto& cached = slot->session->history();
    const auto end = std::mismatch(prompt.begin(), prompt.end(), cached.begin(), cached.end()).first;
    const std::ptrdiff_t shared = end - prompt.begin();
    if (shared > longest || (shared == longest && slot->last < best->last)) {
      longest = shared;
      best = slot.get();
    }
  }
  return best;
}

}  // namespace reprise::engine
