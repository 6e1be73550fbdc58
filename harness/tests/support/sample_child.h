/// What a child says, without a child. For tests of the protocol and of ChildReplay.
#pragma once

#include <utility>
#include <vector>

#include "harness/replay/child_protocol.h"

namespace reprise::harness {

inline ChildHandshake sample_handshake() {
  ChildHandshake h;
  h.tool = {"reprise", "0.1.0", "0123abc", true, "GNU 12.2.0", "-O2", "Release"};
  h.capture = {"00ff00ff00ff00ff", "example", {"tiny", "ab12", "microgpt", 1234, "f32"}, 5, 2, 3};
  h.placement = {"cpu", "avx2", "bf16", true, "f16", 2, "exact"};
  h.verification.mode = ReplayMode::forced;
  h.verification.verdict = OutputVerdict::within_tolerance;
  h.verification.first_divergence = 1;
  h.verification.max_abs_logit_error = 0.125;
  h.verification.mean_kl_divergence = 0.0625;
  h.verification.logits_digest = "feed";
  h.n_prompt_processed = 3;
  h.memory = {4096, 512, 256, 1 << 20};
  return h;
}

inline Sample sample_run() {
  Sample sample;
  sample.total_seconds = 0.375;
  sample.time_to_first_token_seconds = 0.25;
  sample.token_seconds = {0.25, 0.1, 0.025};
  sample.verified = true;
  sample.conditions = RunConditions{12, 1, 2, 3, 0.01, 2.5e9, -1e8};
  return sample;
}

inline ChildProfile sample_profile() {
  return {
      1.0, 0.125, {{"prefill", "linear", 7, 0.5, 1000, 2000}, {"decode", "attention", 14, 0.375, 300, 400}}};
}

inline ChildCounts sample_counts() {
  return {{{"decode", "attention", 14, 300, 400}, {"prefill", "linear", 7, 1000, 2000}}, 42, 512, 4096};
}

}  // namespace reprise::harness
