#include "engine/text/tokenizer_json_writer.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/named_splits.h"
#include "engine/text/piece_merges.h"
#include "engine/text/piece_spelling.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;

Json byte_level(bool add_space, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_space},
          {"trim_offsets", false},
          {"use_regex", use_regex}};
}

Json replace(std::string_view what, std::string_view by) {
  return {{"type", "Replace"}, {"pattern", {{"String", what}}}, {"content", by}};
}

/// The tokens of model.vocab by id. Added tokens are among them unless the library that reads the file gives
/// them their ids by itself: those that follow the vocabulary, which has no gaps, in order.
std::map<TokenId, std::string_view> vocabulary_by_id(const TokenizerSpec& spec) {
  std::map<TokenId, std::string_view> tokens;
  for (const auto& entry : spec.vocabulary) {
    tokens.emplace(entry.id, entry.spelling);
  }
  std::map<TokenId, std::string_view> added;
  for (const AddedToken& token : spec.added_tokens) {
    if (!tokens.contains(token.id)) {
      added.emplace(token.id, token.content);
    }
  }
  const auto n_vocabulary = static_cast<TokenId>(tokens.size());
  const auto n_all = static_cast<TokenId>(tokens.size() + added.size());
  const bool follows =
      added.empty() || (added.begin()->first == n_vocabulary && added.rbegin()->first + 1 == n_all);
  const bool without_gaps = tokens.empty() || tokens.rbegin()->first + 1 == n_vocabulary;
  if (!follows || !without_gaps) {
    tokens.merge(added);
  }
  return tokens;
}

Json vocabulary(const TokenizerSpec& spec) {
  Json object = Json::object();
  // Appended as they come: looking for each of 150,000 keys in an ordered object would take minutes.
  auto& members = object.get_ref<Json::object_t&>();
  for (const auto& [id, token] : vocabulary_by_id(spec)) {
    if (!is_valid_utf8(token)) {
      fail(ErrorCode::invalid_data, "{}: {}: expected tokens in UTF-8, found '{}'", spec.name,
           spec.vocabulary_field, printable(token));
    }
    static_cast<Json::object_t::Container&>(members).emplace_back(std::string(token), id);
  }
  return object;
}

Json merges(const TokenizerSpec& spec) {
  Json list = Json::array();
  const bool sentence_piece = spec.kind == TokenizerKind::sentence_piece;
  for (const auto& [left, right] : sentence_piece ? merges_of_scores(spec) : spec.merges) {
    list.push_back({left, right});
  }
  return list;
}

Json model(const TokenizerSpec& spec) {
  Json model = {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"continuing_subword_prefix", nullptr},
                {"end_of_word_suffix", nullptr},
                {"fuse_unk", spec.fuse_unknown},
                {"byte_fallback", spec.byte_fallback},
                {"ignore_merges", spec.ignore_merges}};
  if (!spec.unknown_token.empty()) {
    model["unk_token"] = spec.unknown_token;
  }
  model["vocab"] = vocabulary(spec);
  model["merges"] = merges(spec);
  return model;
}

Json added_tokens(const TokenizerSpec& spec) {
  std::map<TokenId, const AddedToken*> by_id;
  for (const AddedToken& token : spec.added_tokens) {
    by_id.emplace(token.id, &token);
  }
  Json list = Json::array();
  for (const auto& [id, token] : by_id) {
    if (!is_valid_utf8(token->content)) {
      fail(ErrorCode::invalid_data, "{}: {}: expected tokens in UTF-8, found '{}'", spec.name,
           spec.added_tokens_field, printable(token->content));
    }
    list.push_back({{"id", id},
                    {"content", token->content},
                    {"single_word", token->single_word},
                    {"lstrip", token->lstrip},
                    {"rstrip", token->rstrip},
                    {"normalized", token->normalized},
                    {"special", token->special}});
  }
  return list;
}

Json split(const WordSplit& step) {
  const bool isolated = step.keep_match && step.keep_other;
  return {{"type", "Split"},
          {"pattern", {{"Regex", step.pattern}}},
          {"behavior", isolated ? "Isolated" : "Removed"},
          {"invert", !isolated && step.keep_match}};
}

