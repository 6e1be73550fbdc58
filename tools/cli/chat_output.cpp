#include "tools/cli/chat_output.h"

#include <fmt/format.h>

#include "engine/text/utf8.h"
#include "harness/report/text_table.h"

namespace reprise::cli {
namespace {

using engine::CallCost;
using engine::CallRates;
using engine::ChatTurn;
using Part = engine::ChatReplyParser::Part;

CallCost sum_of(std::span<const CallCost> calls) {
  CallCost sum;
  for (const CallCost& call : calls) {
    sum.n_reused += call.n_reused;
    sum.n_processed += call.n_processed;
    sum.n_generated += call.n_generated;
    sum.prefill_seconds += call.prefill_seconds;
    sum.decode_seconds += call.decode_seconds;
    sum.finish_reason = call.finish_reason;
  }
  return sum;
}

std::string rate_text(double rate) {
  return rate > 0 ? fmt::format("{:.1f}", rate) : "-";
}

void add_cost_row(harness::TextTable& table, std::string name, std::span<const CallCost> calls,
                  bool with_end) {
  const CallCost sum = sum_of(calls);
  const CallRates rates = rates_of(calls);
  table.add_row({std::move(name), fmt::format("{}", calls.size()), fmt::format("{}", sum.n_reused),
                 fmt::format("{}", sum.n_processed), rate_text(rates.prefill),
                 fmt::format("{}", sum.n_generated), rate_text(rates.decode),
                 fmt::format("{:.3f}", sum.prefill_seconds + sum.decode_seconds),
                 with_end ? std::string(name_of(sum.finish_reason)) : ""});
}

}  // namespace

std::string without_controls(std::string_view text) {
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const engine::Utf8Step step = engine::first_utf8_step(text.substr(at));
    const std::uint32_t c = step.code_point;
    const bool control = c < 0x20 ? c != '\n' && c != '\t' : c >= 0x7f && c < 0xa0;
    shown += control ? engine::kReplacement : text.substr(at, step.size);
    at += step.size;
  }
  return shown;
}

void ReplyPrinter::on_text(Part part, std::string_view text) {
  if (part == Part::reasoning && style_.hide_thinking) {
    return;
  }
  if (part == Part::reasoning && !thinking_) {
    thinking_ = true;
    write(style_.dims_thinking ? "\x1b[2m" : "<think>\n");
  } else if (part == Part::content && thinking_) {
    end_thinking();
    write("\n");
  }
  const std::string shown = style_.is_terminal ? without_controls(text) : std::string(text);
  write(shown);
  at_line_start_ = shown.ends_with('\n');
  std::fflush(file_);
}

void ReplyPrinter::end_thinking() {
  thinking_ = false;
  write(style_.dims_thinking ? "\x1b[0m\n" : "\n</think>\n");
  at_line_start_ = true;
}

void ReplyPrinter::finish() {
  if (thinking_) {
    end_thinking();
  }
  if (!at_line_start_) {
    write("\n");
    at_line_start_ = true;
  }
  std::fflush(file_);
}

void ReplyPrinter::write(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file_);
}

std::string cost_line(const ChatTurn& turn) {
  const CallCost sum = sum_of(turn.calls);
  const CallRates rates = rates_of(turn.calls);
  return fmt::format("{} prompt tokens reused, {} processed ({} tokens/s), {} generated ({} tokens/s){}; {}",
                     sum.n_reused, sum.n_processed, rate_text(rates.prefill), sum.n_generated,
                     rate_text(rates.decode),
                     turn.calls.size() > 1 ? fmt::format(" in {} calls", turn.calls.size()) : "",
                     name_of(sum.finish_reason));
}

std::string ending_notes(const ChatTurn& turn, const engine::Conversation& conversation,
                         const engine::ConversationOptions& options) {
  std::string notes;
  const engine::FinishReason reason = turn.calls.back().finish_reason;
  if (turn.was_withdrawn) {
    notes += "stopped before the first token: the message is taken back\n";
  } else if (turn.was_cancelled) {
    notes += "stopped; what there is of the reply stays in the conversation\n";
  } else if (reason == engine::FinishReason::context_full) {
    notes +=
        fmt::format("the context of {} tokens is full: /clear begins anew\n", conversation.n_positions());
  } else if (reason == engine::FinishReason::length) {
    notes += fmt::format("the reply was cut after --max-new-tokens {}\n", options.max_new_tokens);
  }
  const bool nearly_full = conversation.n_tokens() * 10 > conversation.n_positions() * 9;
  if (nearly_full && reason != engine::FinishReason::context_full) {
    notes += "the context is nearly full: /clear begins anew\n";
  }
  if (turn.hit_tool_limit) {
    notes +=
        fmt::format("the tools were called {} times in a row: no more this turn\n", options.max_tool_rounds);
  }
  return notes;
}

std::string cost_table(std::span<const ChatTurn> turns) {
  using harness::Align;
  harness::TextTable table;
  for (const char* heading :
       {"turn", "calls", "reused", "processed", "tokens/s", "generated", "tokens/s", "seconds"}) {
    table.add_column(heading, Align::right);
  }
  table.add_column("end", Align::left);
  std::vector<CallCost> all;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    add_cost_row(table, fmt::format("{}", i + 1), turns[i].calls, true);
    all.insert(all.end(), turns[i].calls.begin(), turns[i].calls.end());
  }
  add_cost_row(table, "all", all, false);
  return table.to_text();
}

}  // namespace reprise::cli
