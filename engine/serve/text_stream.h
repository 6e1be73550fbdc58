/// The text of a generate call while it is drawn: whole characters, stop strings, and an end from outside.
/// Used by the chat and the HTTP server; a GenerateObserver, so it sees every token once.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/generate/request.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {

struct TextStreamOptions {
  std::vector<std::string>
      stop_strings;              ///< not empty strings; the first to appear ends the call and is cut off
  std::vector<TokenId> eos_ids;  ///< their text is left out
  bool skip_special = false;     ///< the text of special tokens is left out
  std::function<void(std::string_view)> on_text;  ///< gets whole characters; may be empty
  std::function<bool()> is_cancelled;             ///< asked before each forward pass; may be empty
  GenerateObserver* next = nullptr;               ///< sees every token first, such as a recorder
};

class TextStream final : public GenerateObserver {
 public:
  TextStream(Tokenizer tokenizer, TextStreamOptions options);

  void on_token(const TokenEvent& event) override;
  [[nodiscard]] bool wants_more() override;
  /// After the call: passes on what was held back, because it could have become a stop string or a character.
  void finish();

  /// Without the stop string that ended it, and without what stood after it.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool found_stop_string() const { return stopped_; }
  [[nodiscard]] bool was_cancelled() const { return cancelled_; }

 private:
  void take(std::string piece);
  void pass_on(std::size_t n_bytes);

  Tokenizer tokenizer_;
  TextStreamOptions options_;
  StreamingDecoder decoder_;
  std::string held_;  // not passed on yet: the beginning of a stop string, perhaps
  std::string text_;
  bool stopped_ = false;
  bool cancelled_ = false;
};

}  // namespace reprise::engine
