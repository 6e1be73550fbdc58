/// Operations on their way to a GPU: collected while a decoder gives them, started together. A decoder's
/// forward pass over one token is the same program each time but for the token and its position, so that one
/// is recorded when it comes a second time, and from then on started with one call.
///
/// Used by hip_backend.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine/backends/backend.h"
#include "engine/kernels/hip/device.h"

namespace reprise::engine {

class HipQueue {
 public:
  explicit HipQueue(kernels::HipDevice& device) : device_(device) {}
  ~HipQueue();
  HipQueue(const HipQueue&) = delete;
  HipQueue& operator=(const HipQueue&) = delete;

  void add(const OperationRef& op, int layer);
  /// Starts what was added. The operands' memory may then be given back: giving it back waits.
  void start();

  /// Null to stop observing. While observed, programs are started launch by launch, which are timed on the
  /// GPU.
  void observe(KernelObserver* observer);
  /// Tells the observer of everything that was started, which it waits for.
  void report();

 private:
  struct Known {
    kernels::Program program;
    std::unique_ptr<kernels::Recording> recording;  // null until the program came a second time
  };

  /// Of an operation that was added while observed and is not in a record yet.
  struct Expected {
    int layer = kNoLayer;
    WorkShape shape;
  };

  void forget();
  [[nodiscard]] KernelRecord record_of(const kernels::TimedWork& work);
  [[nodiscard]] std::int64_t positions_seen() const;
  void start_repeatable(std::int64_t n_seen, const kernels::StepInput& input);

  kernels::HipDevice& device_;
  KernelObserver* observer_ = nullptr;
  std::vector<kernels::Operation> operations_;
  std::vector<TokenId> tokens_;
  std::int64_t first_position_ = -1;  // of all operations that have one; -1 while there is none
  std::int64_t n_tokens_ = 0;         // the most of any Attention
  std::vector<Known> known_;
  std::deque<Expected> expected_;  // in order
  double observed_seconds_ = 0;    // that the device worked and waited since it is observed
};

}  // namespace reprise::engine
