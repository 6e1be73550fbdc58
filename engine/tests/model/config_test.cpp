// config.json: what is read from it, and the line for everything that cannot be.
#include "engine/model/config.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Json llama() {
  return {{"model_type", "llama"},    {"hidden_size", 48},
          {"intermediate_size", 56},  {"num_hidden_layers", 3},
          {"num_attention_heads", 6}, {"num_key_value_heads", 3},
          {"vocab_size", 288},        {"max_position_embeddings", 512},
          {"rms_norm_eps", 1e-5}};
}

Json gpt2() {
  return {{"model_type", "gpt2"}, {"n_embd", 32},      {"n_layer", 2},
          {"n_head", 4},          {"n_positions", 64}, {"vocab_size", 96}};
}

Json microgpt() {
  return {{"model_type", "microgpt"}, {"n_embd", 16},    {"n_layer", 1}, {"n_head", 4},
          {"block_size", 16},         {"vocab_size", 27}};
}

Json with(Json config, const char* key, const Json& value) {
  config[key] = value;
  return config;
}
Json without(Json config, const char* key) {
  config.erase(key);
  return config;
}
ModelConfig parsed(const Json& config) {
  return parse_config(config.dump(), "config.json");
}
std::string message(const Json& config, ErrorCode expected_code = ErrorCode::invalid_data) {
  ErrorCode code{};
  const std::string line = error_of([&] { parsed(config); }, &code);
  EXPECT_EQ(code, expected_code) << line;
  return line;
}
std::string unsupported(const Json& config) {
  return message(config, ErrorCode::unsupported);
}

TEST(Config, LlamaFields) {
  const ModelConfig c = parsed(llama());
  EXPECT_EQ(c.architecture, "llama");
  EXPECT_EQ(c.d_model, 48);
  EXPECT_EQ(c.d_ff, 56);
  EXPECT_EQ(c.n_layers, 3);
  EXPECT_EQ(c.n_heads, 6);
  EXPECT_EQ(c.n_kv_heads, 3);
  EXPECT_EQ(c.head_dim, 8) << "hidden_size / num_attention_heads when head_dim is absent";
  EXPECT_EQ(c.n_vocab, 288);
  EXPECT_EQ(c.n_context, 512);
  EXPECT_EQ(c.norm_eps, 1e-5F);
  EXPECT_EQ(c.rope_theta, 10000.0);
  EXPECT_FALSE(c.tied_head);
  EXPECT_FALSE(c.qkv_bias || c.o_bias || c.ffn_bias || c.qk_norm || c.learned_positions);
  EXPECT_EQ(c.stored_dtype, DType::f32);
  EXPECT_EQ(parsed(with(llama(), "head_dim", 10)).head_dim, 10);
  EXPECT_EQ(parsed(without(llama(), "num_key_value_heads")).n_kv_heads, 6);
  EXPECT_TRUE(parsed(with(llama(), "attention_bias", true)).o_bias);
  EXPECT_TRUE(parsed(with(llama(), "attention_bias", true)).qkv_bias);
  EXPECT_EQ(parsed(with(llama(), "torch_dtype", "bfloat16")).stored_dtype, DType::bf16);
  EXPECT_EQ(parsed(with(llama(), "dtype", "float16")).stored_dtype, DType::f16);
}

TEST(Config, WhatTellsTheFamiliesApart) {
  const ModelConfig qwen2 = parsed(with(llama(), "model_type", "qwen2"));
  EXPECT_TRUE(qwen2.qkv_bias && !qwen2.o_bias && !qwen2.qk_norm);
  const ModelConfig qwen3 = parsed(with(llama(), "model_type", "qwen3"));
  EXPECT_TRUE(!qwen3.qkv_bias && !qwen3.o_bias && qwen3.qk_norm);
  const ModelConfig g = parsed(gpt2());
  EXPECT_TRUE(g.qkv_bias && g.o_bias && g.ffn_bias && g.tied_head && g.learned_positions && !g.rotary);
  EXPECT_EQ(g.norm, NormKind::layer);
  EXPECT_EQ(g.d_ff, 128);
  EXPECT_EQ(g.norm_eps, 1e-5F);
  const ModelConfig m = parsed(microgpt());
  EXPECT_TRUE(m.embedding_norm && m.learned_positions);
  EXPECT_FALSE(m.norm_gain || m.final_norm || m.tied_head || m.rotary);
  EXPECT_EQ(m.d_ff, 64);
}

