/// A captured generate call: what was asked, the state it started from, what came out, and where. The capture
/// says what; a placement says where it is performed again. captures/README.md describes the file, with a
/// worked example.
///
/// A capture is immutable data: the recorder fills it, files hold it, replays read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/backends/placement.h"
#include "engine/core/build_info.h"
#include "engine/generate/request.h"
#include "engine/model/model.h"

namespace reprise::engine {

inline constexpr int kCaptureMajor = 1;
inline constexpr int kCaptureMinor = 0;

struct CapturedFile {
  std::string name;
  std::string sha256;
};

/// Which model, by digest; `spec` is only a hint where it was.
struct CapturedModel {
  std::string spec;
  std::string name;
  std::string architecture;
  std::string sha256;  ///< ModelIdentity::sha256
  std::vector<CapturedFile> files;
  std::string config_json;
  std::int64_t parameters = 0;
  std::string tokenizer_sha256;  ///< empty where the model has no tokenizer
};

/// Live keys and values of the cached prefix, in the dtype they were computed in.
struct CapturedKv {
  DType dtype = DType::f32;
  std::int64_t n_layers = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::vector<std::byte> keys;    ///< [n_layers, n_kv_heads, n_cached, head_dim]
  std::vector<std::byte> values;  ///< the same shape
};

/// What every step computed, compactly: enough to tell equal bits, and to measure how far unequal ones are
/// apart.
struct CapturedSteps {
  std::vector<TokenId> generated_ids;         ///< [n_generated]
  std::vector<std::uint64_t> logits_digests;  ///< [n_generated]: XXH3-64 of the f32 logits' bytes
  std::int64_t n_top = 0;
  std::vector<TokenId> top_ids;       ///< [n_generated, n_top], largest logit first, lower id among equals
  std::vector<float> top_logits;      ///< [n_generated, n_top]
  std::vector<double> logsumexp;      ///< [n_generated]: log of the sum of exp of all logits
  std::vector<double> token_seconds;  ///< [n_generated], as GenerateResult's; observed, not a measurement
};

/// Who recorded the call, where and why. `machine_json` is an object of the recorder's choice.
struct CaptureOrigin {
  BuildInfo build;
  std::string machine_json = "{}";
  std::string created;  ///< UTC, ISO 8601
  std::string policy;   ///< "explicit", "nth:10", ...
};

struct Capture {
  std::string id;  ///< first 16 hexadecimal digits of the file's own digest; empty until written or read
  CapturedModel model;
  GenerateRequest request;       ///< prompt_ids are the whole context, cached part included
  std::int64_t n_cached = 0;     ///< prompt tokens that were in the KV cache when the call began
  std::optional<CapturedKv> kv;  ///< absent: the prefix is recomputed from its tokens
  CapturedSteps steps;
  FinishReason finish_reason = FinishReason::length;
  Placement placement;  ///< resolved, with the weights' actual precision
  CaptureOrigin origin;

  [[nodiscard]] std::int64_t n_prompt() const { return static_cast<std::int64_t>(request.prompt_ids.size()); }
  [[nodiscard]] std::int64_t n_generated() const {
    return static_cast<std::int64_t>(steps.generated_ids.size());
  }
};

/// Writes the file atomically and returns the capture's id. Errors: those of AtomicFile.
std::string write_capture(const Capture& capture, const std::filesystem::path& path);

/// Reads and checks everything: the safetensors rules, the file's SHA-256 over all of it, format and version,
/// required features, and that every tensor has the dtype and shape the rest of the file implies.
/// Errors: one line naming file, field, expected and found. Any single flipped or missing byte is one.
Capture read_capture(const std::filesystem::path& path);

/// Whether the file at `path` says it is a capture; never throws. For listing folders.
bool looks_like_capture(const std::filesystem::path& path);

}  // namespace reprise::engine
