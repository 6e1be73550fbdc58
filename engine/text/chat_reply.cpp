#include "engine/text/chat_reply.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/text/python_json.h"

namespace reprise::engine {
namespace {

constexpr std::string_view kThinkBegin = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kCallBegin = "<tool_call>";
constexpr std::string_view kCallEnd = "</tool_call>";
constexpr std::string_view kSpace = " \t\r\n";

std::string_view without_space_before(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text;
}

std::string_view without_space_after(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

/// Bytes at the end of `text` with which `mark` could begin.
std::size_t possible_beginning(std::string_view text, std::string_view mark) {
  std::size_t n = std::min(text.size(), mark.size() - 1);
  while (!text.ends_with(mark.substr(0, n))) {
    --n;
  }
  return n;
}

/// {"name": ..., "arguments": {...}}; a call without arguments has none.
std::optional<ToolCall> parse_call(std::string_view json) {
  try {
    const auto call = parse_ordered_json(json, "tool call");
    if (!call.is_object() || !call.contains("name") || !call["name"].is_string()) {
      return std::nullopt;
    }
    const auto arguments = call.value("arguments", nlohmann::ordered_json::object());
    if (!arguments.is_object()) {
      return std::nullopt;
    }
    return ToolCall{"", call["name"].get<std::string>(), to_python_json(arguments)};
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

ChatReplyParser::ChatReplyParser(OnText on_text, ChatMarkup markup)
    : on_text_(std::move(on_text)), markup_(markup) {}

void ChatReplyParser::push(std::string_view text) {
  held_ += text;
  while (step()) {
  }
}

ChatReply ChatReplyParser::finish() {
  if (state_ == State::reasoning) {
    emit(Part::reasoning, without_space_after(held_));
  } else if (state_ == State::tool_call) {
    emit(Part::content, space_ + std::string(kCallBegin) + held_);
  } else if (!after_call_ || !without_space_before(held_).empty()) {
    emit(Part::content, held_);
  }
  state_ = State::start;
  held_.clear();
  after_call_ = false;
  return std::exchange(reply_, {});
}

bool ChatReplyParser::step() {
  switch (state_) {
    case State::start:
      return step_start();
    case State::reasoning:
      if (step_part(Part::reasoning, kThinkEnd)) {
        state_ = State::content;
        return true;
      }
      return false;
    case State::content:
      return step_content();
    case State::tool_call:
      return step_tool_call();
  }
  return false;
}

bool ChatReplyParser::step_start() {
  if (!markup_.thinking) {
    state_ = State::content;
    return true;
  }
  const std::string_view text = without_space_before(held_);
  if (text.size() < kThinkBegin.size() && kThinkBegin.starts_with(text)) {
    return false;
  }
  if (text.starts_with(kThinkBegin)) {
    held_.erase(0, held_.size() - text.size() + kThinkBegin.size());
    state_ = State::reasoning;
  } else {
    state_ = State::content;
  }
  return true;
}

bool ChatReplyParser::step_content() {
  if (!markup_.tool_calls) {
    emit(Part::content, held_);
    held_.clear();
    return false;
  }
  if (!step_part(Part::content, kCallBegin)) {
    return false;
  }
  state_ = State::tool_call;
  return true;
}

bool ChatReplyParser::step_part(Part part, std::string_view mark) {
  const std::size_t at = held_.find(mark);
  const bool found = at != std::string::npos;
  const std::size_t end = found ? at : held_.size() - possible_beginning(held_, mark);
  const std::string_view ready = without_space_after(std::string_view(held_).substr(0, end));
  const std::size_t n_ready = ready.size();
  emit(part, ready);
  if (found) {
    space_ = held_.substr(n_ready, at - n_ready);
    held_.erase(0, at + mark.size());
  } else {
    held_.erase(0, n_ready);
  }
  return found;
}

bool ChatReplyParser::step_tool_call() {
  const std::size_t at = held_.find(kCallEnd);
  if (at == std::string::npos) {
    return false;
  }
  if (auto call = parse_call(std::string_view(held_).substr(0, at)); call) {
    reply_.tool_calls.push_back(std::move(*call));
    after_call_ = true;
  } else {
    emit(Part::content, space_ + std::string(kCallBegin) + held_.substr(0, at + kCallEnd.size()));
  }
  held_.erase(0, at + kCallEnd.size());
  state_ = State::content;
  return true;
}

void ChatReplyParser::emit(Part part, std::string_view text) {
  std::string& whole = part == Part::reasoning ? reply_.reasoning : reply_.content;
  if (whole.empty()) {
    text = without_space_before(text);
  }
  if (text.empty()) {
    return;
  }
  whole += text;
  if (part == Part::content) {
    after_call_ = false;
  }
  if (on_text_) {
    on_text_(part, text);
  }
}

}  // namespace reprise::engine
