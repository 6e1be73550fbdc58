#include "engine/text/pre_tokenizer.h"

#include <utility>

namespace reprise::engine {

PreTokenizer::PreTokenizer(const TokenizerSpec& spec) {
  for (const WordSplit& split : spec.word_splits) {
    Step& step = steps_.emplace_back(Step{std::nullopt, split.keep_other, split.keep_match, split.add_space});
    if (!split.pattern.empty()) {
      step.pattern.emplace(split.pattern, spec.name + ": " + split.field);
    }
  }
}

PreTokenizer::Words PreTokenizer::split(std::string_view text) const {
  Words words;
  words.views.push_back(text);
  for (const Step& step : steps_) {
    const std::vector<std::string_view> pieces = std::exchange(words.views, {});
    for (const std::string_view piece : pieces) {
      apply(step, piece, words);
    }
  }
  return words;
}

void PreTokenizer::apply(const Step& step, std::string_view piece, Words& words) {
  if (step.add_space && !piece.starts_with(' ')) {
    piece = words.owned.emplace_back(1, ' ').append(piece);
  }
  if (!step.pattern) {
    words.views.push_back(piece);
    return;
  }
  const auto keep = [&](bool wanted, std::size_t begin, std::size_t end) {
    if (wanted && begin < end) {
      words.views.push_back(piece.substr(begin, end - begin));
    }
  };
  std::size_t done = 0;
  for (const auto [begin, end] : step.pattern->find_all(piece)) {
    keep(step.keep_other, done, begin);
    keep(step.keep_match, begin, end);
    done = end;
  }
  keep(step.keep_other, done, piece.size());
}

}  // namespace reprise::engine
