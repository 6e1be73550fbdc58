#include "engine/text/named_splits.h"

#include <algorithm>
#include <array>

namespace reprise::engine {
namespace {

constexpr std::string_view kDigitPattern = R"(\p{N})";

/// Qwen 2 and Llama 3 differ in how many digits make a word.
constexpr std::string_view kQwen2Pattern = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
                                           R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

const std::array<NamedSplits, 6>& all() {
  static const std::array<NamedSplits, 6> kAll = {{
      {.names = {"gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "gigachat", "exaone4", "mellum",
                 "a.x-4.0", "granite-docling"},
       .patterns = {kGpt2Pattern}},
      {.names = {"qwen2"}, .patterns = {kQwen2Pattern}, .nfc = true},
      {.names = {"deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open",
                 "grok-2"},
       .patterns = {kQwen2Pattern}},
      {.names = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"},
       .patterns = {kLlama3Pattern},
       .ignore_merges = true,
       .begins_text = true},
      {.names = {"smaug-bpe", "dbrx", "chatglm-bpe", "glm4"}, .patterns = {kLlama3Pattern}},
      {.names = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b",
                 "mellum2"},
       .patterns = {kDigitPattern, kGpt2Pattern}},
  }};
  return kAll;
}

bool cuts_nothing(const WordSplit& split) {
  return split.pattern.empty() && !split.add_space;
}

/// All patterns but that of single digits match any text from end to end, so that what is between their
/// matches is empty, kept or not.
bool is_split_by(const WordSplit& split, std::string_view pattern) {
  return split.pattern == pattern && split.keep_match && (split.keep_other || pattern != kDigitPattern) &&
         !split.add_space;
}

}  // namespace

const NamedSplits* find_named_splits(std::string_view name) {
  for (const NamedSplits& known : all()) {
    if (std::ranges::find(known.names, name) != known.names.end()) {
      return &known;
    }
  }
  return nullptr;
}

const NamedSplits* recognise_splits(const TokenizerSpec& spec) {
  std::vector<WordSplit> splits = spec.word_splits;
  std::erase_if(splits, cuts_nothing);
  for (const NamedSplits& known : all()) {
    if (known.nfc == spec.nfc && known.ignore_merges == spec.ignore_merges &&
        std::ranges::equal(splits, known.patterns, is_split_by)) {
      return &known;
    }
  }
  return nullptr;
}

std::string known_split_names() {
  std::string names;
  for (const NamedSplits& known : all()) {
    for (const std::string_view name : known.names) {
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
  }
  return names;
}

}  // namespace reprise::engine
