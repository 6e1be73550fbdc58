/// What sanitizers must be told when a thread changes stacks. Nothing in other builds. Used by
/// block_threads.cpp.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace reprise::engine::kernels::emulation {

/// One stack, seen by the sanitizers: a fiber's own, or the thread's that resumes fibers.
class SanitizedStack {
 public:
  /// The calling thread's; its extent is learnt when a fiber leaves for it.
  SanitizedStack() {
#if defined(__SANITIZE_THREAD__)
    fiber_ = __tsan_get_current_fiber();
#endif
  }
  SanitizedStack(const void* lowest, std::size_t size_bytes)
      : lowest_(lowest), size_bytes_(size_bytes), owns_(true) {
#if defined(__SANITIZE_THREAD__)
    fiber_ = __tsan_create_fiber(0);
#endif
  }
  SanitizedStack(const SanitizedStack&) = delete;
  SanitizedStack& operator=(const SanitizedStack&) = delete;
  ~SanitizedStack() {
#if defined(__SANITIZE_THREAD__)
    if (owns_) {
      __tsan_destroy_fiber(fiber_);
    }
#endif
  }

  /// Before leaving this stack for `next`; `for_good` when it will not be entered again.
  void leave_for([[maybe_unused]] const SanitizedStack& next, [[maybe_unused]] bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
    shadow_ = nullptr;  // as a stack that is entered for the first time has
    __sanitizer_start_switch_fiber(for_good ? nullptr : &shadow_, next.lowest_, next.size_bytes_);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(next.fiber_, 0);
#endif
  }
  /// After coming (back) to this stack from `previous`.
  void entered_from([[maybe_unused]] SanitizedStack& previous) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(shadow_, &previous.lowest_, &previous.size_bytes_);
#endif
  }

 private:
  const void* lowest_ = nullptr;
  std::size_t size_bytes_ = 0;
  [[maybe_unused]] bool owns_ = false;
#if defined(__SANITIZE_ADDRESS__)
  void* shadow_ = nullptr;
#endif
#if defined(__SANITIZE_THREAD__)
  void* fiber_ = nullptr;
#endif
};

}  // namespace reprise::engine::kernels::emulation
