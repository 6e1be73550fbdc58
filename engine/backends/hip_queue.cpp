#include "engine/backends/hip_queue.h"

#include <algorithm>
#include <bit>

#include "engine/core/error.h"

namespace reprise::engine {

using kernels::Program;
using kernels::StepInput;

namespace {

/// Programs of one token see positions in such steps at first, then in powers of two: a recording serves many
/// tokens.
constexpr std::int64_t kFewestSeen = 256;
/// Recordings at a time: of a decoder's contexts up to 2^23 positions, with all and with the last token's
/// logits.
constexpr std::size_t kMostKnown = 32;

}  // namespace

HipQueue::~HipQueue() {
  try {
    device_.wait();  // recordings may be under way
  } catch (const Error&) {
    // The device is of no use any more; nothing is under way.
  }
}

void HipQueue::add(const OperationRef& op, int layer) {
  if (const std::int64_t position = kernels::position_of(op); position >= 0) {
    if (first_position_ >= 0 && position != first_position_) {
      start();
    }
    first_position_ = position;
  }
  if (const auto* embed = std::get_if<const Embed*>(&op)) {
    if (!tokens_.empty()) {
      start();
      first_position_ = (*embed)->first_position;
    }
    tokens_.assign((*embed)->tokens.begin(), (*embed)->tokens.end());
  } else if (const auto* attention = std::get_if<const Attention*>(&op)) {
    n_tokens_ = std::max(n_tokens_, (*attention)->queries.extent(0));
  }
  operations_.push_back(kernels::without_position(op));
  if (observer_ != nullptr) {
    expected_.push_back({layer, shape_of(op)});
  }
}

std::int64_t HipQueue::positions_seen() const {
  if (n_tokens_ == 0) {
    return 0;
  }
  const std::int64_t exactly = std::max<std::int64_t>(first_position_, 0) + n_tokens_;
  if (n_tokens_ > 1) {
    return exactly;
  }
  return std::max(kFewestSeen, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(exactly))));
}

void HipQueue::start() {
  if (operations_.empty()) {
    return;
  }
  const std::int64_t n_seen = positions_seen();
  const StepInput input = {tokens_, std::max<std::int64_t>(first_position_, 0)};
  try {
    if (observer_ == nullptr && tokens_.size() == 1) {
      start_repeatable(n_seen, input);
    } else {
      device_.start(Program(operations_, n_seen, input.first_position), input);
    }
  } catch (...) {
    // Of this program nobody will be told; of those before it, that are under way, all the same.
    expected_.resize(expected_.size() - std::min(expected_.size(), operations_.size()));
    forget();
    throw;
  }
  forget();
}

void HipQueue::forget() {
  operations_.clear();
  tokens_.clear();
  first_position_ = -1;
  n_tokens_ = 0;
}

void HipQueue::start_repeatable(std::int64_t n_seen, const StepInput& input) {
  const auto found = std::ranges::find_if(
      known_, [&](const Known& known) { return known.program.consists_of(operations_, n_seen); });
  if (found == known_.end()) {
    if (known_.size() == kMostKnown) {
      device_.wait();  // it may be under way
      known_.erase(known_.begin());
    }
    known_.push_back({Program(operations_, n_seen), nullptr});
    device_.start(known_.back().program, input);
    return;
  }
  if (found->recording == nullptr) {
    found->recording = device_.record(found->program);
  }
  device_.start(*found->recording, input);
}

void HipQueue::observe(KernelObserver* observer) {
  start();
  if (observer_ != nullptr) {
    report();
  }
  observer_ = observer;
  expected_.clear();
  observed_seconds_ = 0;
  device_.time(observer != nullptr);
}

void HipQueue::report() {
  if (observer_ == nullptr) {
    device_.wait();
    return;
  }
  // Between two programs, each of which begins with its input, it is the host that decides what comes next;
  // within one, launches follow each other.
  bool first = true;
  for (const kernels::TimedWork& work : device_.take_times()) {
    if (work.idle_seconds > 0) {
      const bool starts_program = first || work.name == "copy_host_to_device";
      observer_->on_record(
          {starts_program ? "host_gap" : "launch_overhead", {}, work.idle_seconds, 0, observed_seconds_});
      observed_seconds_ += work.idle_seconds;
    }
    observer_->on_record(record_of(work));
    observed_seconds_ += work.seconds;
    first = false;
  }
}

/// Launches perform operations in the order in which they were added, one or several neighbours at a time.
KernelRecord HipQueue::record_of(const kernels::TimedWork& work) {
  KernelRecord record = {work.name, work.cost, work.seconds, work.n_operations, observed_seconds_};
  // After a program that failed there may be fewer.
  const std::size_t n = std::min(static_cast<std::size_t>(work.n_operations), expected_.size());
  if (n > 0) {
    record.layer = expected_.front().layer;
    record.shape = work.n_operations == 1 ? expected_.front().shape : WorkShape();
    expected_.erase(expected_.begin(), expected_.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return record;
}

}  // namespace reprise::engine
