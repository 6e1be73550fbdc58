#include "engine/text/chat_reply.h"

#include <gmock/gmock.h>

#include <random>

namespace reprise::engine {
namespace {

using Part = ChatReplyParser::Part;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Parsed {
  ChatReply reply;
  std::string reasoning;  // as it streamed
  std::string content;
};

Parsed parse(const std::vector<std::string>& pieces, ChatMarkup markup = {}) {
  Parsed parsed;
  ChatReplyParser parser(
      [&](Part part, std::string_view text) {
        (part == Part::reasoning ? parsed.reasoning : parsed.content) += text;
      },
      markup);
  for (const std::string& piece : pieces) {
    parser.push(piece);
  }
  parsed.reply = parser.finish();
  EXPECT_EQ(parsed.reasoning, parsed.reply.reasoning);
  EXPECT_EQ(parsed.content, parsed.reply.content);
  return parsed;
}

ChatReply reply_of(const std::string& text, ChatMarkup markup = {}) {
  return parse({text}, markup).reply;
}

ToolCall call(std::string name, std::string arguments) {
  return {"", std::move(name), std::move(arguments)};
}

TEST(ChatReply, ThinkingThenAnswer) {
  const ChatReply reply = reply_of("<think>\nLet me see.\n\nYes.\n</think>\n\nThe answer is 4.\n");
  EXPECT_EQ(reply.reasoning, "Let me see.\n\nYes.");
  EXPECT_EQ(reply.content, "The answer is 4.\n");
  EXPECT_THAT(reply.tool_calls, IsEmpty());
}

TEST(ChatReply, AnswerAlone) {
  EXPECT_EQ(reply_of("\n Four. ").content, "Four. ");
  EXPECT_EQ(reply_of("").content, "");
  EXPECT_EQ(reply_of(" \n").content, "");
  EXPECT_EQ(reply_of("<thin").content, "<thin");
  EXPECT_EQ(reply_of("1 < 2 <think>no</think>").content, "1 < 2 <think>no</think>");
}

TEST(ChatReply, ThinkingThatIsNotClosedIsThinking) {
  const ChatReply reply = reply_of("<think>\nhmm, </thi\n");
  EXPECT_EQ(reply.reasoning, "hmm, </thi");
  EXPECT_EQ(reply.content, "");
}

TEST(ChatReply, EmptyThinking) {
  const ChatReply reply = reply_of("<think>\n\n</think>\n\nYes");
  EXPECT_EQ(reply.reasoning, "");
  EXPECT_EQ(reply.content, "Yes");
}

TEST(ChatReply, ToolCalls) {
  const ChatReply reply = reply_of(
      "<think>use it</think>\nI ask.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"n\":3, \"a\": "
      "\"</x>\"}}\n"
      "</tool_call>\n<tool_call>{\"name\": \"g\"}</tool_call>\n");
  EXPECT_EQ(reply.reasoning, "use it");
  EXPECT_EQ(reply.content, "I ask.");
  EXPECT_THAT(reply.tool_calls, ElementsAre(call("f", "{\"n\": 3, \"a\": \"</x>\"}"), call("g", "{}")));
}

TEST(ChatReply, TextAfterAToolCall) {
  const ChatReply reply = reply_of("a \n<tool_call>{\"name\": \"f\"}</tool_call>\nb\n");
  EXPECT_EQ(reply.content, "a\nb\n");
  EXPECT_THAT(reply.tool_calls, ElementsAre(call("f", "{}")));
}

TEST(ChatReply, BrokenToolCallsStayText) {
  for (const std::string broken :
       {"<tool_call>\n{\"name\": \"f\", \"arguments\": {\n</tool_call>", "<tool_call></tool_call>",
        "<tool_call>[1]</tool_call>", "<tool_call>{\"name\": 1}</tool_call>",
        "<tool_call>{\"arguments\": {}}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": \"x\"}</tool_call>", "<tool_call>{\"name\": \"f\"",
        "<tool_call", "<tool_call>{\"name\": \"f\", \"name\": \"g\"}</tool_call>"}) {
    const ChatReply reply = reply_of("a\n" + broken);
    EXPECT_EQ(reply.content, "a\n" + broken);
    EXPECT_THAT(reply.tool_calls, IsEmpty());
  }
  const std::string deep(100'000, '[');
  EXPECT_EQ(reply_of("<tool_call>" + deep + "</tool_call>").content, "<tool_call>" + deep + "</tool_call>");
}

TEST(ChatReply, MarkupThatTheModelDoesNotHaveIsContent) {
  const std::string text = "<think>a</think>\nb\n<tool_call>{\"name\": \"f\"}</tool_call>\n";
  const ChatReply plain = reply_of("\n" + text, {.thinking = false, .tool_calls = false});
  EXPECT_EQ(plain.content, text);
  EXPECT_EQ(plain.reasoning, "");
  EXPECT_THAT(plain.tool_calls, IsEmpty());
  const ChatReply no_thinking = reply_of(text, {.thinking = false});
  EXPECT_EQ(no_thinking.content, "<think>a</think>\nb");
  EXPECT_EQ(no_thinking.reasoning, "");
  EXPECT_THAT(no_thinking.tool_calls, ElementsAre(call("f", "{}")));
  const ChatReply no_tools = reply_of(text, {.tool_calls = false});
  EXPECT_EQ(no_tools.content, "b\n<tool_call>{\"name\": \"f\"}</tool_call>\n");
  EXPECT_EQ(no_tools.reasoning, "a");
  EXPECT_THAT(no_tools.tool_calls, IsEmpty());
}

TEST(ChatReply, NothingIsHeldBackForMarkupThatCannotCome) {
  std::string content;
  ChatReplyParser parser([&](Part, std::string_view text) { content += text; },
                         {.thinking = false, .tool_calls = false});
  parser.push("<think");
  EXPECT_EQ(content, "<think");
  parser.push("\n<tool_call");
  EXPECT_EQ(content, "<think\n<tool_call");
}

TEST(ChatReply, StreamsAsSoonAsItCanBeNoMarkup) {
  std::string content;
  ChatReplyParser parser([&](Part, std::string_view text) { content += text; });
  parser.push("a <");
  EXPECT_EQ(content, "a");
  parser.push("b");
  EXPECT_EQ(content, "a <b");
  parser.push("\n");
  EXPECT_EQ(content, "a <b");
  parser.push("c<tool_");
  EXPECT_EQ(content, "a <b\nc");
  EXPECT_EQ(parser.finish().content, "a <b\nc<tool_");
}

TEST(ChatReply, AnotherReplyMayFollow) {
  ChatReplyParser parser;
  parser.push("<tool_call>{\"name\": \"f\"}</tool_call>");
  EXPECT_EQ(parser.finish().tool_calls.size(), 1U);
  parser.push("<think>a</think>b ");
  const ChatReply second = parser.finish();
  EXPECT_EQ(second.reasoning, "a");
  EXPECT_EQ(second.content, "b ");
  EXPECT_THAT(second.tool_calls, IsEmpty());
}

TEST(ChatReply, IsTheSameHoweverItIsCut) {
  const std::string marks[] = {"<think>",
                               "</think>",
                               "<tool_call>",
                               "</tool_call>",
                               "{\"name\": \"f\"}",
                               "{",
                               "\n",
                               " ",
                               "x",
                               "<",
                               "</",
                               "<tool_",
                               "é"};
  std::mt19937_64 random(7);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (std::size_t n = below(12); n > 0; --n) {
      text += marks[below(std::size(marks))];
    }
    const ChatMarkup markup{.thinking = below(4) != 0, .tool_calls = below(4) != 0};
    const ChatReply whole = reply_of(text, markup);
    std::vector<std::string> bytes;
    std::vector<std::string> pieces(1);
    for (const char c : text) {
      bytes.emplace_back(1, c);
      if (below(3) == 0) {
        pieces.emplace_back();
      }
      pieces.back() += c;
    }
    for (const auto& cut : {bytes, pieces}) {
      const ChatReply reply = parse(cut, markup).reply;
      ASSERT_EQ(reply.reasoning, whole.reasoning) << text;
      ASSERT_EQ(reply.content, whole.content) << text;
      ASSERT_EQ(reply.tool_calls, whole.tool_calls) << text;
    }
  }
}

}  // namespace
}  // namespace reprise::engine
