#include "engine/text/piece_merges.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/piece_spelling.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

using Merges = std::vector<std::pair<std::string, std::string>>;

/// The tokens that merging is about, by spelling: not those of bytes, and not added ones, which are found in
/// the text before.
class Pieces {
 public:
  explicit Pieces(const TokenizerSpec& spec) {
    std::unordered_set<std::string_view> added;
    for (const AddedToken& token : spec.added_tokens) {
      added.insert(token.content);
    }
    for (const auto& entry : spec.vocabulary) {
      ids_.emplace(entry.spelling, entry.id);
      const bool is_byte = spec.byte_fallback && spelled_byte_piece(entry.spelling);
      if (!entry.spelling.empty() && !is_byte && !added.contains(entry.spelling)) {
        merging_.insert(entry.spelling);
        lengths_.insert(entry.spelling.size());
      }
    }
  }

  [[nodiscard]] bool exists(const std::string& spelling) const { return ids_.contains(spelling); }
  [[nodiscard]] bool merges(std::string_view spelling) const { return merging_.contains(spelling); }

  /// The ways to put `spelling` together from two tokens: the left one's bytes, by rising ids of the two.
  [[nodiscard]] std::vector<std::size_t> cuts(std::string_view spelling) const {
    std::vector<std::size_t> cuts;
    for (std::size_t at = spelling.size(); at > 0; at = last_utf8_begin(spelling.substr(0, at))) {
      const std::string_view left = spelling.substr(0, at);
      const std::string_view right = spelling.substr(at);
      // Lengths first: looking up every part of a very long token would take the square of its length.
      const bool can_be = lengths_.contains(left.size()) && lengths_.contains(right.size());
      if (can_be && merges(left) && merges(right)) {
        cuts.push_back(at);
      }
    }
    std::ranges::sort(cuts, {}, [&](std::size_t at) {
      return std::pair(ids_.at(spelling.substr(0, at)), ids_.at(spelling.substr(at)));
    });
    return cuts;
  }

  /// Whether the characters at both ends of `spelling` are tokens.
  [[nodiscard]] bool ends_merge(std::string_view spelling) const {
    return merges(spelling.substr(0, first_utf8_step(spelling).size)) &&
           merges(spelling.substr(last_utf8_begin(spelling)));
  }

 private:
  std::unordered_map<std::string_view, TokenId> ids_;  // the keys point into the specification
  std::unordered_set<std::string_view> merging_;
  std::unordered_set<std::size_t> lengths_;  // of those
};

/// Where the merges of one token stand in the list.
struct Run {
  std::size_t begin;
  std::set<std::size_t> cuts;
};

/// The runs by what they make, and that in the order of the list.
struct Runs {
  std::unordered_map<std::string, Run> by_token;
  std::vector<std::string> order;
};

Runs runs_of(const TokenizerSpec& spec, const Pieces& pieces) {
  Runs runs;
  for (std::size_t i = 0; i < spec.merges.size(); ++i) {
    const auto& [left, right] = spec.merges[i];
    for (const std::string& spelling : {left, right, left + right}) {
      if (!pieces.exists(spelling)) {
        fail(ErrorCode::invalid_data,
             "{}: {}[{}]: expected a merge of tokens into a token of {}, found no token '{}'", spec.name,
             spec.merges_field, i, spec.vocabulary_field, printable(spelling));
      }
    }
    if (!pieces.merges(left) || !pieces.merges(right) || !pieces.merges(left + right)) {
      continue;  // text cannot come to it: the added token is found first, and bytes are no characters
    }
    const auto [run, is_new] = runs.by_token.try_emplace(left + right, Run{i, {}});
    if (is_new) {
      runs.order.push_back(left + right);
    } else if (runs.order.back() != left + right) {
      fail(ErrorCode::unsupported, "{}: {}[{}]: expected the merges into '{}' in a row, found some at {}",
           spec.name, spec.merges_field, i, printable(left + right), run->second.begin);
    }
    if (!run->second.cuts.insert(left.size()).second) {
      fail(ErrorCode::invalid_data, "{}: {}[{}]: expected each merge once, found '{} {}' again", spec.name,
           spec.merges_field, i, printable(left), printable(right));
    }
  }
  return runs;
}

void check_characters(const TokenizerSpec& spec, const Pieces& pieces) {
  for (const auto& entry : spec.vocabulary) {
    if (pieces.merges(entry.spelling) && !pieces.ends_merge(entry.spelling)) {
      fail(ErrorCode::unsupported,
           "{}: {}: expected tokens for the first and last characters of '{}', found none", spec.name,
           spec.vocabulary_field, printable(entry.spelling));
    }
  }
}

}  // namespace

Merges merges_of_scores(const TokenizerSpec& spec) {
  const Pieces pieces(spec);
  check_characters(spec, pieces);
  std::vector<std::pair<const TokenizerSpec::Entry*, std::vector<std::size_t>>> merged;
  for (const auto& entry : spec.vocabulary) {
    if (!pieces.merges(entry.spelling)) {
      continue;
    }
    if (std::vector<std::size_t> cuts = pieces.cuts(entry.spelling); !cuts.empty()) {
      merged.emplace_back(&entry, std::move(cuts));
    }
  }
  std::ranges::stable_sort(merged,
                           [](const auto& a, const auto& b) { return a.first->score > b.first->score; });
  Merges merges;
  const TokenizerSpec::Entry* before = nullptr;
  for (const auto& [entry, cuts] : merged) {
    if (before != nullptr && before->score == entry->score) {
      fail(ErrorCode::unsupported,
           "{}: {}: expected different scores, to write them as a list of merges, found {} for '{}' and '{}'",
           spec.name, spec.vocabulary_field, entry->score, printable(before->spelling),
           printable(entry->spelling));
    }
    before = entry;
    for (const std::size_t cut : cuts) {
      merges.emplace_back(entry->spelling.substr(0, cut), entry->spelling.substr(cut));
    }
  }
  return merges;
}

void scores_from_merges(TokenizerSpec& spec) {
  const Pieces pieces(spec);
  check_characters(spec, pieces);
  const Runs runs = runs_of(spec, pieces);
  for (const std::string& token : runs.order) {
    const Run& run = runs.by_token.at(token);
    if (const std::size_t n = pieces.cuts(token).size(); n != run.cuts.size()) {
      fail(ErrorCode::unsupported,
           "{}: {}[{}]: expected all {} merges of tokens into '{}', as SentencePiece would do them, found {}",
           spec.name, spec.merges_field, run.begin, n, printable(token), run.cuts.size());
    }
  }
  for (const auto& entry : spec.vocabulary) {
    if (pieces.merges(entry.spelling) && !runs.by_token.contains(entry.spelling) &&
        !pieces.cuts(entry.spelling).empty()) {
      fail(ErrorCode::unsupported,
           "{}: {}: expected merges into '{}', as SentencePiece would do them, found none", spec.name,
           spec.merges_field, printable(entry.spelling));
    }
  }
  std::unordered_map<std::string_view, float> scores;
  for (const std::string& token : runs.order) {
    scores.emplace(token, -static_cast<float>(scores.size()));
  }
  const float last = -static_cast<float>(scores.size());
  for (auto& entry : spec.vocabulary) {
    const auto score = scores.find(entry.spelling);
    entry.score = score == scores.end() ? last : score->second;
  }
  spec.merges.clear();
}

}  // namespace reprise::engine
