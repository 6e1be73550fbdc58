// Conversations with a small seeded model. Where a reply must say something, its tokens are forced: prompts,
// cache and costs are then those of real calls.
#include "engine/serve/conversation.h"

#include <gmock/gmock.h>

#include <deque>

#include "engine/serve/demo_tools.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

using reprise::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::shared_ptr<const Model>& tiny_model() {
  static const std::shared_ptr<const Model> model = Model::open("synthetic:qwen3-tiny");
  return model;
}

/// The bytes, and one token that ends a turn.
Tokenizer tokenizer() {
  const std::string special[] = {"<|im_end|>"};
  return Tokenizer::bytes(special);
}

Session session(std::int64_t n_positions = 0) {
  return {tiny_model(), {}, {.n_positions = n_positions}};
}

/// generate(), made to say what it is told.
class Script {
 public:
  explicit Script(std::deque<std::string> replies) : replies_(std::move(replies)) {}

  GenerateResult operator()(Session& session, GenerateRequest request, GenerateObserver* observer) {
    request.forced_ids = tokenizer().encode(replies_.empty() ? "nothing left" : replies_.front());
    if (!replies_.empty()) {
      replies_.pop_front();
    }
    return generate(session, request, observer);
  }

 private:
  std::deque<std::string> replies_;
};

class Calls final : public CallWatcher {
 public:
  GenerateObserver* begin(const Session& /*session*/, const GenerateRequest& request) override {
    requests.push_back(request);
    return nullptr;
  }
  void end(const Session& /*session*/, const GenerateResult& result) override { results.push_back(result); }

  std::vector<GenerateRequest> requests;
  std::vector<GenerateResult> results;
};

std::string prompt_text(const GenerateRequest& request) {
  return tokenizer().decode(request.prompt_ids);
}

/// A tool that answers with its arguments.
ChatTool echo() {
  return {"echo", R"({"type": "function", "function": {"name": "echo"}})",
          [](const std::string& arguments) { return "heard " + arguments; }};
}

TEST(Conversation, GivesTheTokensOfGenerateOnTheRenderedPrompt) {
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("chatml"),
                    {.system = "s", .sampling = {.temperature = 1, .seed = 5}, .max_new_tokens = 12});
  Calls calls;
  const ChatTurn first = chat.say("hello", {.watcher = &calls});
  const ChatTurn second = chat.say("more", {.watcher = &calls});
  ASSERT_THAT(calls.results, SizeIs(2));
  EXPECT_EQ(prompt_text(calls.requests[0]),
            "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(prompt_text(calls.requests[1]),
            prompt_text(calls.requests[0]) + first.reply.content +
                "<|im_end|>\n<|im_start|>user\nmore<|im_end|>\n<|im_start|>assistant\n");
  for (std::size_t i = 0; i < 2; ++i) {
    Session alone = session();
    EXPECT_EQ(generate(alone, calls.requests[i]).generated_ids, calls.results[i].generated_ids);
  }
  EXPECT_EQ(first.calls.front().n_reused, 0);
  EXPECT_GE(second.calls.front().n_reused, std::ssize(calls.requests[0].prompt_ids));
  EXPECT_EQ(second.calls.front().n_reused + second.calls.front().n_processed,
            std::ssize(calls.requests[1].prompt_ids));
  EXPECT_EQ(chat.n_tokens(), std::ssize(calls.requests[1].prompt_ids) + second.calls.front().n_generated);
}

TEST(Conversation, WhatTheModelWroteIsReused) {
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("chatml"), {}, Script({"four", "five"}));
  Calls calls;
  chat.say("2+2", {.watcher = &calls});
  const ChatTurn second = chat.say("2+3", {.watcher = &calls});
  // All but the last token of "four": that one was drawn, and never processed.
  EXPECT_EQ(second.calls.front().n_reused, std::ssize(calls.requests[0].prompt_ids) + 3);
}

