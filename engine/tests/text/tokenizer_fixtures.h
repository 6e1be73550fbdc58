/// What the tokenizer tests share: published tokenizers and vectors, which a fresh clone has not, and small
/// tokenizers made by hand, which it has.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/tests/support/data.h"
#include "engine/text/byte_alphabet.h"
#include "engine/text/piece_spelling.h"
#include "engine/text/tokenizer.h"
#include "engine/text/tokenizer_gguf.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/tokenizer_json_writer.h"

namespace reprise::engine::testing {

using Ids = std::vector<TokenId>;
using nlohmann::json;

/// Of "qwen3", "gpt2" or "minimind2".
inline std::filesystem::path published_file(const std::string& name) {
  const std::string folder = name == "minimind2" ? "minimind2-small" : "tokenizers/" + name;
  return reprise::testing::external_data() / folder / "tokenizer.json";
}

/// Loaded once a name.
inline const Tokenizer& published(const std::string& name) {
  static std::map<std::string, Tokenizer> loaded;
  auto entry = loaded.find(name);
  if (entry == loaded.end()) {
    entry = loaded.emplace(name, Tokenizer::from_file(published_file(name))).first;
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

/// A SentencePiece specification: <unk>, <s>, </s>, the 256 bytes as tokens 3 to 258 if `byte_fallback`, then
/// `pieces`, written with spaces, with their scores.
inline TokenizerSpec small_pieces(const std::vector<std::pair<std::string, float>>& pieces,
                                  bool byte_fallback = true, bool space_prefix = true) {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::sentence_piece;
  spec.name = "pieces";
  spec.vocabulary_field = "tokens";
  spec.unknown_token = "<unk>";
  spec.fuse_unknown = true;
  spec.byte_fallback = byte_fallback;
  spec.space_prefix = space_prefix;
  const auto add = [&](const std::string& spelling, float score) {
    spec.vocabulary.push_back({spelling, static_cast<TokenId>(spec.vocabulary.size()), score});
  };
  for (const char* content : {"<unk>", "<s>", "</s>"}) {
    spec.added_tokens.push_back(
        {.content = content, .id = static_cast<TokenId>(spec.vocabulary.size()), .special = true});
    add(content, 0);
  }
  for (int byte = 0; byte < 256 && byte_fallback; ++byte) {
    add(spell_byte_piece(static_cast<std::uint8_t>(byte)), 0);
  }
  for (const auto& [piece, score] : pieces) {
    add(spell_piece(piece), score);
  }
  return spec;
}

/// `spec` after a journey through GGUF metadata, for a model of `n_vocab` logits.
inline TokenizerSpec through_gguf(const TokenizerSpec& spec, std::int64_t n_vocab) {
  GgufWriter writer;
  write_tokenizer_gguf(spec, {}, n_vocab, writer);
  const std::vector<std::byte> bytes = writer.to_bytes();
  return read_tokenizer_gguf(GgufFile::parse(bytes, "through.gguf"));
}

/// `spec` after a journey through tokenizer.json.
inline TokenizerSpec through_json(const TokenizerSpec& spec) {
  return read_tokenizer_json(write_tokenizer_json(spec), "through.json");
}

/// The line of the Error that a call throws.
template <class Call>
std::string line_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
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
