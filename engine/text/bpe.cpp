#include "engine/text/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"

namespace reprise::engine {
namespace {

constexpr std::uint64_t kEmpty = ~std::uint64_t{0};  // no pair: ids are not negative

std::uint64_t pair_of(TokenId left, TokenId right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

TokenId token_of(const TokenizerSpec& spec, const SpellingIndex& spellings, std::size_t rank,
                 const std::string& spelling) {
  const auto entry = spellings.find(spelling);
  if (entry == spellings.end()) {
    fail(ErrorCode::invalid_data,
         "{}: {}[{}]: expected a merge of tokens into a token of {}, found no token '{}'", spec.name,
         spec.merges_field, rank, spec.vocabulary_field, printable(spelling));
  }
  return entry->second;
}

}  // namespace

MergeRanks::MergeRanks(std::size_t n_merges)
    : slots_(std::bit_ceil(2 * n_merges + 2), Slot{kEmpty, 0}),
      shift_(64 - std::countr_zero(slots_.size())) {}

std::size_t MergeRanks::slot_of(std::uint64_t pair) const {
  std::size_t i = (pair * 0x9E3779B97F4A7C15) >> shift_;  // Fibonacci hashing
  while (slots_[i].pair != pair && slots_[i].pair != kEmpty) {
    i = (i + 1) & (slots_.size() - 1);
  }
  return i;
}

bool MergeRanks::insert(TokenId left, TokenId right, std::uint32_t rank) {
  Slot& slot = slots_[slot_of(pair_of(left, right))];
  const bool is_new = slot.pair == kEmpty;
  if (is_new) {
    slot = {pair_of(left, right), rank};
  }
  return is_new;
}

std::optional<std::uint32_t> MergeRanks::find(TokenId left, TokenId right) const {
  const Slot& slot = slots_[slot_of(pair_of(left, right))];
  return slot.pair == kEmpty ? std::nullopt : std::optional(slot.rank);
}

Bpe::Bpe(const TokenizerSpec& spec, const SpellingIndex& spellings, const Vocabulary& vocabulary)
    : vocabulary_(vocabulary),
      name_(fmt::format("{}: {}", spec.name, spec.vocabulary_field)),
      ranks_(spec.merges.size()),
      fuse_unknown_(spec.fuse_unknown),
      ignore_merges_(spec.ignore_merges) {
  for (std::size_t byte = 0; byte < byte_tokens_.size(); ++byte) {
    const char c = static_cast<char>(byte);
    byte_tokens_[byte] = vocabulary.find_word({&c, 1});
  }
  if (const auto entry = spellings.find(spec.unknown_token);
      entry != spellings.end() && !entry->first.empty()) {
    unknown_ = entry->second;
  }
  merges_.reserve(spec.merges.size());
  for (const auto& [left, right] : spec.merges) {
    const std::size_t rank = merges_.size();
    const Merge merge = {token_of(spec, spellings, rank, left), token_of(spec, spellings, rank, right),
                         token_of(spec, spellings, rank, left + right)};
    if (!ranks_.insert(merge.left, merge.right, static_cast<std::uint32_t>(rank))) {
      fail(ErrorCode::invalid_data, "{}: {}[{}]: expected each merge once, found '{} {}' again", spec.name,
           spec.merges_field, rank, printable(left), printable(right));
    }
    merges_.push_back(merge);
  }
}

void Bpe::encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& ids) const {
  REPRISE_CHECK(word.size() <= INT32_MAX);
  if (ignore_merges_) {
    if (const std::optional<TokenId> whole = vocabulary_.find_word(word)) {
      ids.push_back(*whole);
      return;
    }
  }
  start(word, scratch);
  merge_all(scratch);
  for (const auto& symbol : scratch.symbols_) {
    if (symbol.id != Scratch::kNone) {
      ids.push_back(symbol.id);
    }
  }
}

void Bpe::start(std::string_view word, Scratch& scratch) const {
  auto& symbols = scratch.symbols_;
  symbols.clear();
  bool after_unknown = false;
  for (const char c : word) {
    const auto byte = static_cast<std::uint8_t>(c);
    const std::optional<TokenId> known = byte_tokens_[byte];
    if (!known && !unknown_) {
      fail(ErrorCode::invalid_argument, "{}: expected a token for byte 0x{:02x} of the text, found none",
           name_, byte);
    }
    if (known || !after_unknown || !fuse_unknown_) {
      const auto index = static_cast<std::int32_t>(symbols.size());
      symbols.push_back({known ? *known : *unknown_, index - 1, index + 1});
    }
    after_unknown = !known;
  }
  if (!symbols.empty()) {
    symbols.back().right = Scratch::kNone;
  }
}

/// Makes the pair that begins at symbol `left` a candidate, if it can be merged.
void Bpe::offer(Scratch& scratch, std::int32_t left) const {
  const auto& symbols = scratch.symbols_;
  const std::int32_t right = left == Scratch::kNone ? Scratch::kNone : symbols[left].right;
  if (right == Scratch::kNone) {
    return;
  }
  if (const auto rank = ranks_.find(symbols[left].id, symbols[right].id)) {
    scratch.candidates_.push_back(std::uint64_t{*rank} << 32 | static_cast<std::uint32_t>(left));
  }
}

void Bpe::merge_all(Scratch& scratch) const {
  auto& symbols = scratch.symbols_;
  auto& heap = scratch.candidates_;
  heap.clear();
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(symbols.size()); ++i) {
    offer(scratch, i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto push_offer = [&](std::int32_t left) {
    const std::size_t before = heap.size();
    offer(scratch, left);
    if (heap.size() > before) {
      std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const Merge& merge = merges_[heap.back() >> 32];
    const auto index = static_cast<std::int32_t>(heap.back() & 0xFFFFFFFF);
    heap.pop_back();
    auto& left = symbols[index];
    if (left.id != merge.left || left.right == Scratch::kNone || symbols[left.right].id != merge.right) {
      continue;  // one of the two has been merged otherwise since
    }
    auto& right = symbols[left.right];
    left.id = merge.merged;
    left.right = right.right;
    right.id = Scratch::kNone;
    if (left.right != Scratch::kNone) {
      symbols[left.right].left = index;
    }
    push_offer(left.left);
    push_offer(index);
  }
}

}  // namespace reprise::engine
