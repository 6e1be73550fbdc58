/// What identifies a replay beside its placement, and the memory it takes: parts of a report's row that are
/// known before anything is timed. Used by the report, and by replays in a child process, which send them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace reprise::harness {

struct ModelInfo {
  std::string name;
  std::string sha256;
  std::string architecture;
  std::int64_t parameters = 0;
  std::optional<std::string> stored_precision = {};  ///< of its matrices: "bf16", "q4_k+q6_k"
};

struct CaptureInfo {
  std::string id;
  std::string name;
  ModelInfo model;
  std::int64_t n_prompt = 0;  ///< tokens before the first generated one, cached or not
  std::int64_t n_cached = 0;  ///< of those, already in the KV cache when the call began
  std::int64_t n_generated = 0;
};

struct MemoryUse {
  std::int64_t weights_bytes = 0;
  std::int64_t kv_bytes = 0;
  std::int64_t activation_bytes = 0;
  std::int64_t peak_rss_bytes = 0;
};

}  // namespace reprise::harness
