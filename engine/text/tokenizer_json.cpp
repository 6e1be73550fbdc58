#include "engine/text/tokenizer_json.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/json_field.h"
#include "engine/text/named_splits.h"
#include "engine/text/piece_merges.h"
#include "engine/text/piece_spelling.h"
#include "engine/text/regex.h"

namespace reprise::engine {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr int kMaxSequenceDepth = 8;

TokenId token_id(const json& value, const std::string& name, const std::string& path) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::uint64_t{kMaxTokenId}) {
    fail(ErrorCode::invalid_data, "{}: {}: expected an id from 0 to {}, found {}", name, path, kMaxTokenId,
         describe_json(value));
  }
  return value.get<TokenId>();
}

/// Parses the file. The hundreds of thousands of entries of model.vocab and model.merges go straight into the
/// spec instead of the document: building their nodes and freeing them would be most of the time of loading.
class DocumentReader {
 public:
  DocumentReader(const std::string& name, TokenizerSpec& spec) : name_(name), spec_(spec) {}

  json read(std::string_view text) {
    if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
      // The library takes it for the end of the text, and would ignore what follows.
      fail(ErrorCode::invalid_data, "{}: expected JSON, found a zero byte at byte {}", name_, zero);
    }
    try {
      return json::parse(text.begin(), text.end(),
                         [this](int depth, Event event, json& value) { return keep(depth, event, value); });
    } catch (const json::parse_error& error) {
      fail(ErrorCode::invalid_data, "{}: expected JSON, found a syntax error at byte {}", name_, error.byte);
    } catch (const json::exception&) {
      fail(ErrorCode::invalid_data, "{}: expected JSON, found a number out of range", name_);
    }
  }

 private:
  using Event = json::parse_event_t;

  bool keep(int depth, Event event, json& value) {
    const bool opens = event == Event::object_start || event == Event::array_start;
    if (opens && depth >= kMaxDepth) {
      fail(ErrorCode::invalid_data, "{}: expected JSON nested at most {} deep, found deeper", name_,
           kMaxDepth);
    }
    if (depth >= 3 && in_model_) {
      if (section_ == "vocab") {
        return keep_of_vocabulary(depth, event, value);
      }
      if (section_ == "merges") {
        return keep_of_merges(depth, event, value);
      }
    }
    if (event == Event::key) {
      enter(depth, value.get_ref<const std::string&>());
    } else if (event == Event::object_start) {
      keys_.emplace_back();
    } else if (event == Event::object_end) {
      keys_.pop_back();
    }
    return true;
  }

  void enter(int depth, const std::string& key) {
    if (!keys_.back().insert(key).second) {
      fail(ErrorCode::invalid_data, "{}: expected the key '{}' once in its object, found it twice", name_,
           printable(key));
    }
    if (depth == 1) {
      in_model_ = key == "model";
      section_.clear();
    } else if (depth == 2) {
      section_ = key;
    }
  }

  bool keep_of_vocabulary(int depth, Event event, const json& value) {
    if (event == Event::key && depth == 3) {
      token_ = value.get_ref<const std::string&>();
    } else if (event == Event::value && depth == 3 && token_) {
      spec_.vocabulary.push_back(
          {*token_, token_id(value, name_, "model.vocab['" + printable(*token_) + "']")});
    } else {
      fail(ErrorCode::invalid_data, "{}: model.vocab: expected an object of ids by token, found other values",
           name_);
    }
    return false;
  }

  bool keep_of_merges(int depth, Event event, json& value) {
    if (event == Event::value && value.is_string()) {
      parts_.push_back(std::move(value.get_ref<std::string&>()));
    } else if (!(depth == 3 && (event == Event::array_start || event == Event::array_end))) {
      refuse_merge();
    }
    if (depth == 3 && event == Event::value) {
      split_merge();
    }
    if (depth == 3 && event != Event::array_start) {
      if (parts_.size() != 2) {
        refuse_merge();
      }
      spec_.merges.emplace_back(std::move(parts_[0]), std::move(parts_[1]));
      parts_.clear();
    }
    return event == Event::array_start;  // the events of an array that is not kept would not come
  }

  /// The older form: "left right".
  void split_merge() {
    const std::string both = std::move(parts_.back());
    parts_.clear();
    const std::size_t space = both.find(' ');
    if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos) {
      refuse_merge();
    }
    parts_ = {both.substr(0, space), both.substr(space + 1)};
  }

  [[noreturn]] void refuse_merge() const {
    fail(ErrorCode::invalid_data,
         R"({}: model.merges[{}]: expected "left right" or ["left", "right"], found something else)", name_,
         spec_.merges.size());
  }

  const std::string& name_;
  TokenizerSpec& spec_;
  bool in_model_ = false;
  std::string section_;                      // the key of the model that the parser is in
  std::optional<std::string> token_;         // the key of the vocabulary that the parser is at
  std::vector<std::string> parts_;           // of the merge that the parser is in
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

