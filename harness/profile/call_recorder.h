/// Adds up the kernels of one call in the phase they ran in: prefill up to the first token, decode after it.
/// Observes a backend and the call on it. Used for replays (profile_replay.h) and by the server's live
/// profile.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/backends/backend.h"
#include "engine/generate/request.h"
#include "harness/profile/cost_profile.h"
#include "harness/profile/timeline.h"

namespace reprise::harness {

class CallRecorder final : public engine::KernelObserver, public engine::GenerateObserver {
 public:
  /// `next`: who watches the call besides, and may end it; or null.
  explicit CallRecorder(bool with_timeline, engine::GenerateObserver* next = nullptr)
      : with_timeline_(with_timeline), next_(next) {}

  void on_record(const engine::KernelRecord& record) override;
  void on_token(const engine::TokenEvent& event) override;
  [[nodiscard]] bool wants_more() override { return next_ == nullptr || next_->wants_more(); }

  [[nodiscard]] const CostProfileBuilder& builder() const { return builder_; }
  [[nodiscard]] std::int64_t n_operations() const { return n_operations_; }
  [[nodiscard]] std::optional<Timeline> timeline() &&;

 private:
  bool with_timeline_;
  engine::GenerateObserver* next_;
  CostProfileBuilder builder_;
  TimelineBuilder timeline_;
  std::int64_t n_operations_ = 0;
  std::int64_t token_ = 0;
};

}  // namespace reprise::harness
