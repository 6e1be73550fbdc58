#include "tools/cli/chat_commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/io/atomic_write.h"
#include "engine/io/printable.h"
#include "tools/cli/capture_call.h"
#include "tools/cli/chat_input.h"
#include "tools/cli/flags.h"

namespace reprise::cli {

const char* const kChatCommands =
    "  /clear          forget the conversation, but for the system prompt\n"
    "  /think          let the model think before it answers; /nothink: not\n"
    "  /show           the conversation as the model sees it\n"
    "  /save FILE      the conversation as JSON, for `reprise tokenize --chat`\n"
    "  /report         what each turn cost\n"
    "  /capture FILE   record the next call into this file, for `reprise replay`\n"
    "  /quit           leave; so does the end of input, or Ctrl-C twice\n"
    "A line that ends in \\ goes on in the next one. Ctrl-C stops a reply. A space before / makes it a "
    "message.\n";

namespace {

/// Records the call that comes next, if a file is named, and forgets the file's name.
class CaptureOnce final : public engine::CallWatcher {
 public:
  CaptureOnce(std::string& path, const std::string& tokenizer_sha256)
      : path_(path), tokenizer_sha256_(tokenizer_sha256) {}

  engine::GenerateObserver* begin(const engine::Session& session,
                                  const engine::GenerateRequest& request) override {
    return path_.empty() ? nullptr : &recorder_.emplace(session, request);
  }
  void end(const engine::Session& session, const engine::GenerateResult& result) override {
    if (recorder_ && !result.generated_ids.empty()) {
      save_capture(*recorder_, session, result, tokenizer_sha256_, path_);
      path_.clear();
    }
    recorder_.reset();
  }

 private:
  std::string& path_;
  const std::string& tokenizer_sha256_;
  std::optional<engine::Recorder> recorder_;
};

void expect_argument(const std::string& command, const std::string& argument) {
  if (argument.empty()) {
    fail(ErrorCode::invalid_argument, "{}: expected a file, found nothing", command);
  }
}

void expect_no_argument(const std::string& command, const std::string& argument) {
  if (!argument.empty()) {
    fail(ErrorCode::invalid_argument, "{}: expected nothing after it, found '{}'", command,
         engine::printable(argument));
  }
}

}  // namespace

bool Chat::handle(const std::string& line) {
  if (line.find_first_not_of(" \t\n") == std::string::npos) {
    return true;
  }
  if (!line.starts_with('/')) {
    say_to_model(line);
    return true;
  }
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::size_t begin = std::min(line.find_first_not_of(' ', end), line.size());
  const std::string argument = line.substr(begin, line.find_last_not_of(' ') + 1 - begin);
  return run_command(line.substr(0, end), argument);
}

bool Chat::run_command(const std::string& name, const std::string& argument) {
  if (name == "/save") {
    expect_argument(name, argument);
    save(argument);
    return true;
  }
  if (name == "/capture") {
    expect_argument(name, argument);
    engine::AtomicFile unused(argument);  // while there is time to choose another
    capture_path_ = argument;
    say("the next reply is captured to {}\n", argument);
    return true;
  }
  expect_no_argument(name, argument);
  if (name == "/quit") {
    return false;
  }
  if (name == "/clear") {
    conversation_.clear();
    say("cleared\n");
  } else if (name == "/think" || name == "/nothink") {
    set_thinking(name == "/think");
  } else if (name == "/show") {
    const std::string text = conversation_.rendered();
    write_output("-", style_.is_terminal ? without_controls(text) : text);
  } else if (name == "/report") {
    write_output("-", cost_table(turns_));
  } else if (name == "/help") {
    write_output("-", kChatCommands);
  } else {
    fail(ErrorCode::invalid_argument, "command: expected one that /help lists, found '{}'",
         engine::printable(name));
  }
  return true;
}

void Chat::set_thinking(bool thinking) {
  if (!conversation_.chat_template().knows_thinking()) {
    fail(ErrorCode::invalid_argument, "thinking: expected a chat template that knows it, found {}",
         conversation_.chat_template().name());
  }
  conversation_.set_thinking(thinking);
  say("thinking {}\n", thinking ? "on" : "off");
}

void Chat::save(const std::string& path) const {
  engine::ChatOptions options = conversation_.chat_options();
  options.add_generation_prompt = false;
  nlohmann::ordered_json json;
  json["messages"] = engine::to_json(conversation_.messages());
  json["options"] = engine::to_json(options);
  engine::write_file_atomically(path, json.dump() + "\n");
  say("saved {} messages to {}\n", conversation_.messages().size(), path);
}

void Chat::say_to_model(const std::string& text) {
  ReplyPrinter printer(style_, stdout);
  CaptureOnce capture(capture_path_, tokenizer_sha256_);
  engine::TurnEvents events;
  events.on_text = [&](engine::ChatReplyParser::Part part, std::string_view piece) {
    printer.on_text(part, piece);
  };
  events.on_tool_result = [&](const engine::ToolCall& call, std::string_view result) {
    printer.finish();
    say("tool {} {}: {}\n", without_controls(call.name), without_controls(call.arguments),
        without_controls(result));
  };
  events.is_cancelled = Interrupts::is_raised;
  events.watcher = &capture;
  Interrupts::take();
  engine::ChatTurn turn;
  try {
    turn = conversation_.say(text, events);
  } catch (const Error& error) {
    const bool too_long = std::string_view(error.what()).starts_with("conversation: ");
    fail(error.code(), "{}{}", error.what(), too_long ? "; /clear empties it" : "");
  }
  Interrupts::take();
  printer.finish();
  turns_.push_back(turn);
  say("turn {}: {}; context {}/{}\n{}", turns_.size(), cost_line(turn), conversation_.n_tokens(),
      conversation_.n_positions(), ending_notes(turn, conversation_, options_));
}

}  // namespace reprise::cli
