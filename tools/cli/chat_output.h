/// What `reprise chat` shows: replies as they come, and what they cost.
#pragma once

#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/serve/conversation.h"

namespace reprise::cli {

/// How replies are shown.
struct ReplyStyle {
  bool hide_thinking = false;
  bool dims_thinking = false;  ///< by escape sequences; else thinking stands between <think> and </think>
  bool is_terminal = false;    ///< control characters of a reply are not passed on
};

/// Writes one turn's text to `file`, which is standard output or, for tests, another one.
class ReplyPrinter {
 public:
  ReplyPrinter(ReplyStyle style, std::FILE* file) : style_(style), file_(file) {}
  ~ReplyPrinter() { finish(); }
  ReplyPrinter(const ReplyPrinter&) = delete;
  ReplyPrinter& operator=(const ReplyPrinter&) = delete;

  void on_text(engine::ChatReplyParser::Part part, std::string_view text);
  /// Ends the line and what was begun; another reply may follow.
  void finish();

 private:
  void write(std::string_view text);
  void end_thinking();

  ReplyStyle style_;
  std::FILE* file_;
  bool thinking_ = false;
  bool at_line_start_ = true;
};

/// `text` with each control character but line ends and tabs as U+FFFD.
std::string without_controls(std::string_view text);

/// "23 prompt tokens reused, 31 processed (140.1 tokens/s), ..."
std::string cost_line(const engine::ChatTurn& turn);

/// What a user wants to know about how a turn ended, a line each; often nothing.
std::string ending_notes(const engine::ChatTurn& turn, const engine::Conversation& conversation,
                         const engine::ConversationOptions& options);

/// A row for each turn, and their sum.
std::string cost_table(std::span<const engine::ChatTurn> turns);

}  // namespace reprise::cli
