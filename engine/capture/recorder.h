/// Records one generate call into a Capture by watching it. The loop pays for a copy of each step's logits
/// while those fit the row budget; digests and top logits are computed after the call, by finish(), or on another
/// thread by complete().
///
/// A call that was stopped from outside becomes one that asked for the tokens it got: a replay does that work.
///
/// Recording never changes or fails the call: what goes wrong is kept and reported by finish().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/capture/capture.h"
#include "engine/generate/session.h"

namespace reprise::engine {

struct RecorderOptions {
  std::int64_t n_top = 16;  ///< logits kept per step
  std::size_t row_budget_bytes = std::size_t{64}
                                 << 20;  ///< copied logits; steps beyond are digested in the loop
  bool kv_rows = true;  ///< keep the prefix's keys and values; false: only its tokens, to recompute it
};

/// log of the sum of exp of all logits, in double. [n_vocab], not empty.
double logsumexp(std::span<const float> logits);

/// Digest, top logits and logsumexp of one step's logits, appended to `steps`. Also what verification
/// compares.
void append_step(CapturedSteps& steps, std::span<const float> logits);

/// A call that was recorded, apart from its session. What is left to do takes time: the logits' digests and, once
/// for each model, that of its weights.
struct RecordedCall {
  Capture capture;          ///< without the steps of `rows`, model and origin
  std::vector<float> rows;  ///< [n, n_vocab]: logits of the last steps
  std::shared_ptr<const Model> model;
};

/// On any thread. Errors: those of Model::identity.
Capture complete(RecordedCall call, CaptureOrigin origin, std::string tokenizer_sha256);

class Recorder final : public GenerateObserver {
 public:
  /// To be made right before the call, which it must see whole.
  Recorder(const Session& session, const GenerateRequest& request, RecorderOptions options = {});

  void on_token(const TokenEvent& event) override;

  /// The capture of the call that gave `result`, or nothing and problem(). The session must not have been
  /// used since: the prefix's rows are copied here, not during the call.
  std::optional<Capture> finish(const Session& session, const GenerateResult& result, CaptureOrigin origin,
                                std::string tokenizer_sha256);
  /// finish() in two parts: what needs the session, which copies the prefix's rows and is quick, and complete().
  std::optional<RecordedCall> detach(const Session& session, const GenerateResult& result);
  /// The memory that detach() would give, nearly: copied logits, and the prefix's rows.
  [[nodiscard]] std::size_t bytes_to_detach(const Session& session, const GenerateResult& result) const;
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  GenerateRequest request_;
  RecorderOptions options_;
  CapturedSteps steps_;
  std::vector<float> rows_;
  std::size_t n_vocab_ = 0;
  std::string problem_;
};

}  // namespace reprise::engine
