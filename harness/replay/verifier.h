/// Compares the steps of a running call with those of a capture. Used by EngineReplay.
#pragma once

#include <span>
#include <vector>

#include "engine/capture/capture.h"
#include "harness/replay/verification.h"

namespace reprise::harness {

/// How far a replay may be from its capture and still agree.
struct Tolerance {
  double logit = 0;    ///< largest difference of one logit
  double mean_kl = 0;  ///< mean over the steps of the KL divergence's lower bound, in nats

  bool operator==(const Tolerance&) const = default;
};

/// That of two placements with these precisions (engine/README.md, "Numerics"): the wider of what their
/// weights, KV caches and numerics (`fast` counts as bf16) allow; for weights in several formats ("f16+int4") the
/// widest of them.
Tolerance tolerance_between(const engine::Placement& a, const engine::Placement& b);

/// Whether the numerics contract promises equal bits between two placements (with actual precisions).
bool same_bits_promised(const engine::Placement& a, const engine::Placement& b);

/// Watches one run and compares each step's logits and drawn token.
class Verifier final : public engine::GenerateObserver {
 public:
  /// Both references must outlive the verifier.
  Verifier(const engine::Capture& capture, ReplayMode mode, Tolerance tolerance)
      : capture_(capture), mode_(mode), tolerance_(tolerance) {}

  void on_token(const engine::TokenEvent& event) override;

  [[nodiscard]] Verification verification() const;
  /// Digest of each step's logits, as seen.
  [[nodiscard]] const std::vector<std::uint64_t>& digests() const { return digests_; }
  [[nodiscard]] const std::vector<engine::TokenId>& drawn_ids() const { return drawn_ids_; }

 private:
  [[nodiscard]] bool within_tolerance() const;
  void compare_logits(std::size_t step, std::span<const float> logits);

  const engine::Capture& capture_;
  ReplayMode mode_;
  Tolerance tolerance_;
  std::vector<std::uint64_t> digests_;
  std::vector<engine::TokenId> drawn_ids_;
  std::optional<std::int64_t> first_divergence_;
  double worst_error_ = 0;
  double total_kl_ = 0;
  std::int64_t n_compared_ = 0;
};

/// Checks the runs after a verified one: the same drawn tokens and the same logits at every step. Its work
/// happens while the call's clock stands still (GenerateResult::token_seconds).
class RepeatChecker final : public engine::GenerateObserver {
 public:
  explicit RepeatChecker(const Verifier& first) : first_(first) {}

  void on_token(const engine::TokenEvent& event) override;

  /// All steps seen, all equal.
  [[nodiscard]] bool same() const { return same_ && n_seen_ == first_.digests().size(); }

 private:
  const Verifier& first_;
  std::size_t n_seen_ = 0;
  bool same_ = true;
};

}  // namespace reprise::harness
