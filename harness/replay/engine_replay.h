/// Performs a captured call with this process's engine: restores its state, runs it, verifies it, and says
/// how long it took. Used by tools/cli through measure (timings) and profile (cost centres).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/capture/capture.h"
#include "engine/generate/generate.h"
#include "harness/replay/runner.h"
#include "harness/replay/verifier.h"

namespace reprise::harness {

/// Where and how to replay.
struct ReplayPlan {
  engine::Placement placement;  ///< precision "native": as the model is stored
  std::optional<ReplayMode>
      mode;  ///< absent: free where the numerics contract promises equal bits, else forced
  /// Makes the backend of the placement; proofs put one of theirs in between.
  std::function<std::unique_ptr<engine::Backend>(const engine::Placement&)> make_backend =
      engine::make_backend;
};

/// Weights placed for several replays of one matrix: placements that differ only in threads, KV cache or CPU
/// backend share them. All CPU backends read the host's memory, so they share weights too.
class WeightPool {
 public:
  /// Errors: those of place_weights.
  std::shared_ptr<const engine::Weights> weights(const std::shared_ptr<const engine::Model>& model,
                                                 engine::Backend& backend);

 private:
  struct Entry {
    std::shared_ptr<const engine::Model> model;
    std::string precision;
    std::string memory;  ///< where they lie: engine::memory_of()
    std::shared_ptr<const engine::Weights> weights;
  };
  std::vector<Entry> entries_;
};

class EngineReplay final : public Runner {
 public:
  /// Errors: mismatch when the model's digest or shape is not the captured one, naming both; those of
  /// make_backend and place_weights. `capture` must outlive the replay.
  EngineReplay(const engine::Capture& capture, const std::shared_ptr<const engine::Model>& model,
               const ReplayPlan& plan, WeightPool& pool);

  /// Runs once, untimed, comparing every step with the capture. Before run().
  const Verification& verify();
  [[nodiscard]] const Verification& verification() const;

  /// Puts the cached prefix back: the captured rows where this placement would have computed the same bits,
  /// else rows that it computed itself, once.
  void restore() override;
  /// One timed run. It is verified when its tokens and logits are those of the verify() run, and that one
  /// agreed.
  Sample run() override;
  /// One run after restore(), without observers: for counting what the call itself does.
  engine::GenerateResult run_unobserved();
  /// One run told to `kernels` and `tokens`, after restore(). For profiles.
  engine::GenerateResult run_observed(engine::KernelObserver& kernels, engine::GenerateObserver& tokens);

  [[nodiscard]] const engine::Capture& capture() const { return capture_; }
  /// Resolved, with the weights' actual precision.
  [[nodiscard]] engine::Placement placement() const;
  [[nodiscard]] ReplayMode mode() const { return mode_; }
  [[nodiscard]] const engine::Session& session() const { return *session_; }
  /// Prompt tokens a run processes: all of them without a KV cache.
  [[nodiscard]] std::int64_t n_prompt_processed() const;
  [[nodiscard]] std::int64_t n_dispatches() const { return session_->backend().n_dispatches(); }

 private:
  void prepare_prefix();

  const engine::Capture& capture_;
  std::unique_ptr<engine::Session> session_;
  ReplayMode mode_ = ReplayMode::free;
  engine::GenerateRequest request_;
  std::vector<engine::TokenId> prefix_;
  std::vector<std::byte> prefix_keys_;
  std::vector<std::byte> prefix_values_;
  std::unique_ptr<Verifier> verifier_;
  Verification verification_;
  MonotonicClock clock_;
  RunWatch watch_{clock_};
};

}  // namespace reprise::harness