TEST(Config, RotaryParameters) {
  EXPECT_EQ(parsed(with(llama(), "rope_theta", 1e6)).rope_theta, 1e6);
  const Json nested = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  EXPECT_EQ(parsed(with(llama(), "rope_parameters", nested)).rope_theta, 5e5) << "transformers 5";
  const Json scaling = {{"rope_type", "llama3"},
                        {"factor", 8},
                        {"low_freq_factor", 1},
                        {"high_freq_factor", 4},
                        {"original_max_position_embeddings", 64}};
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const ModelConfig c = parsed(with(llama(), key, scaling));
    ASSERT_TRUE(c.rope_scaling.has_value()) << key;
    EXPECT_EQ(c.rope_scaling->factor, 8.0);
    EXPECT_EQ(c.rope_scaling->high_freq_factor, 4.0);
    EXPECT_EQ(c.rope_scaling->original_context, 64.0);
  }
  EXPECT_FALSE(parsed(with(llama(), "rope_scaling", nullptr)).rope_scaling.has_value());
  EXPECT_EQ(unsupported(with(llama(), "rope_scaling", {{"type", "yarn"}, {"rope_type", "yarn"}})),
            "config.json: rope_scaling: rope_type: expected default or llama3, found \"yarn\"");
  EXPECT_EQ(message(with(llama(), "rope_scaling", without(scaling, "factor"))),
            "config.json: rope_scaling: factor: expected a value, found nothing");
  EXPECT_EQ(message(with(llama(), "rope_scaling", with(scaling, "factor", 0))),
            "config.json: rope_scaling: factor: expected a positive number, found 0");
  EXPECT_EQ(message(with(llama(), "rope_scaling", with(scaling, "high_freq_factor", 1))),
            "config.json: rope_scaling: high_freq_factor: expected more than low_freq_factor, found 1");
  EXPECT_EQ(message(with(llama(), "rope_scaling", "linear")),
            "config.json: rope_scaling: expected an object, found \"linear\"");
}

TEST(Config, ExtentsThatAreMissingMistypedOrAbsurd) {
  const std::pair<Json, std::vector<const char*>> families[] = {
      {llama(),
       {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
        "max_position_embeddings"}},
      {gpt2(), {"n_embd", "n_layer", "n_head", "vocab_size"}},
      {microgpt(), {"n_embd", "n_layer", "n_head", "vocab_size", "block_size"}}};
  for (const auto& [config, keys] : families) {
    for (const std::string key : keys) {
      const std::string prefix = "config.json: " + key + ": expected ";
      EXPECT_EQ(message(without(config, key.c_str())), prefix + "a value, found nothing");
      EXPECT_EQ(message(with(config, key.c_str(), nullptr)), prefix + "a value, found nothing");
      for (const char* wrong : {"0", "-1", "1099511627776", "18446744073709551615", "-9223372036854775808",
                                "48.0", "1e300", "\"48\"", "true", "[48]", "{}"}) {
        const Json value = Json::parse(wrong);
        EXPECT_EQ(message(with(config, key.c_str(), value)),
                  prefix + "an integer from 1 to 67108864, found " + value.dump());
      }
    }
  }
  EXPECT_EQ(message(with(llama(), "num_key_value_heads", "3")),
            "config.json: num_key_value_heads: expected an integer from 1 to 67108864, found \"3\"");
  EXPECT_EQ(message(without(gpt2(), "n_positions")), "config.json: n_ctx: expected a value, found nothing");
  EXPECT_EQ(parsed(with(without(gpt2(), "n_positions"), "n_ctx", 32)).n_context, 32);
}

TEST(Config, OtherFieldsThatAreMistyped) {
  EXPECT_EQ(message(with(llama(), "rms_norm_eps", "small")),
            "config.json: rms_norm_eps: expected a positive number, found \"small\"");
  EXPECT_EQ(message(without(llama(), "rms_norm_eps")),
            "config.json: rms_norm_eps: expected a value, found nothing");
  EXPECT_EQ(message(with(llama(), "rope_theta", -1)),
            "config.json: rope_theta: expected a positive number, found -1");
  EXPECT_EQ(message(with(llama(), "tie_word_embeddings", 1)),
            "config.json: tie_word_embeddings: expected true or false, found 1");
  EXPECT_EQ(message(with(llama(), "hidden_act", 5)), "config.json: hidden_act: expected a string, found 5");
  const std::string cut = message(with(llama(), "hidden_size", std::string(500, 'x')));
  EXPECT_LT(cut.size(), 150U) << "long values are cut";
  EXPECT_THAT(cut, ::testing::EndsWith("xxx..."));
}

TEST(Config, WhatTheEngineDoesNotCompute) {
  EXPECT_EQ(unsupported(with(llama(), "model_type", "mamba")),
            "config.json: model_type: expected one of qwen3, qwen2, llama, gpt2, microgpt, found \"mamba\"");
  EXPECT_EQ(message(without(llama(), "model_type")),
            "config.json: model_type: expected a value, found nothing");
  EXPECT_EQ(unsupported(with(llama(), "hidden_act", "gelu")),
            "config.json: hidden_act: expected silu, found \"gelu\"");
  EXPECT_EQ(unsupported(with(llama(), "use_sliding_window", true)),
            "config.json: use_sliding_window: expected false, found true");
  EXPECT_EQ(unsupported(with(llama(), "mlp_bias", true)),
            "config.json: mlp_bias: expected false, found true");
  EXPECT_EQ(unsupported(with(gpt2(), "activation_function", "relu")),
            "config.json: activation_function: expected gelu_new, found \"relu\"");
  EXPECT_EQ(unsupported(with(gpt2(), "scale_attn_by_inverse_layer_idx", true)),
            "config.json: scale_attn_by_inverse_layer_idx: expected false, found true");
  EXPECT_EQ(unsupported(with(gpt2(), "scale_attn_weights", false)),
            "config.json: scale_attn_weights: expected true, found false");
}