Json pre_tokenizer(const TokenizerSpec& spec) {
  Json steps = Json::array();
  bool add_space = false;
  bool use_regex = false;
  for (std::size_t i = 0; i < spec.word_splits.size(); ++i) {
    const WordSplit& step = spec.word_splits[i];
    const bool is_last = i + 1 == spec.word_splits.size();
    const bool is_gpt2 = step.pattern == kGpt2Pattern && step.keep_match && step.keep_other;
    if ((step.add_space && !(is_last && (is_gpt2 || step.pattern.empty()))) ||
        (!step.keep_match && !step.keep_other)) {
      fail(ErrorCode::unsupported, "{}: {}: expected words as tokenizer.json can cut them, found another way",
           spec.name, step.field);
    }
    if (is_last) {
      add_space = step.add_space;
      use_regex = is_gpt2;
    }
    if (!step.pattern.empty() && !(is_last && is_gpt2)) {
      steps.push_back(split(step));
    }
  }
  steps.push_back(byte_level(add_space, use_regex));
  return steps.size() == 1 ? steps[0] : Json{{"type", "Sequence"}, {"pretokenizers", steps}};
}

Json normalizer(const TokenizerSpec& spec) {
  if (spec.kind == TokenizerKind::byte_level_bpe) {
    return spec.nfc ? Json{{"type", "NFC"}} : Json(nullptr);
  }
  Json steps = Json::array();
  if (spec.space_prefix) {
    steps.push_back({{"type", "Prepend"}, {"prepend", kPieceSpace}});
  }
  steps.push_back(replace(" ", kPieceSpace));
  return {{"type", "Sequence"}, {"normalizers", steps}};
}

Json decoder(const TokenizerSpec& spec) {
  if (spec.kind == TokenizerKind::byte_level_bpe) {
    return byte_level(false, false);
  }
  Json steps = Json::array();
  steps.push_back(replace(kPieceSpace, " "));
  if (spec.byte_fallback) {
    steps.push_back({{"type", "ByteFallback"}});
  }
  steps.push_back({{"type", "Fuse"}});
  if (spec.space_prefix) {
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

Json post_processor(const TokenizerSpec& spec, std::optional<TokenId> begin) {
  if (!begin) {
    return nullptr;
  }
  const auto token = std::ranges::find(spec.added_tokens, *begin, &AddedToken::id);
  if (token == spec.added_tokens.end()) {
    fail(ErrorCode::invalid_argument, "{}: {}: expected the token before a text, found none with the id {}",
         spec.name, spec.added_tokens_field, *begin);
  }
  const auto special = [&](int type) {
    return Json{{"SpecialToken", {{"id", token->content}, {"type_id", type}}}};
  };
  const auto text = [](const char* id, int type) {
    return Json{{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  Json tokens = Json::object();
  tokens[token->content] = {
      {"id", token->content}, {"ids", Json::array({*begin})}, {"tokens", Json::array({token->content})}};
  return {{"type", "TemplateProcessing"},
          {"single", Json::array({special(0), text("A", 0)})},
          {"pair", Json::array({special(0), text("A", 0), special(1), text("B", 1)})},
          {"special_tokens", tokens}};
}

}  // namespace

std::string write_tokenizer_json(const TokenizerSpec& spec, std::optional<TokenId> begin) {
  const bool sentence_piece = spec.kind == TokenizerKind::sentence_piece;
  const Json file = {{"version", "1.0"},
                     {"truncation", nullptr},
                     {"padding", nullptr},
                     {"added_tokens", added_tokens(spec)},
                     {"normalizer", normalizer(spec)},
                     {"pre_tokenizer", sentence_piece ? Json(nullptr) : pre_tokenizer(spec)},
                     {"post_processor", post_processor(spec, begin)},
                     {"decoder", decoder(spec)},
                     {"model", model(spec)}};
  return file.dump(2) + "\n";
}

}  // namespace reprise::engine
