/// What a replay says of itself, each part as one list of fields (io/json_archive.h). Used by the report and
/// by the protocol of replays in a child process.
#pragma once

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "engine/io/json_archive.h"
#include "harness/clock/run_conditions.h"
#include "harness/replay/replay_info.h"
#include "harness/replay/verification.h"

namespace reprise::engine {

template <>
struct JsonEnum<harness::ReplayMode> {
  static constexpr std::array kNames = {std::pair{harness::ReplayMode::free, std::string_view("free")},
                                        std::pair{harness::ReplayMode::forced, std::string_view("forced")}};
};
template <>
struct JsonEnum<harness::OutputVerdict> {
  static constexpr std::array kNames = {
      std::pair{harness::OutputVerdict::identical, std::string_view("identical")},
      std::pair{harness::OutputVerdict::same_tokens, std::string_view("same_tokens")},
      std::pair{harness::OutputVerdict::within_tolerance, std::string_view("within_tolerance")},
      std::pair{harness::OutputVerdict::differs, std::string_view("differs")}};
};

}  // namespace reprise::engine

namespace reprise::harness {

template <class Archive>
void fields(Archive& archive, ModelInfo& model) {
  archive("name", model.name);
  archive("sha256", model.sha256);
  archive("architecture", model.architecture);
  archive("parameters", model.parameters);
  archive("stored_precision", model.stored_precision);
}

template <class Archive>
void fields(Archive& archive, CaptureInfo& capture) {
  archive("id", capture.id);
  archive("name", capture.name);
  archive("model", capture.model);
  archive("n_prompt", capture.n_prompt);
  archive("n_cached", capture.n_cached);
  archive("n_generated", capture.n_generated);
}

template <class Archive>
void fields(Archive& archive, Verification& verification) {
  archive("mode", verification.mode);
  archive("verdict", verification.verdict);
  archive("first_divergence", verification.first_divergence);
  // The figures that data can make infinite: a kernel that computes NaN logits.
  if (verification.max_abs_logit_error && !std::isfinite(*verification.max_abs_logit_error)) {
    verification.max_abs_logit_error.reset();
  }
  archive("max_abs_logit_error", verification.max_abs_logit_error);
  if (verification.mean_kl_divergence && !std::isfinite(*verification.mean_kl_divergence)) {
    verification.mean_kl_divergence.reset();
  }
  archive("mean_kl_divergence", verification.mean_kl_divergence);
  archive("logits_digest", verification.logits_digest);
}

template <class Archive>
void fields(Archive& archive, MemoryUse& memory) {
  archive("weights_bytes", memory.weights_bytes);
  archive("kv_bytes", memory.kv_bytes);
  archive("activation_bytes", memory.activation_bytes);
  archive("peak_rss_bytes", memory.peak_rss_bytes);
}

template <class Archive>
void fields(Archive& archive, RunConditions& met) {
  archive("minor_page_faults", met.minor_page_faults);
  archive("major_page_faults", met.major_page_faults);
  archive("voluntary_switches", met.voluntary_switches);
  archive("involuntary_switches", met.involuntary_switches);
  archive("steal_seconds", met.steal_seconds);
  archive("clock_hz", met.clock_hz);
  archive("clock_hz_change", met.clock_hz_change);
}

}  // namespace reprise::harness
