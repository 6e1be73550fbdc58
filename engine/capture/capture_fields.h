/// The JSON parts of a capture's metadata, each as one list of fields (io/json_archive.h).
#pragma once

#include <array>

#include "engine/backends/placement_fields.h"
#include "engine/capture/capture.h"
#include "engine/core/build_info_fields.h"
#include "engine/io/json_archive.h"

namespace reprise::engine {

template <>
struct JsonEnum<FinishReason> {
  static constexpr std::array kNames = {
      std::pair{FinishReason::eos, std::string_view("eos")},
      std::pair{FinishReason::length, std::string_view("length")},
      std::pair{FinishReason::context_full, std::string_view("context_full")}};
};

template <class Archive>
void fields(Archive& archive, CapturedFile& file) {
  archive("name", file.name);
  archive("sha256", file.sha256);
}

template <class Archive>
void fields(Archive& archive, CapturedModel& model) {
  archive("spec", model.spec);
  archive("name", model.name);
  archive("architecture", model.architecture);
  archive("sha256", model.sha256);
  archive("files", model.files);
  archive("parameters", model.parameters);
  archive("tokenizer_sha256", model.tokenizer_sha256);
}

/// The request as JSON can hold it exactly: f32 as doubles, and the 64-bit seed as a decimal string, because
/// JavaScript's numbers end at 2^53.
struct RequestFields {
  std::int64_t max_new_tokens = 0;
  std::vector<TokenId> eos_ids;
  double repetition_penalty = 1;
  double temperature = 0;
  std::int64_t top_k = 0;
  double top_p = 1;
  double min_p = 0;
  std::string seed;
};

template <class Archive>
void fields(Archive& archive, RequestFields& request) {
  archive("max_new_tokens", request.max_new_tokens);
  archive("eos_ids", request.eos_ids);
  archive("repetition_penalty", request.repetition_penalty);
  archive("temperature", request.temperature);
  archive("top_k", request.top_k);
  archive("top_p", request.top_p);
  archive("min_p", request.min_p);
  archive("seed", request.seed);
}

/// What the tensors' shapes must agree with.
struct ResultFields {
  std::int64_t n_cached = 0;
  std::int64_t n_prompt = 0;
  std::int64_t n_generated = 0;
  std::int64_t n_top = 0;
  FinishReason finish_reason = FinishReason::length;
};

template <class Archive>
void fields(Archive& archive, ResultFields& result) {
  archive("n_cached", result.n_cached);
  archive("n_prompt", result.n_prompt);
  archive("n_generated", result.n_generated);
  archive("n_top", result.n_top);
  archive("finish_reason", result.finish_reason);
}

}  // namespace reprise::engine
