/// Small recorded calls for the tests of captures and of what replays them.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/capture/capture.h"
#include "engine/capture/recorder.h"
#include "engine/generate/generate.h"

namespace reprise::engine {

inline constexpr const char* kMicrogpt = "synthetic:microgpt-tiny";  // stored as f32
inline constexpr const char* kLlama = "synthetic:llama-tiny";        // stored as bf16, grouped heads

/// One model for each name and test program.
inline std::shared_ptr<const Model> model_of(const std::string& spec) {
  static std::map<std::string, std::shared_ptr<const Model>> opened;
  std::shared_ptr<const Model>& model = opened[spec];
  if (model == nullptr) {
    model = Model::open(spec);
  }
  return model;
}

inline std::vector<TokenId> prompt_of(std::int64_t n, std::int64_t n_vocab) {
  std::vector<TokenId> ids;
  for (std::int64_t i = 0; i < n; ++i) {
    ids.push_back(static_cast<TokenId>((i * 37 + i * i * 5 + 11) % n_vocab));
  }
  return ids;
}

/// A call to record: every field may be changed before record().
struct Call {
  std::string model = kMicrogpt;
  Placement placement{.threads = 1};
  GenerateRequest request;
  std::int64_t n_cached = 0;  ///< prompt tokens appended before the call
  RecorderOptions options;
  CaptureOrigin origin{build_info(), R"({"cpu":"a test"})", "2024-05-06T07:08:09Z", "explicit"};

  explicit Call(const std::string& spec = kMicrogpt, std::int64_t n_prompt = 9,
                std::int64_t max_new_tokens = 5, std::int64_t cached = 0)
      : model(spec), n_cached(cached) {
    request.prompt_ids = prompt_of(n_prompt, model_of(spec)->config().n_vocab);
    request.max_new_tokens = max_new_tokens;
    options.n_top = 4;
  }

  Call& sampled(std::uint64_t seed) {
    request.sampling = {1.1F, 0.8F, 40, 0.95F, 0.01F, seed};
    return *this;
  }

  /// The session just before the call.
  [[nodiscard]] std::unique_ptr<Session> session() const {
    auto made = std::make_unique<Session>(model_of(model), placement, SessionOptions{.n_positions = 64});
    if (n_cached > 0) {
      made->append(std::span(request.prompt_ids).first(static_cast<std::size_t>(n_cached)));
    }
    return made;
  }

  [[nodiscard]] Capture record() const {
    const auto s = session();
    Recorder recorder(*s, request, options);
    const GenerateResult result = generate(*s, request, &recorder);
    auto capture = recorder.finish(*s, result, origin, "");
    EXPECT_TRUE(capture.has_value()) << recorder.problem();
    return capture ? std::move(*capture) : Capture{};
  }
};

namespace detail {

template <class To, class From>
std::vector<To> bits_of(const std::vector<From>& values) {
  std::vector<To> bits;
  for (const From value : values) {
    bits.push_back(std::bit_cast<To>(value));
  }
  return bits;
}
inline std::vector<std::uint32_t> bits_of(const SamplingParameters& s) {
  return bits_of<std::uint32_t>(std::vector{s.repetition_penalty, s.temperature, s.top_p, s.min_p});
}

inline std::vector<std::string> words_of(const CapturedModel& model) {
  std::vector<std::string> words = {model.spec,
                                    model.name,
                                    model.architecture,
                                    model.sha256,
                                    model.config_json,
                                    std::to_string(model.parameters),
                                    model.tokenizer_sha256};
  for (const CapturedFile& file : model.files) {
    words.push_back(file.name + " " + file.sha256);
  }
  return words;
}

inline std::vector<std::string> words_of(const CaptureOrigin& origin) {
  const BuildInfo& b = origin.build;
  return {b.name,         b.version,    b.git_commit, b.dirty ? "dirty" : "clean",
          b.compiler,     b.flags,      b.build_type, origin.machine_json,
          origin.created, origin.policy};
}

}  // namespace detail

/// Equal steps but for the observed seconds, which no two runs share.
inline void expect_same_steps(const CapturedSteps& a, const CapturedSteps& b) {
  EXPECT_EQ(a.generated_ids, b.generated_ids);
  EXPECT_EQ(a.logits_digests, b.logits_digests);
  EXPECT_EQ(a.n_top, b.n_top);
  EXPECT_EQ(a.top_ids, b.top_ids);
  EXPECT_EQ(detail::bits_of<std::uint32_t>(a.top_logits), detail::bits_of<std::uint32_t>(b.top_logits));
  EXPECT_EQ(detail::bits_of<std::uint64_t>(a.logsumexp), detail::bits_of<std::uint64_t>(b.logsumexp));
}

/// Equal in every field but the id, floats bit by bit.
inline void expect_same(const Capture& a, const Capture& b) {
  EXPECT_EQ(detail::words_of(a.model), detail::words_of(b.model));
  EXPECT_EQ(a.request.prompt_ids, b.request.prompt_ids);
  EXPECT_EQ(a.request.max_new_tokens, b.request.max_new_tokens);
  EXPECT_EQ(a.request.eos_ids, b.request.eos_ids);
  EXPECT_EQ(detail::bits_of(a.request.sampling), detail::bits_of(b.request.sampling));
  EXPECT_EQ(a.request.sampling.top_k, b.request.sampling.top_k);
  EXPECT_EQ(a.request.sampling.seed, b.request.sampling.seed);
  EXPECT_EQ(a.request.forced_ids, b.request.forced_ids);
  EXPECT_EQ(a.n_cached, b.n_cached);
  ASSERT_EQ(a.kv.has_value(), b.kv.has_value());
  if (a.kv) {
    EXPECT_EQ(a.kv->dtype, b.kv->dtype);
    EXPECT_EQ(a.kv->n_layers, b.kv->n_layers);
    EXPECT_EQ(a.kv->n_kv_heads, b.kv->n_kv_heads);
    EXPECT_EQ(a.kv->head_dim, b.kv->head_dim);
    EXPECT_TRUE(a.kv->keys == b.kv->keys);
    EXPECT_TRUE(a.kv->values == b.kv->values);
  }
  expect_same_steps(a.steps, b.steps);
  EXPECT_EQ(detail::bits_of<std::uint64_t>(a.steps.token_seconds),
            detail::bits_of<std::uint64_t>(b.steps.token_seconds));
  EXPECT_EQ(a.finish_reason, b.finish_reason);
  EXPECT_EQ(a.placement, b.placement);
  EXPECT_EQ(detail::words_of(a.origin), detail::words_of(b.origin));
}

}  // namespace reprise::engine