TEST(Conversation, ThinkingThatIsDroppedIsProcessedNoMore) {
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("qwen3"), {},
                    Script({"<think>\nhmm\n</think>\n\nfour", "five"}));
  Calls calls;
  std::string thoughts;
  std::string answer;
  const TurnEvents events{.on_text =
                              [&](ChatReplyParser::Part part, std::string_view text) {
                                (part == ChatReplyParser::Part::reasoning ? thoughts : answer) += text;
                              },
                          .watcher = &calls};
  const ChatTurn first = chat.say("2+2", events);
  EXPECT_EQ(thoughts, "hmm");
  EXPECT_EQ(answer, "four");
  EXPECT_EQ(first.reply.reasoning, "hmm");
  EXPECT_THAT(chat.rendered(), HasSubstr("<think>\nhmm\n</think>\n\nfour<|im_end|>"));
  const ChatTurn second = chat.say("2+3", events);
  EXPECT_EQ(prompt_text(calls.requests[1]).find("hmm"), std::string::npos);
  EXPECT_EQ(second.calls.front().n_reused, std::ssize(calls.requests[0].prompt_ids));
  GenerateRequest alone_request = calls.requests[1];
  alone_request.max_new_tokens = 4;
  Session alone = session();
  const auto alone_ids = generate(alone, alone_request).generated_ids;
  EXPECT_EQ(generate(chat_session, alone_request).generated_ids, alone_ids);
}

TEST(Conversation, WhereTheTemplateKnowsNoThinkingItIsContent) {
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("chatml"), {},
                    Script({"<think>hmm</think>four"}));
  const ChatTurn turn = chat.say("2+2");
  EXPECT_EQ(turn.reply.reasoning, "");
  EXPECT_EQ(turn.reply.content, "<think>hmm</think>four");
  EXPECT_EQ(chat.messages().back().content, "<think>hmm</think>four");
}

TEST(Conversation, WhereTheTemplateDoesNotWriteReasoningItIsWrittenAsContent) {
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("minimind2"), {},
                    Script({"<think>hmm</think>four"}));
  const ChatTurn turn = chat.say("2+2");
  EXPECT_EQ(turn.reply.reasoning, "hmm");
  EXPECT_EQ(turn.reply.content, "four");
  EXPECT_EQ(chat.messages().back().content, "<think>\nhmm\n</think>\n\nfour");
}

TEST(Conversation, ThinkingCanBeTurnedOff) {
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("qwen3"), {}, Script({"a", "b"}));
  Calls calls;
  chat.set_thinking(false);
  chat.say("x", {.watcher = &calls});
  EXPECT_THAT(prompt_text(calls.requests[0]), ::testing::EndsWith("<think>\n\n</think>\n\n"));
}

TEST(Conversation, ThinkingThatWasTurnedOffIsStillTakenApart) {
  // The model was told that its thinking is over, and thinks all the same.
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("qwen3"), {.thinking = false},
                    Script({"<think>\nhmm\n</think>\n\nfour", "five"}));
  Calls calls;
  const ChatTurn turn = chat.say("2+2", {.watcher = &calls});
  EXPECT_THAT(prompt_text(calls.requests[0]), ::testing::EndsWith("<think>\n\n</think>\n\n"));
  EXPECT_EQ(turn.reply.reasoning, "hmm");
  EXPECT_EQ(turn.reply.content, "four");
  chat.say("2+3", {.watcher = &calls});
  EXPECT_EQ(prompt_text(calls.requests[1]).find("hmm"), std::string::npos);
}

TEST(Conversation, ATokenOrATextEndsATurn) {
  Session with_token = session();
  Conversation token_chat(with_token, tokenizer(), ChatTemplate::named("chatml"), {},
                          Script({"b<|im_end|>"}));
  const ChatTurn by_token = token_chat.say("a");
  EXPECT_EQ(by_token.reply.content, "b");
  EXPECT_EQ(by_token.calls.front().finish_reason, FinishReason::eos);
  Session with_text = session();
  // Each of its bytes is a token here.
  Conversation text_chat(with_text, Tokenizer::bytes(), ChatTemplate::named("chatml"), {},
                         [](Session& session, GenerateRequest request, GenerateObserver* observer) {
                           request.forced_ids = Tokenizer::bytes().encode("b<|im_end|>\nc");
                           return generate(session, request, observer);
                         });
  const ChatTurn by_text = text_chat.say("a");
  EXPECT_EQ(by_text.reply.content, "b");
  EXPECT_EQ(by_text.calls.front().finish_reason, FinishReason::stopped);
  EXPECT_FALSE(by_text.was_cancelled);
}

