#include "harness/profile/call_recorder.h"

#include <utility>

namespace reprise::harness {

void CallRecorder::on_record(const engine::KernelRecord& record) {
  const engine::Cost& cost = record.cost;
  builder_.add(
      {phase_of_token(token_), record.name, record.seconds, cost.bytes, cost.flops, 1, cost.arithmetic});
  n_operations_ += record.n_operations;
  if (with_timeline_) {
    timeline_.add(record, token_);
  }
}

void CallRecorder::on_token(const engine::TokenEvent& event) {
  ++token_;
  if (next_ != nullptr) {
    next_->on_token(event);
  }
}

std::optional<Timeline> CallRecorder::timeline() && {
  return with_timeline_ ? std::move(timeline_).build() : std::nullopt;
}

}  // namespace reprise::harness