void read_model(const JsonField& model, TokenizerSpec& spec) {
  if (const JsonField type = model["type"]; type.text_or("BPE") != "BPE") {  // files before 2021 have no type
    type.unsupported("BPE");
  }
  if (const JsonField dropout = model["dropout"]; !dropout.is_null() && dropout.value() != 0) {
    dropout.unsupported("null: dropout makes tokens random");
  }
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model[affix].text_or("").empty()) {
      model[affix].unsupported("null or an empty string");
    }
  }
  if (model["byte_fallback"].boolean_or(false) && spec.kind == TokenizerKind::byte_level_bpe) {
    model["byte_fallback"].unsupported("false");
  }
  spec.byte_fallback = model["byte_fallback"].boolean_or(false);
  if (!model["vocab"].value().is_object()) {
    model["vocab"].expected("an object of ids by token");
  }
  if (!model["merges"].value().is_array()) {
    model["merges"].expected("an array");
  }
  spec.unknown_token = model["unk_token"].text_or("");
  spec.fuse_unknown = model["fuse_unk"].boolean_or(false);
  spec.ignore_merges = model["ignore_merges"].boolean_or(false);
}

void read_added_tokens(const JsonField& tokens, TokenizerSpec& spec) {
  if (tokens.is_null()) {
    return;
  }
  for (const JsonField& field : tokens.elements()) {
    AddedToken token;
    token.content = field["content"].text();
    if (token.content.empty()) {
      field["content"].expected("a string that is not empty");
    }
    token.id = token_id(field["id"].value(), spec.name, field["id"].path());
    token.special = field["special"].boolean();
    token.lstrip = field["lstrip"].boolean_or(false);
    token.rstrip = field["rstrip"].boolean_or(false);
    token.single_word = field["single_word"].boolean_or(false);
    token.normalized = field["normalized"].boolean_or(!token.special);
    spec.added_tokens.push_back(std::move(token));
  }
}

void read_normalizer(const JsonField& normalizer, TokenizerSpec& spec, int depth = 0) {
  if (normalizer.is_null()) {
    return;
  }
  const JsonField type = normalizer["type"];
  if (type.text() == "NFC") {
    spec.nfc = true;
  } else if (type.text() == "Sequence" && depth < kMaxSequenceDepth) {
    for (const JsonField& member : normalizer["normalizers"].elements()) {
      read_normalizer(member, spec, depth + 1);
    }
  } else {
    type.unsupported("one of NFC, Sequence (nested at most 8 deep)");
  }
}

WordSplit split_step(const JsonField& step) {
  const JsonField pattern = step["pattern"];
  const JsonField regex = pattern["Regex"];
  const JsonField literal = pattern["String"];
  if (regex.is_null() == literal.is_null()) {
    pattern.expected("either Regex or String");
  }
  const JsonField& chosen = regex.is_null() ? literal : regex;
  if (chosen.text().empty()) {
    chosen.expected("a pattern that is not empty");
  }
  WordSplit split;
  split.field = chosen.path();
  split.pattern = regex.is_null() ? Regex::escaped(literal.text()) : regex.text();
  const JsonField behavior = step["behavior"];
  const bool invert = step["invert"].boolean_or(false);
  if (behavior.text() == "Removed") {
    split.keep_match = invert;
    split.keep_other = !invert;
  } else if (behavior.text() != "Isolated") {
    behavior.unsupported("one of Isolated, Removed");
  }
  return split;
}

/// Appends the steps of one component; returns whether the last one turns text into bytes.
bool read_pre_tokenizer(const JsonField& component, TokenizerSpec& spec, int depth = 0) {
  const JsonField type = component["type"];
  if (type.text() == "Split") {
    spec.word_splits.push_back(split_step(component));
  } else if (type.text() == "Digits") {
    const bool individual = component["individual_digits"].boolean();
    spec.word_splits.push_back({.field = component.path(), .pattern = individual ? "\\p{N}" : "\\p{N}+"});
  } else if (type.text() == "ByteLevel") {
    spec.word_splits.push_back(
        {.field = component.path(),
         .pattern = std::string(component["use_regex"].boolean_or(true) ? kGpt2Pattern : ""),
         .add_space = component["add_prefix_space"].boolean()});
    return true;
  } else if (type.text() == "Sequence" && depth < kMaxSequenceDepth) {
    bool in_bytes = false;
    for (const JsonField& member : component["pretokenizers"].elements()) {
      if (in_bytes) {
        member.unsupported("nothing after ByteLevel");
      }
      in_bytes = read_pre_tokenizer(member, spec, depth + 1);
    }
    return in_bytes;
  } else {
    type.unsupported("one of ByteLevel, Split, Digits, Sequence (nested at most 8 deep)");
  }
  return false;
}

