#include "engine/serve/text_stream.h"

#include <algorithm>

#include "engine/core/check.h"

namespace reprise::engine {
namespace {

/// Where the first of `stops` begins in `text`, or npos.
std::size_t find_first_of(std::string_view text, std::span<const std::string> stops) {
  std::size_t first = std::string_view::npos;
  for (const std::string& stop : stops) {
    first = std::min(first, text.find(stop));
  }
  return first;
}

/// Bytes at the end of `text` with which one of `stops` could begin.
std::size_t possible_beginning(std::string_view text, std::span<const std::string> stops) {
  std::size_t longest = 0;
  for (const std::string& stop : stops) {
    for (std::size_t n = std::min(text.size(), stop.size() - 1); n > longest; --n) {
      if (text.ends_with(std::string_view(stop).substr(0, n))) {
        longest = n;
      }
    }
  }
  return longest;
}

}  // namespace

TextStream::TextStream(Tokenizer tokenizer, TextStreamOptions options)
    : tokenizer_(tokenizer),
      options_(std::move(options)),
      decoder_(std::move(tokenizer), options_.skip_special) {
  for (const std::string& stop : options_.stop_strings) {
    REPRISE_CHECK(!stop.empty());
  }
}

void TextStream::on_token(const TokenEvent& event) {
  if (options_.next != nullptr) {
    options_.next->on_token(event);
  }
  // Models have more logits than there are tokens: such an id has no text.
  const bool is_eos =
      std::find(options_.eos_ids.begin(), options_.eos_ids.end(), event.id) != options_.eos_ids.end();
  if (!stopped_ && !is_eos && tokenizer_.contains(event.id)) {
    take(decoder_.push(event.id));
  }
}

bool TextStream::wants_more() {
  cancelled_ = cancelled_ || (options_.is_cancelled && options_.is_cancelled());
  return !stopped_ && !cancelled_ && (options_.next == nullptr || options_.next->wants_more());
}

void TextStream::finish() {
  if (!stopped_) {
    take(decoder_.finish());
    if (!stopped_) {
      pass_on(held_.size());
    }
  }
}

void TextStream::take(std::string piece) {
  held_ += piece;
  const std::size_t stop = find_first_of(held_, options_.stop_strings);
  if (stop != std::string_view::npos) {
    stopped_ = true;
    pass_on(stop);
    held_.clear();
    return;
  }
  pass_on(held_.size() - possible_beginning(held_, options_.stop_strings));
}

void TextStream::pass_on(std::size_t n_bytes) {
  if (n_bytes == 0) {
    return;
  }
  text_.append(held_, 0, n_bytes);
  if (options_.on_text) {
    options_.on_text(std::string_view(held_).substr(0, n_bytes));
  }
  held_.erase(0, n_bytes);
}

}  // namespace reprise::engine
