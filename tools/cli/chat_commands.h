/// One user's chat: lines become messages or commands (/clear, /save FILE, ...). Used by chat.cpp, which owns
/// the terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/capture/recorder.h"
#include "engine/serve/conversation.h"
#include "tools/cli/chat_output.h"

namespace reprise::cli {

/// What --help and /help say.
extern const char* const kChatCommands;

class Chat {
 public:
  /// `options` are those of the conversation.
  Chat(engine::Conversation& conversation, const engine::ConversationOptions& options, ReplyStyle style,
       std::string tokenizer_sha256)
      : conversation_(conversation),
        options_(options),
        style_(style),
        tokenizer_sha256_(std::move(tokenizer_sha256)) {}

  /// Does what the line says; whether the chat goes on. Errors: those of the command or the turn, after which
  /// the chat is as it was before.
  bool handle(const std::string& line);

 private:
  void say_to_model(const std::string& text);
  bool run_command(const std::string& name, const std::string& argument);
  void set_thinking(bool thinking);
  void save(const std::string& path) const;

  engine::Conversation& conversation_;
  engine::ConversationOptions options_;
  ReplyStyle style_;
  std::string tokenizer_sha256_;
  std::string capture_path_;  // of the next reply; empty: none
  std::vector<engine::ChatTurn> turns_;
};

}  // namespace reprise::cli