TEST(Conversation, ToolsAreCalledAndTheModelGoesOn) {
  Session chat_session = session();
  Conversation chat(
      chat_session, tokenizer(), ChatTemplate::named("qwen3"), {.tools = {echo()}},
      Script({"<tool_call>\n{\"name\": \"echo\", \"arguments\": {\"n\": 1}}\n</tool_call>\n<tool_call>\n"
              "{\"name\": \"none\"}\n</tool_call>",
              "done"}));
  std::vector<std::string> results;
  const ChatTurn turn = chat.say("go", {.on_tool_result = [&](const ToolCall& call, std::string_view result) {
                                   results.push_back(call.name + ": " + std::string(result));
                                 }});
  EXPECT_THAT(results, ElementsAre("echo: heard {\"n\": 1}", "none: error: no tool has this name"));
  EXPECT_THAT(turn.calls, SizeIs(2));
  EXPECT_EQ(turn.reply.content, "done");
  EXPECT_FALSE(turn.hit_tool_limit);
  EXPECT_THAT(chat.rendered(),
              HasSubstr("<tool_response>\nheard {\"n\": 1}\n</tool_response>\n<tool_response>\n"));
  EXPECT_THAT(chat.rendered(),
              HasSubstr("<tools>\n{\"type\": \"function\", \"function\": {\"name\": \"echo\"}}\n"));
  // The second call continues the first one's prompt and reply.
  EXPECT_GT(turn.calls[1].n_reused, turn.calls[0].n_processed);
}

TEST(Conversation, ToolsThatFailTellTheModel) {
  Session chat_session = session();
  Conversation chat(
      chat_session, tokenizer(), ChatTemplate::named("qwen3"), {.tools = {demo_tools().front()}},
      Script({"<tool_call>{\"name\": \"sumN1\", \"arguments\": {\"n\": -1}}</tool_call>", "oh"}));
  chat.say("go");
  ASSERT_THAT(chat.messages(), SizeIs(4));
  EXPECT_EQ(chat.messages()[2].content, "error: n: expected a whole number from 0 to 1000000, found -1");
}

TEST(Conversation, RoundsOfToolsAreLimited) {
  const std::string again = "<tool_call>{\"name\": \"echo\"}</tool_call>";
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("qwen3"),
                    {.tools = {echo()}, .max_tool_rounds = 2}, Script({again, again, again, "fine"}));
  const ChatTurn turn = chat.say("go");
  EXPECT_TRUE(turn.hit_tool_limit);
  EXPECT_THAT(turn.calls, SizeIs(3));
  EXPECT_EQ(chat.say("and now?").reply.content, "fine");
}

TEST(Conversation, WithoutToolsCallsAreContent) {
  const std::string text = "<tool_call>{\"name\": \"echo\"}</tool_call>";
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("qwen3"), {}, Script({text}));
  const ChatTurn turn = chat.say("go");
  EXPECT_THAT(turn.calls, SizeIs(1));
  EXPECT_THAT(turn.reply.tool_calls, IsEmpty());
  EXPECT_EQ(turn.reply.content, text);
}

TEST(Conversation, ACancelledReplyStays) {
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("chatml"), {}, Script({"abcdef", "gh"}));
  int n_asked = 0;
  const ChatTurn turn = chat.say("go", {.is_cancelled = [&] { return ++n_asked > 3; }});
  EXPECT_TRUE(turn.was_cancelled);
  EXPECT_FALSE(turn.was_withdrawn);
  EXPECT_EQ(turn.reply.content, "abc");
  EXPECT_EQ(chat.say("on").reply.content, "gh");
  EXPECT_THAT(chat.rendered(), HasSubstr("abc<|im_end|>\n<|im_start|>user\non"));
}

