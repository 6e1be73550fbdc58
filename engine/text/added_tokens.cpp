#include "engine/text/added_tokens.h"

#include <algorithm>
#include <cstdint>

#include "engine/core/check.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

std::size_t white_space_at_start(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size()) {
    const Utf8Step step = first_utf8_step(text.substr(n));
    if (!is_white_space(step.code_point)) {
      break;
    }
    n += step.size;
  }
  return n;
}

std::size_t white_space_at_end(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    const std::size_t last = last_utf8_begin(text.substr(0, end));
    if (!is_white_space(first_utf8_step(text.substr(last)).code_point)) {
      break;
    }
    end = last;
  }
  return text.size() - end;
}

bool touches_word(std::string_view before, std::string_view after) {
  return (!before.empty() &&
          is_word_character(first_utf8_step(before.substr(last_utf8_begin(before))).code_point)) ||
         (!after.empty() && is_word_character(first_utf8_step(after).code_point));
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) {
  std::stable_sort(tokens.begin(), tokens.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() > b.content.size();
  });
  for (AddedToken& token : tokens) {
    REPRISE_CHECK(!token.content.empty());
    by_first_byte_[static_cast<std::uint8_t>(token.content.front())].push_back(std::move(token));
  }
}

const AddedToken* AddedTokenFinder::longest_at_start(std::string_view text) const {
  for (const AddedToken& token : by_first_byte_[static_cast<std::uint8_t>(text.front())]) {
    if (text.starts_with(token.content)) {
      return &token;
    }
  }
  return nullptr;
}

std::vector<TextPiece> AddedTokenFinder::split(std::string_view text) const {
  std::vector<TextPiece> pieces;
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size();) {
    const AddedToken* token = longest_at_start(text.substr(i));
    if (token == nullptr) {
      ++i;
      continue;
    }
    std::size_t begin = i;
    std::size_t end = i + token->content.size();
    i = end;
    if (token->single_word && touches_word(text.substr(0, begin), text.substr(end))) {
      continue;
    }
    if (token->lstrip) {
      begin -= white_space_at_end(text.substr(done, begin - done));
    }
    if (token->rstrip) {
      end += white_space_at_start(text.substr(end));
    }
    if (done < begin) {
      pieces.push_back({text.substr(done, begin - done), std::nullopt});
    }
    pieces.push_back({text.substr(begin, end - begin), token->id});
    done = end;
    i = end;
  }
  if (done < text.size()) {
    pieces.push_back({text.substr(done), std::nullopt});
  }
  return pieces;
}

}  // namespace reprise::engine
