/// The machine level of the numerics contract as a list of digests: fixed small models, one call each, in
/// every precision of weights and KV cache. Any machine, instruction set and schedule must give the digest
/// that goldens/machine_digests.txt has for a configuration. Used by the test that compares with this list,
/// and by the program that prints it (print_digests.cpp).
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/generate/generate.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/digest_observer.h"
#include "engine/tests/support/random_model.h"

namespace reprise::testing {

struct MachineModel {
  const char* name;
  bool in_blocks;  ///< every row a whole number of blocks, so that int8 and int4 can compute it
  const char* config_json;
};

/// Of each architecture one model for the block formats, and one whose extents are multiples of nothing.
inline constexpr MachineModel kMachineModels[] = {
    {"microgpt", true,
     R"({"model_type": "microgpt", "vocab_size": 61, "n_embd": 64, "n_layer": 1, "n_head": 2, "block_size": 96})"},
    {"microgpt-odd", false,
     R"({"model_type": "microgpt", "vocab_size": 47, "n_embd": 44, "n_layer": 1, "n_head": 4, "block_size": 80})"},
    {"gpt2", true,
     R"({"model_type": "gpt2", "vocab_size": 77, "n_embd": 96, "n_layer": 1, "n_head": 3, "n_positions": 96})"},
    {"gpt2-odd", false,
     R"({"model_type": "gpt2", "vocab_size": 59, "n_embd": 51, "n_layer": 1, "n_head": 3, "n_positions": 83})"},
    {"llama", true,
     R"({"model_type": "llama", "vocab_size": 90, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 1,
 "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": 96,
 "rms_norm_eps": 1e-05, "rope_theta": 500000, "tie_word_embeddings": true, "rope_scaling": {"rope_type": "llama3",
 "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 24}})"},
    {"llama-odd", false,
     R"({"model_type": "llama", "vocab_size": 71, "hidden_size": 41, "intermediate_size": 75, "num_hidden_layers": 1,
 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 10, "max_position_embeddings": 90,
 "rms_norm_eps": 1e-06, "rope_theta": 10000, "tie_word_embeddings": false, "attention_bias": true})"},
    {"qwen2", true,
     R"({"model_type": "qwen2", "vocab_size": 101, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": 96,
 "rms_norm_eps": 1e-06, "rope_theta": 1000000, "tie_word_embeddings": false})"},
    {"qwen2-odd", false,
     R"({"model_type": "qwen2", "vocab_size": 53, "hidden_size": 37, "intermediate_size": 45, "num_hidden_layers": 2,
 "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 20, "max_position_embeddings": 81,
 "rms_norm_eps": 1e-06, "rope_theta": 1000000, "tie_word_embeddings": true})"},
    {"qwen3", true,
     R"({"model_type": "qwen3", "vocab_size": 130, "hidden_size": 96, "intermediate_size": 128, "num_hidden_layers": 1,
 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 96,
 "rms_norm_eps": 1e-06, "rope_theta": 1000000, "tie_word_embeddings": true})"},
    {"qwen3-odd", false,
     R"({"model_type": "qwen3", "vocab_size": 67, "hidden_size": 50, "intermediate_size": 70, "num_hidden_layers": 2,
 "num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 18, "max_position_embeddings": 80,
 "rms_norm_eps": 1e-06, "rope_theta": 1000000, "tie_word_embeddings": false})"},
};

/// What one digest is of.
struct MachineCase {
  std::string precision;
  engine::DType kv_precision;
};

inline std::vector<MachineCase> cases_of(const MachineModel& model) {
  std::vector<MachineCase> cases;
  for (const char* precision : {"f32", "f16", "bf16", "int8", "int4"}) {
    for (const auto kv : {engine::DType::f32, engine::DType::f16, engine::DType::bf16, engine::DType::int8}) {
      const bool needs_blocks = std::string_view(precision).starts_with("int") || kv == engine::DType::int8;
      if (model.in_blocks || !needs_blocks) {
        cases.push_back({precision, kv});
      }
    }
  }
  return cases;
}

/// What must not change a digest.
struct Schedule {
  int threads;
  std::int64_t prefill_chunk;
  bool kv_cache;
};

inline constexpr std::int64_t kMachinePrompt = 70;

/// Four for the n-th case: every number of threads and every chunk. Eight cases in a row meet every
/// combination of these with the cache on and off.
inline std::vector<Schedule> schedules_of_case(std::size_t n) {
  constexpr std::int64_t kChunks[] = {1, 3, 64, kMachinePrompt};
  std::vector<Schedule> schedules;
  for (std::size_t i = 0; i < 4; ++i) {
    schedules.push_back({static_cast<int>(i) + 1, kChunks[(i + n) % 4], (i + n / 4) % 2 == 0});
  }
  return schedules;
}

/// One model with its call, placed as asked.
class MachineCall {
 public:
  explicit MachineCall(const MachineModel& model) : name_(model.name) {
    const auto config = nlohmann::json::parse(model.config_json);
    random_model(config, 20260, engine::DType::f32).write(folder_ / "model");
    model_ = engine::Model::open((folder_ / "model").string());
    request_.prompt_ids = Random(7).ids(kMachinePrompt, model_->config().n_vocab);
    request_.max_new_tokens = 3;
    request_.sampling = {
        .repetition_penalty = 1.1F, .temperature = 0.8F, .top_k = 12, .top_p = 0.95F, .seed = 3};
  }

  /// As a line of the list begins.
  [[nodiscard]] std::string name(const MachineCase& which) const {
    return fmt::format("{} {} kv={}", name_, which.precision, engine::name_of(which.kv_precision));
  }

  std::string reference(const MachineCase& which) {
    weights_.reset();
    engine::Placement placement = placed(which);
    placement.backend = "reference";
    engine::Session session(model_, placement, {});
    return digest_of(session);
  }

  std::string digest(const MachineCase& which, std::string_view isa, const Schedule& schedule) {
    engine::Placement placement = placed(which);
    placement.isa = isa;
    placement.threads = schedule.threads;
    placement.kv_cache = schedule.kv_cache;
    const engine::SessionOptions options{.prefill_chunk = schedule.prefill_chunk};
    if (weights_ == nullptr || weights_precision_ != which.precision) {
      engine::Session session(model_, placement, options);
      weights_ = session.weights();
      weights_precision_ = which.precision;
      return digest_of(session);
    }
    engine::Session session(weights_, engine::make_backend(placement), options);
    return digest_of(session);
  }

 private:
  static engine::Placement placed(const MachineCase& which) {
    return {.precision = which.precision, .kv_precision = which.kv_precision};
  }
  std::string digest_of(engine::Session& session) const {
    DigestObserver observer;
    engine::generate(session, request_, &observer);
    return observer.finish();
  }

  engine::ScratchFolder folder_;
  std::string name_;
  std::shared_ptr<const engine::Model> model_;
  engine::GenerateRequest request_;
  std::shared_ptr<const engine::Weights> weights_;
  std::string weights_precision_;
};

}  // namespace reprise::testing