TEST(Conversation, CancelledBeforeAnyTokenItIsAsBefore) {
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("chatml"), {.system = "s"},
                    Script({"a", "b"}));
  const ChatTurn turn = chat.say("go", {.is_cancelled = [] { return true; }});
  EXPECT_TRUE(turn.was_withdrawn);
  EXPECT_THAT(chat.messages(), SizeIs(1));
  EXPECT_EQ(chat.n_tokens(), 0);
  EXPECT_EQ(chat.say("go").reply.content, "b");
}

TEST(Conversation, CancelledAfterAToolItKeepsTheResult) {
  bool is_cancelled = false;
  ChatTool slow = echo();
  slow.call = [&](const std::string&) {
    is_cancelled = true;
    return "late";
  };
  Session chat_session = session();
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("qwen3"), {.tools = {slow}},
                    Script({"<tool_call>{\"name\": \"echo\"}</tool_call>", "unsaid", "fine"}));
  const ChatTurn turn = chat.say("go", {.is_cancelled = [&] { return is_cancelled; }});
  EXPECT_TRUE(turn.was_cancelled);
  EXPECT_FALSE(turn.was_withdrawn);
  EXPECT_EQ(chat.messages().back(), (ChatMessage{"tool", "late", {}, {}}));
  EXPECT_EQ(chat.say("on").reply.content, "fine");
}

TEST(Conversation, ErrorsLeaveItUsable) {
  Session chat_session = session(80);
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("chatml"), {}, Script({"a", "b"}));
  chat.say("x");
  const std::int64_t n_tokens = chat.n_tokens();
  const Error error = error_of([&] { chat.say(std::string(100, 'y')); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_THAT(error.what(), HasSubstr("conversation: expected at most 80 tokens (the context), found "));
  EXPECT_THAT(chat.messages(), SizeIs(2));
  EXPECT_EQ(chat.n_tokens(), n_tokens);
  chat.clear();
  EXPECT_THAT(chat.messages(), IsEmpty());
  EXPECT_EQ(chat.rendered(), "");
  EXPECT_EQ(chat.say("x").reply.content, "b");
}

TEST(Conversation, AFullContextIsSaid) {
  Session chat_session = session(60);
  Conversation chat(chat_session, tokenizer(), ChatTemplate::named("chatml"), {},
                    Script({std::string(100, 'z')}));
  const ChatTurn turn = chat.say("x");
  EXPECT_EQ(turn.calls.front().finish_reason, FinishReason::context_full);
}

TEST(Conversation, RefusesToolsThatAreNoJson) {
  Session chat_session = session();
  ChatTool broken = echo();
  broken.description = "{";
  EXPECT_THAT(error_of([&] {
                Conversation(chat_session, tokenizer(), ChatTemplate::named("qwen3"), {.tools = {broken}});
              }).what(),
              HasSubstr("tools[0]: expected JSON"));
}

TEST(Conversation, RatesAreOfTokensAndTheirTime) {
  const CallCost calls[] = {{10, 20, 5, 2, 1, FinishReason::eos}, {0, 30, 1, 3, 0, FinishReason::eos}};
  EXPECT_EQ(rates_of(calls).prefill, 10);
  EXPECT_EQ(rates_of(calls).decode, 4);
  EXPECT_EQ(rates_of({}).decode, 0);
}

TEST(DemoTools, AreRight) {
  const std::vector<ChatTool> tools = demo_tools();
  ASSERT_THAT(tools, SizeIs(2));
  std::int64_t sum = 0;
  std::int64_t squares = 0;
  for (std::int64_t n = 0; n <= 50; ++n) {
    sum += n;
    squares += n * n;
    const std::string arguments = "{\"n\": " + std::to_string(n) + "}";
    EXPECT_EQ(tools[0].call(arguments), std::to_string(sum));
    EXPECT_EQ(tools[1].call(arguments), std::to_string(squares));
  }
  EXPECT_EQ(tools[1].call("{\"n\": 1000000}"), "333333833333500000");
  for (const char* wrong : {"{}", "[]", "{", "{\"n\": 1.5}", "{\"n\": \"3\"}", "{\"n\": 1000001}",
                            "{\"n\": 18446744073709551615}", "{\"n\": -1}"}) {
    EXPECT_THROW(tools[0].call(wrong), Error) << wrong;
  }
}

}  // namespace
}  // namespace reprise::engine