void read_byte_level(const JsonField& top, TokenizerSpec& spec) {
  read_normalizer(top["normalizer"], spec);
  const JsonField pre_tokenizer = top["pre_tokenizer"];
  if (pre_tokenizer.is_null() || !read_pre_tokenizer(pre_tokenizer, spec)) {
    pre_tokenizer.unsupported("a ByteLevel pre-tokenizer at the end");
  }
}

/// Refuses anything but a component that replaces `what` by `by`.
void require_replace(const JsonField& component, std::string_view what, std::string_view by) {
  if (component["type"].text() != "Replace") {
    component["type"].unsupported("Replace");
  }
  if (const JsonField pattern = component["pattern"]["String"]; pattern.text() != what) {
    pattern.unsupported(fmt::format("'{}'", what));
  }
  if (const JsonField content = component["content"]; content.text() != by) {
    content.unsupported(fmt::format("'{}'", by));
  }
}

/// Prepend (or not), then Replace: what SentencePiece does to spaces.
void read_piece_normalizer(const JsonField& normalizer, TokenizerSpec& spec) {
  std::vector<JsonField> steps;
  if (normalizer["type"].text() == "Sequence") {
    steps = normalizer["normalizers"].elements();
  } else {
    steps.push_back(normalizer);
  }
  if (!steps.empty() && steps.front()["type"].text() == "Prepend") {
    if (const JsonField prepend = steps.front()["prepend"]; prepend.text() != kPieceSpace) {
      prepend.unsupported("U+2581");
    }
    spec.space_prefix = true;
    steps.erase(steps.begin());
  }
  if (steps.size() != 1) {
    normalizer.unsupported("Prepend and Replace, or Replace alone");
  }
  require_replace(steps.front(), " ", kPieceSpace);
}

/// Replace, ByteFallback, Fuse, and Strip where the normalizer prepends: the normalizer's way back.
void read_piece_decoder(const JsonField& decoder, const TokenizerSpec& spec) {
  const std::vector<JsonField> steps = decoder["decoders"].elements();
  std::vector<std::string_view> types = {"Replace", "Fuse"};
  if (spec.byte_fallback) {
    types.insert(types.begin() + 1, "ByteFallback");
  }
  if (spec.space_prefix) {
    types.emplace_back("Strip");
  }
  if (!std::ranges::equal(steps, types, [](const JsonField& step, std::string_view type) {
        return step["type"].text() == type;
      })) {
    decoder["decoders"].unsupported(
        fmt::format("{} as the normalizer and byte_fallback require", fmt::join(types, ", ")));
  }
  require_replace(steps.front(), kPieceSpace, " ");
  if (spec.space_prefix) {
    const JsonField& strip = steps.back();
    if (strip["content"].text() != " " || strip["start"].value() != 1 || strip["stop"].value() != 0) {
      strip.unsupported("one space stripped at the start");
    }
  }
}

void read_sentence_piece(const JsonField& top, TokenizerSpec& spec) {
  read_piece_normalizer(top["normalizer"], spec);
  if (const JsonField pre_tokenizer = top["pre_tokenizer"]; !pre_tokenizer.is_null()) {
    pre_tokenizer.unsupported("null beside a decoder of type Sequence");
  }
  read_piece_decoder(top["decoder"], spec);
  if (spec.ignore_merges) {
    top["model"]["ignore_merges"].unsupported("false");
  }
  scores_from_merges(spec);
}

}  // namespace

TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& name) {
  TokenizerSpec spec;
  spec.name = name;
  const json document = DocumentReader(name, spec).read(text);
  const JsonField top(document, name, "");
  const JsonField decoder = top["decoder"]["type"];
  if (decoder.text() != "ByteLevel" && decoder.text() != "Sequence") {
    decoder.unsupported("one of ByteLevel, Sequence");
  }
  if (decoder.text() == "Sequence") {
    spec.kind = TokenizerKind::sentence_piece;
  }
  read_model(top["model"], spec);
  read_added_tokens(top["added_tokens"], spec);
  if (spec.kind == TokenizerKind::sentence_piece) {
    read_sentence_piece(top, spec);
  } else {
    read_byte_level(top, spec);
  }
  return spec;
}

}  // namespace reprise::engine
