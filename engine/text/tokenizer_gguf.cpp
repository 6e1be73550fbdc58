#include "engine/text/tokenizer_gguf.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/named_splits.h"
#include "engine/text/piece_spelling.h"
#include "engine/text/tokenizer_gguf_keys.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

using namespace detail;

/// Tokens that end a turn, in the order of preference.
constexpr std::array<std::string_view, 6> kEndOfTurn = {"<|eot_id|>",    "<|im_end|>",    "<|end|>",
                                                        "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>"};

template <class... Args>
[[noreturn]] void refuse(const GgufFile& file, ErrorCode code, std::string_view key,
                         fmt::format_string<Args...> format, Args&&... args) {
  fail(code, "{}: key '{}': expected {}", file.path().string(), key,
       fmt::format(format, std::forward<Args>(args)...));
}

bool is_sentence_piece(const GgufFile& file) {
  const std::string_view model = file.text(kModelKey);
  if (model != kByteLevelModel && model != kSentencePieceModel) {
    refuse(file, ErrorCode::unsupported, kModelKey, "one of {}, {}, found '{}'", kByteLevelModel,
           kSentencePieceModel, printable(model));
  }
  return model == kSentencePieceModel;
}

const NamedSplits& splits_of(const GgufFile& file) {
  if (!file.has(kPreKey)) {
    refuse(file, ErrorCode::unsupported, kPreKey, "one of {}, found nothing", known_split_names());
  }
  const std::string_view name = file.text(kPreKey);
  const NamedSplits* known = find_named_splits(name);
  if (known == nullptr) {
    refuse(file, ErrorCode::unsupported, kPreKey, "one of {}, found '{}'", known_split_names(),
           printable(name));
  }
  return *known;
}

class Reader {
 public:
  explicit Reader(const GgufFile& file) : file_(file) {
    spec_.name = file.path().string();
    spec_.vocabulary_field = kTokensKey;
    spec_.added_tokens_field = kTokensKey;
    spec_.merges_field = kMergesKey;
  }

  TokenizerSpec read() {
    const bool sentence_piece = is_sentence_piece(file_);
    tokens_ = file_.texts(kTokensKey);
    if (tokens_.empty() || tokens_.size() > std::size_t{kMaxTokenId} + 1) {
      refuse(file_, ErrorCode::invalid_data, kTokensKey, "1 to {} tokens, found {}", kMaxTokenId + 1,
             tokens_.size());
    }
    if (sentence_piece) {
      read_sentence_piece();
    } else {
      read_byte_level();
    }
    return std::move(spec_);
  }

 private:
  void require_one_a_token(const char* key, std::size_t n) const {
    if (n != tokens_.size()) {
      refuse(file_, ErrorCode::invalid_data, key, "{} elements, one for each token, found {}", tokens_.size(),
             n);
    }
  }

  void read_sentence_piece() {
    spec_.kind = TokenizerKind::sentence_piece;
    spec_.fuse_unknown = true;  // as SentencePiece does
    spec_.space_prefix = file_.flag(kAddSpaceKey, true);
    types_ = file_.integers(kTypesKey);
    scores_ = file_.numbers(kScoresKey);
    require_one_a_token(kScoresKey, scores_.size());
    read_tokens();
    if (const auto unknown = file_.integer(kUnknownKey, -1); unknown != -1 && spec_.unknown_token.empty()) {
      spec_.unknown_token = tokens_[at(kUnknownKey, unknown)];
    }
  }

  void read_byte_level() {
    const NamedSplits& splits = splits_of(file_);
    spec_.ignore_merges = splits.ignore_merges;
    spec_.nfc = splits.nfc;
    for (const std::string_view pattern : splits.patterns) {
      spec_.word_splits.push_back({.field = kPreKey, .pattern = std::string(pattern)});
    }
    types_ = file_.has(kTypesKey) ? file_.integers(kTypesKey)
                                  : std::vector<std::int64_t>(tokens_.size(), kNormalToken);
    read_tokens();
    read_merges();
  }