TEST(Config, FieldsThatContradictEachOther) {
  EXPECT_EQ(
      message(with(llama(), "num_key_value_heads", 4)),
      "config.json: num_attention_heads: expected a multiple of the number of key-value heads, found 6");
  EXPECT_EQ(unsupported(with(with(llama(), "num_attention_heads", 65), "num_key_value_heads", 1)),
            "config.json: num_attention_heads: expected at most 64 query heads a key-value head, found 65");
  const std::string even =
      "config.json: num_attention_heads: expected an even number of dimensions a head, found ";
  EXPECT_EQ(message(with(llama(), "head_dim", 7)), even + "6");
  EXPECT_EQ(message(with(llama(), "num_attention_heads", 96)), even + "96") << "48 / 96 is none";
  EXPECT_EQ(unsupported(with(llama(), "num_hidden_layers", 4097)),
            "config.json: num_hidden_layers: expected at most 4096 layers, found 4097");
  EXPECT_EQ(unsupported(with(gpt2(), "n_layer", 1 << 26)),
            "config.json: n_layer: expected at most 4096 layers, found 67108864");
  EXPECT_EQ(message(with(gpt2(), "n_head", 5)), "config.json: n_head: expected a divisor of n_embd, found 5");
}

TEST(Config, TextThatIsNoObject) {
  EXPECT_EQ(error_of([] { parse_config("{\"model_type\": ", "c"); }),
            "c: expected JSON, found a syntax error at byte 16");
  EXPECT_EQ(error_of([] { parse_config("", "c"); }), "c: expected JSON, found a syntax error at byte 1");
  EXPECT_EQ(error_of([] { parse_config("[1]", "c"); }), "c: expected a JSON object, found something else");
}

TEST(Config, EndOfSequenceIds) {
  EXPECT_THAT(parsed(llama()).eos_ids, IsEmpty());
  EXPECT_THAT(parsed(with(llama(), "eos_token_id", nullptr)).eos_ids, IsEmpty());
  EXPECT_THAT(parsed(with(llama(), "eos_token_id", 7)).eos_ids, ElementsAre(7));
  EXPECT_THAT(parsed(with(llama(), "eos_token_id", {7, 0, 287})).eos_ids, ElementsAre(7, 0, 287));
  EXPECT_EQ(parsed(with(llama(), "bos_token_id", 3)).bos_id, 3);
  EXPECT_EQ(parsed(llama()).bos_id, std::nullopt);
  const std::string expected = "config.json: eos_token_id: expected token ids below 288, found ";
  for (const char* wrong : {"288", "-1", "\"7\"", "[7,288]", "[[7]]", "7.0", "true", "{\"a\":1}"}) {
    EXPECT_EQ(message(with(llama(), "eos_token_id", Json::parse(wrong))), expected + wrong);
  }
}

TEST(Config, GenerationConfigTakesPrecedence) {
  const ScratchFolder folder;
  write_raw(folder / "config.json", with(llama(), "eos_token_id", 7).dump());
  EXPECT_THAT(read_config(folder.path()).eos_ids, ElementsAre(7));
  write_raw(folder / "generation_config.json", R"({"eos_token_id": [5, 6]})");
  EXPECT_THAT(read_config(folder.path()).eos_ids, ElementsAre(5, 6));
  write_raw(folder / "generation_config.json", R"({"temperature": 1})");
  EXPECT_THAT(read_config(folder.path()).eos_ids, ElementsAre(7));
  const std::string name = (folder / "generation_config.json").string();
  write_raw(folder / "generation_config.json", R"({"eos_token_id": 288})");
  EXPECT_EQ(error_of([&] { read_config(folder.path()); }),
            name + ": eos_token_id: expected token ids below 288, found 288");
  write_raw(folder / "generation_config.json", "7");
  EXPECT_EQ(error_of([&] { read_config(folder.path()); }),
            name + ": expected a JSON object, found something else");
}

TEST(Config, BytesOfAPosition) {
  const ModelConfig c = parsed(llama());
  EXPECT_EQ(c.kv_bytes_per_position(DType::f32), 2 * 3 * 3 * 8 * 4);
  EXPECT_EQ(c.kv_bytes_per_position(DType::bf16), 2 * 3 * 3 * 8 * 2);
}

}  // namespace
}  // namespace reprise::engine
