/// What the tokenizer tests share: published tokenizers and vectors, which a fresh clone has not, and small
/// tokenizers made by hand, which it has.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/tests/support/data.h"
#include "engine/text/byte_alphabet.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine::testing {

using Ids = std::vector<TokenId>;
using nlohmann::json;

/// Loaded once a name: "qwen3", "gpt2" or "minimind2".
inline const Tokenizer& published(const std::string& name) {
  static std::map<std::string, Tokenizer> loaded;
  const std::filesystem::path folder =
      reprise::testing::external_data() / (name == "minimind2" ? "minimind2-small" : "tokenizers/" + name);
  auto entry = loaded.find(name);
  if (entry == loaded.end()) {
    entry = loaded.emplace(name, Tokenizer::from_file(folder / "tokenizer.json")).first;
  }
  return entry->second;
}

/// A tokenizer.json with the 256 bytes as tokens 0 to 255 (id = value) and one token more for each merge of
/// two spellings, in order: the merge at rank r makes token 256 + r.
inline json small_tokenizer(const std::vector<std::pair<std::string, std::string>>& merges = {}) {
  json vocabulary = json::object();
  for (int id = 0; id < 256; ++id) {
    const char byte = static_cast<char>(id);
    vocabulary[spell_bytes({&byte, 1})] = id;
  }
  json pairs = json::array();
  for (const auto& [left, right] : merges) {
    const std::size_t id = vocabulary.size();
    vocabulary[left + right] = id;
    pairs.push_back({left, right});
  }
  return {{"added_tokens", json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", pairs}}}};
}

inline json byte_level(bool use_regex, bool add_prefix_space = false) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", add_prefix_space}, {"use_regex", use_regex}};
}

inline json split(const json& pattern, const char* behavior = "Isolated", bool invert = false) {
  return {{"type", "Split"}, {"pattern", pattern}, {"behavior", behavior}, {"invert", invert}};
}

inline json sequence(const json& members) {
  return {{"type", "Sequence"}, {"pretokenizers", members}};
}

inline json added_token(TokenId id, const std::string& content, bool special = true) {
  return {{"id", id},        {"content", content},   {"special", special}, {"lstrip", false},
          {"rstrip", false}, {"single_word", false}, {"normalized", false}};
}

inline Tokenizer load(const json& tokenizer) {
  return Tokenizer::from_json(tokenizer.dump(), "tokenizer.json");
}

/// The tokens as text, which reads better than ids where a test is about boundaries.
inline std::vector<std::string> pieces(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> result;
  for (const TokenId id : tokenizer.encode(text)) {
    result.emplace_back(tokenizer.token_bytes(id));
  }
  return result;
}

}  // namespace reprise::engine::testing