  void read_tokens() {
    require_one_a_token(kTypesKey, types_.size());
    std::unordered_set<std::string_view> known;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const std::string_view text = tokens_[i];
      if (types_[i] == kUnusedToken || text.empty()) {
        continue;
      }
      if (!is_valid_utf8(text)) {
        refuse(file_, ErrorCode::invalid_data, kTokensKey, "UTF-8, found '{}' as element {}", printable(text),
               i);
      }
      if (!known.insert(text).second) {
        refuse(file_, ErrorCode::invalid_data, kTokensKey, "each token once, found '{}' again as element {}",
               printable(text), i);
      }
      read_token(std::string(text), i);
    }
  }

  void read_token(const std::string& text, std::size_t i) {
    const bool sentence_piece = spec_.kind == TokenizerKind::sentence_piece;
    const auto id = static_cast<TokenId>(i);
    const std::int64_t type = types_[i];
    if (type < kNormalToken || type > kByteToken || (type == kByteToken && !sentence_piece)) {
      refuse(file_, ErrorCode::invalid_data, kTypesKey, "types from 1 to {}, found {} as element {}",
             sentence_piece ? 6 : 5, type, i);
    }
    if (type == kByteToken && !spelled_byte_piece(text)) {
      refuse(file_, ErrorCode::invalid_data, kTokensKey, "a byte such as '<0x0A>', found '{}' as element {}",
             printable(text), i);
    }
    spec_.byte_fallback |= type == kByteToken;
    if (type == kUnknownToken) {
      if (!spec_.unknown_token.empty()) {
        refuse(file_, ErrorCode::invalid_data, kTypesKey, "one unknown token, found a second as element {}",
               i);
      }
      spec_.unknown_token = text;
    }
    if (type != kNormalToken && type != kByteToken) {
      spec_.added_tokens.push_back({.content = text, .id = id, .special = type != kUserDefinedToken});
    }
    // SentencePiece files have all tokens in the vocabulary; byte-level ones need the unknown token there.
    if (sentence_piece || type == kNormalToken || type == kUnknownToken) {
      spec_.vocabulary.push_back({text, id, sentence_piece ? score(i) : 0});
    }
  }

  [[nodiscard]] float score(std::size_t i) const {
    if (!std::isfinite(scores_[i])) {
      refuse(file_, ErrorCode::invalid_data, kScoresKey, "finite numbers, found {} as element {}", scores_[i],
             i);
    }
    return scores_[i];
  }

  void read_merges() {
    for (const std::string_view merge : file_.texts(kMergesKey)) {
      const std::size_t space = merge.find(' ');
      if (space == 0 || space == std::string_view::npos || space + 1 == merge.size() ||
          merge.find(' ', space + 1) != std::string_view::npos) {
        refuse(file_, ErrorCode::invalid_data, kMergesKey, "\"left right\", found '{}' as element {}",
               printable(merge), spec_.merges.size());
      }
      spec_.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
    }
  }

  [[nodiscard]] std::size_t at(const char* key, std::int64_t id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= tokens_.size()) {
      refuse(file_, ErrorCode::invalid_data, key, "an id below {}, found {}", tokens_.size(), id);
    }
    return static_cast<std::size_t>(id);
  }

  const GgufFile& file_;
  TokenizerSpec spec_;
  std::vector<std::string_view> tokens_;
  std::vector<std::int64_t> types_;
  std::vector<float> scores_;
};

std::optional<TokenId> id_at(const GgufFile& file, const char* key, std::size_t n_tokens) {
  if (!file.has(key)) {
    return std::nullopt;
  }
  const std::int64_t id = file.integer(key);
  if (id < 0 || static_cast<std::size_t>(id) >= n_tokens || id > kMaxTokenId) {
    refuse(file, ErrorCode::invalid_data, key, "an id below {}, found {}", n_tokens, id);
  }
  return static_cast<TokenId>(id);
}

std::optional<TokenId> end_of_turn(const std::vector<std::string_view>& tokens) {
  for (const std::string_view text : kEndOfTurn) {
    if (const auto found = std::ranges::find(tokens, text); found != tokens.end()) {
      return static_cast<TokenId>(found - tokens.begin());
    }
  }
  return std::nullopt;
}

}  // namespace

TokenizerSpec read_tokenizer_gguf(const GgufFile& file) {
  return Reader(file).read();
}

TokenizerFacts read_tokenizer_facts(const GgufFile& file) {
  const std::vector<std::string_view> tokens = file.texts(kTokensKey);
  TokenizerFacts facts;
  facts.bos = id_at(file, kBosKey, tokens.size());
  facts.eos = id_at(file, kEosKey, tokens.size());
  facts.eot = id_at(file, kEotKey, tokens.size());
  if (!facts.eot) {
    facts.eot = end_of_turn(tokens);
  }
  const bool by_default = is_sentence_piece(file) || splits_of(file).begins_text;
  facts.add_bos = file.flag(kAddBosKey, by_default && facts.bos);
  if (facts.add_bos && !facts.bos) {
    refuse(file, ErrorCode::invalid_data, kAddBosKey, "false without '{}', found true", kBosKey);
  }
  facts.chat_template = file.text(kChatTemplateKey, "");
  return facts;
}

}  // namespace reprise::engine
