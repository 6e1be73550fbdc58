/// Whether a replay computed what was captured, and how far off it is where it did not. Used by replays, and
/// by the report, where a row's speed never stands without its verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace reprise::harness {

enum class ReplayMode {
  free,    ///< the token sampler runs: tokens and logits must be the captured ones, bit by bit
  forced,  ///< the captured tokens drive decoding, so that unequal bits still do equal work
};

enum class OutputVerdict {
  identical,         ///< tokens and the logits of every step have the captured bits
  same_tokens,       ///< every token agrees, logits differ
  within_tolerance,  ///< forced: logits differ by no more than the documented tolerance
  differs,           ///< a token differs, or logits by more than the tolerance
};

struct Verification {
  ReplayMode mode = ReplayMode::free;
  OutputVerdict verdict = OutputVerdict::identical;
  std::optional<std::int64_t> first_divergence;  ///< index of the first generated token that differs
  /// Largest difference among the captured top logits; free: of the steps before the first divergence. Absent
  /// when not compared; written as null when not finite.
  std::optional<double> max_abs_logit_error;
  /// Mean over the same steps of KL(captured || replayed) in nats, over the captured top tokens and one
  /// bucket for all others: a lower bound of the whole vocabulary's.
  std::optional<double> mean_kl_divergence;
  std::optional<std::string> logits_digest;  ///< XXH3-64 of the steps' digests, in hexadecimal

  /// What its mode demands: the same bits when free; when forced, anything but `differs`.
  [[nodiscard]] bool agrees() const {
    return mode == ReplayMode::free ? verdict == OutputVerdict::identical : verdict != OutputVerdict::differs;
  }
};

}  // namespace reprise::harness
