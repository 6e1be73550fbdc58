/// The profile of a server while it serves: cost centres of all calls so far, added up. Used by serve
/// --profile.
#pragma once

#include <mutex>
#include <string>

#include "engine/generate/generate.h"
#include "harness/profile/cost_profile.h"

namespace reprise::cli {

class LiveProfile {
 public:
  /// `perform`: what makes the call, such as engine::generate.
  explicit LiveProfile(engine::GenerateFunction perform) : perform_(std::move(perform)) {}

  /// The call, with every kernel timed. Thread-safe, for sessions of their own.
  engine::GenerateResult generate(engine::Session& session, const engine::GenerateRequest& request,
                                  engine::GenerateObserver* observer);

  /// {"schema": "reprise.live_profile/1", "calls", "seconds", "cost_centres": [...], "unattributed_seconds"};
  /// centres have the fields that those of a report have.
  [[nodiscard]] std::string report_json() const;

 private:
  engine::GenerateFunction perform_;
  mutable std::mutex mutex_;
  harness::CostProfileBuilder builder_;
  std::int64_t n_calls_ = 0;
  double seconds_ = 0;
};

}  // namespace reprise::cli
