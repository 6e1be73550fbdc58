// Chat templates against what Jinja makes of the published ones, and the recognition of templates.
#include "engine/text/chat_template.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/tests/support/data.h"
#include "engine/tests/support/error_of.h"
#include "engine/text/python_json.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;
using reprise::testing::error_of;
using reprise::testing::external_data;
using reprise::testing::golden_folder;

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(Json::parse(line));
  }
  return lines;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string first_qwen3() {
  const std::string config = content_of(external_data() / "tokenizers/qwen3/tokenizer_config.json");
  return Json::parse(config)["chat_template"].get<std::string>();
}

std::string current_qwen3() {
  return content_of(external_data() / "tokenizers/qwen3/chat_template.current.jinja");
}

std::string rendered(const ChatTemplate& chat_template, const Json& conversation) {
  return chat_template.render(chat_messages_from_json(conversation.at("messages"), "messages"),
                              chat_options_from_json(conversation.at("options"), "options"));
}

ChatMessage message(std::string role, std::string content) {
  return {std::move(role), std::move(content), std::nullopt, {}};
}

/// Of Qwen3, without the beginning of an answer.
std::string qwen3(const std::vector<ChatMessage>& messages) {
  return ChatTemplate::named("qwen3").render(messages, {.add_generation_prompt = false});
}

TEST(ChatTemplate, RendersWhatJinjaRenders) {
  const std::vector<Json> goldens = lines_of(golden_folder() / "chat_templates.jsonl");
  ASSERT_EQ(goldens.size(), 7U * 14U);
  for (const Json& golden : goldens) {
    const auto chat_template = ChatTemplate::named(golden.at("template").get<std::string>());
    EXPECT_EQ(rendered(chat_template, golden), golden.at("rendered").get<std::string>()) << golden.dump();
  }
}

TEST(ChatTemplate, RendersThePublishedVectors) {
  REPRISE_NEEDS_DATA("vectors/chat-template-vectors.jsonl");
  const Tokenizer tokenizer = Tokenizer::from_file(external_data() / "tokenizers/qwen3/tokenizer.json");
  const std::vector<Json> vectors = lines_of(external_data() / "vectors/chat-template-vectors.jsonl");
  ASSERT_EQ(vectors.size(), 32U);
  for (const Json& vector : vectors) {
    const auto family = vector.at("tokenizer").get<std::string>();
    const bool current = vector.at("template") == "current";
    const auto chat_template =
        family == "qwen3" ? ChatTemplate::recognise(current ? current_qwen3() : first_qwen3(), "qwen3")
                          : ChatTemplate::named(family == "qwen2_5" ? "qwen2.5" : family);
    EXPECT_EQ(rendered(chat_template, vector), vector.at("rendered").get<std::string>()) << vector.dump();
    if (family == "qwen3") {
      EXPECT_EQ(tokenizer.encode(rendered(chat_template, vector)),
                vector.at("ids").get<std::vector<TokenId>>());
    }
  }
}

TEST(ChatTemplate, MiniMindsOwnGivesItsGolden) {
  REPRISE_NEEDS_DATA("minimind2-small");
  const std::filesystem::path folder = external_data() / "minimind2-small";
  const Json config = Json::parse(content_of(folder / "tokenizer_config.json"));
  const auto chat_template = ChatTemplate::recognise(config["chat_template"].get<std::string>(), "minimind2");
  EXPECT_EQ(chat_template.kind(), ChatTemplateKind::minimind2);
  const Tokenizer tokenizer = Tokenizer::from_file(folder / "tokenizer.json");
  const Json golden = Json::parse(content_of(folder / "golden.json"));
  for (const Json& chat : golden["cases"]) {
    const std::string text = chat_template.render(chat_messages_from_json(chat["messages"], "messages"), {});
    EXPECT_EQ(text, chat["prompt_text"].get<std::string>());
    EXPECT_EQ(tokenizer.encode(text), chat["prompt_ids"].get<std::vector<TokenId>>());
  }
}

TEST(ChatTemplate, EarlierThinkingIsDropped) {
  const std::vector<ChatMessage> messages = {
      message("user", "a"), message("assistant", "<think>\nhmm\n</think>\n\nb"), message("user", "c"),
      message("assistant", "<think>\nso\n</think>\n\nd")};
  EXPECT_EQ(
      qwen3(messages),
      "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
      "<|im_start|>assistant\n<think>\nso\n</think>\n\nd<|im_end|>\n");
}

TEST(ChatTemplate, ThinkingMayStandApart) {
  ChatMessage apart = message("assistant", "b");
  apart.reasoning = "hmm";
  EXPECT_EQ(qwen3({message("user", "a"), apart}),
            qwen3({message("user", "a"), message("assistant", "<think>\nhmm\n</think>\n\nb")}));
  EXPECT_EQ(qwen3({message("user", "a"), apart, message("user", "c")}),
            qwen3({message("user", "a"), message("assistant", "b"), message("user", "c")}));
}

TEST(ChatTemplate, EmptyThinkingApartLeavesContentWhole) {
  const ChatMessage in_content = message("assistant", "a</think>b");
  ChatMessage apart = in_content;
  apart.reasoning = "";
  for (const char* name : {"qwen3", "qwen3-first"}) {
    const auto text = [&](const std::vector<ChatMessage>& messages) {
      return ChatTemplate::named(name).render(messages, {.add_generation_prompt = false});
    };
    const std::string question = "<|im_start|>user\nq<|im_end|>\n";
    EXPECT_EQ(text({message("user", "q"), in_content}),
              question + "<|im_start|>assistant\n<think>\na\n</think>\n\nb<|im_end|>\n");
    EXPECT_EQ(text({message("user", "q"), apart}),
              question + "<|im_start|>assistant\n<think>\n\n</think>\n\na</think>b<|im_end|>\n");
    EXPECT_EQ(text({message("user", "q"), apart, message("user", "q")}),
              question + "<|im_start|>assistant\na</think>b<|im_end|>\n" + question);
  }
}

TEST(ChatTemplate, ThinkingStaysUntilTheQuestionIsAnswered) {
  // The model calls a tool: its thinking before that is still of use, until the user asks again.
  ChatMessage call = message("assistant", "");
  call.reasoning = "ask the tool";
  call.tool_calls = {{"", "f", "{\"n\": 3}"}};
  std::vector<ChatMessage> messages = {message("user", "a"), call, message("tool", "6"),
                                       message("tool", "7")};
  EXPECT_EQ(
      qwen3(messages),
      "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n<think>\nask the tool\n</think>\n\n<tool_call>\n"
      "{\"name\": \"f\", \"arguments\": {\"n\": "
      "3}}\n</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n6\n"
      "</tool_response>\n<tool_response>\n7\n</tool_response><|im_end|>\n");
  messages.push_back(message("user", "<tool_response>8</tool_response>"));
  EXPECT_THAT(qwen3(messages), HasSubstr("ask the tool"));  // in the user's name, but no question
  messages.push_back(message("user", "b"));
  EXPECT_EQ(qwen3(messages).find("ask the tool"), std::string::npos);
}

TEST(ChatTemplate, WithoutThinkingTheThoughtIsEmpty) {
  const std::vector<ChatMessage> question = {message("user", "a")};
  for (const char* name : {"qwen3", "qwen3-first", "minimind2"}) {
    const auto chat_template = ChatTemplate::named(name);
    EXPECT_TRUE(chat_template.knows_thinking());
    EXPECT_THAT(chat_template.render(question, {.enable_thinking = false}),
                ::testing::EndsWith("<|im_start|>assistant\n<think>\n\n</think>\n\n"));
  }
  for (const char* name : {"qwen2.5", "llama3", "llama3-current", "chatml"}) {
    const auto chat_template = ChatTemplate::named(name);
    EXPECT_FALSE(chat_template.knows_thinking());
    EXPECT_EQ(chat_template.render(question, {.enable_thinking = false}), chat_template.render(question, {}));
  }
}

TEST(ChatTemplate, Llama3TrimsAsPythonDoes) {
  const ChatOptions options{.add_generation_prompt = false};
  EXPECT_EQ(ChatTemplate::named("llama3-current")
                .render(std::vector{message("user", "\x1c\u2003 a\tb \x1f\u00a0\n")}, options),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\na\tb<|eot_id|>");
}

TEST(ChatTemplate, SaysWhatEndsATurn) {
  EXPECT_THAT(ChatTemplate::named("qwen3").end_of_turn(), ElementsAre("<|im_end|>"));
  EXPECT_THAT(ChatTemplate::named("llama3").end_of_turn(), ElementsAre("<|eot_id|>"));
  for (const char* name :
       {"qwen3", "qwen3-first", "qwen2.5", "llama3", "llama3-current", "chatml", "minimind2"}) {
    EXPECT_EQ(ChatTemplate::named(name).name(), name);
  }
  EXPECT_TRUE(ChatTemplate::named("qwen2.5").knows_tools());
  EXPECT_FALSE(ChatTemplate::named("llama3").knows_tools());
}

TEST(ChatTemplate, RefusesWithOneLine) {
  const auto chatml = ChatTemplate::named("chatml");
  const auto line = [&](const std::vector<ChatMessage>& messages, const ChatOptions& options) {
    const Error error = error_of([&] { (void)ChatTemplate::named("qwen3").render(messages, options); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return std::string(error.what());
  };
  EXPECT_EQ(line({}, {}), "messages: expected at least one, found none");
  EXPECT_EQ(line({message("user", "a"), message("robot\n", "b")}, {}),
            "messages[1]: role: expected one of system, user, assistant, tool, found 'robot\\x0a'");
  EXPECT_EQ(line({message("user", "a")}, {.tools = {"{}", "["}}),
            "tools[1]: expected JSON, found a syntax error at byte 2");
  EXPECT_EQ(line({message("user", "a")}, {.tools = {"1"}}), "tools[0]: expected a JSON object, found number");
  EXPECT_EQ(error_of([] { (void)ChatTemplate::named("alpaca"); }).what(),
            std::string(
                "chat template: expected one of qwen3, qwen3-first, qwen2.5, llama3, llama3-current, chatml, "
                "minimind2, found 'alpaca'"));
}

// --- which template a text is ---------------------------------------------------------------------------

constexpr const char* kChatMl =
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% "
    "endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
constexpr const char* kLlama3 =
    "{% for m in messages %}{% if loop.first %}{{ bos_token }}{% endif %}{{ '<|start_header_id|>' + "
    "m['role'] + "
    "'<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}";

TEST(ChatTemplateRecognition, PublishedOnesByTheirDigests) {
  REPRISE_NEEDS_DATA("tokenizers/qwen3");
  EXPECT_EQ(ChatTemplate::recognise(first_qwen3(), "m").kind(), ChatTemplateKind::qwen3_first);
  EXPECT_EQ(ChatTemplate::recognise(current_qwen3(), "m").kind(), ChatTemplateKind::qwen3_current);
}

TEST(ChatTemplateRecognition, AnotherSpacingByItsShape) {
  REPRISE_NEEDS_DATA("tokenizers/qwen3");
  for (const char* after : {"\n", "{# a comment #}"}) {
    EXPECT_EQ(ChatTemplate::recognise(first_qwen3() + after, "m").kind(), ChatTemplateKind::qwen3_first);
    EXPECT_EQ(ChatTemplate::recognise(current_qwen3() + after, "m").kind(), ChatTemplateKind::qwen3_current);
  }
  // Others keep thinking elsewhere: other templates, though they look alike.
  std::string keeps_less = current_qwen3();
  const std::string condition = "loop.last or (not loop.last and reasoning_content)";
  keeps_less.replace(keeps_less.find(condition), condition.size(), "reasoning_content");
  EXPECT_EQ(error_of([&] { ChatTemplate::recognise(keeps_less, "m"); }).code(), ErrorCode::unsupported);
  EXPECT_EQ(
      error_of([] { ChatTemplate::recognise(current_qwen3() + "{% if preserve_thinking %}", "m"); }).code(),
      ErrorCode::unsupported);
}

TEST(ChatTemplateRecognition, ChatMlByItsShape) {
  EXPECT_EQ(ChatTemplate::recognise(kChatMl, "m").kind(), ChatTemplateKind::chatml);
  const auto with_default = ChatTemplate::recognise(
      "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\nYou are kind.<|im_end|>\\n' }}{% endif "
      "%}" +
          std::string(kChatMl),
      "m");
  EXPECT_EQ(with_default.kind(), ChatTemplateKind::chatml);
  const ChatOptions options{.add_generation_prompt = false};
  EXPECT_EQ(with_default.render(std::vector{message("user", "a")}, options),
            "<|im_start|>system\nYou are kind.<|im_end|>\n<|im_start|>user\na<|im_end|>\n");
  EXPECT_EQ(with_default.render(std::vector{message("system", "s"), message("user", "a")}, options),
            "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\na<|im_end|>\n");
}

TEST(ChatTemplateRecognition, Llama3ByItsShape) {
  EXPECT_EQ(ChatTemplate::recognise(kLlama3 + std::string("{{ '...' }}"), "m").kind(),
            ChatTemplateKind::llama3);
  EXPECT_EQ(ChatTemplate::recognise(kLlama3 + std::string("{% if add_generation_prompt %}"), "m").kind(),
            ChatTemplateKind::llama3_current);
}

TEST(ChatTemplateRecognition, DoubtIsAnError) {
  const std::string doubtful[] = {
      "{{ messages }}",
      std::string(kLlama3) + "Cutting Knowledge Date: December 2023",
      std::string(kLlama3) + "{% if tools %}",
      std::string(kChatMl) + "{% if tools %}",
      std::string(kChatMl) + "<think>",
      std::string(kChatMl) + "{{ raise_exception('no') }}",
      std::string(kChatMl) + "{{ content.strip() }}",
      std::string(kChatMl) + "{{ bos_token }}",
      std::string(kChatMl) + "{{ '<|im_start|>system\\n' + default + '<|im_end|>' }}You are kind.",
      "{{ '<|im_start|>system\\nOne.<|im_end|>' }}{{ '<|im_start|>system\\nTwo.<|im_end|>' }}" +
          std::string(kChatMl),
      "<|im_start|>{{ m.content }}<|im_end|>",
      // The last turn is ended under a condition, or the answer begun.
      "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] }}{% if (loop.last and "
      "add_generation_prompt) or not loop.last %}{{ '<|im_end|>\\n' }}{% endif %}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
      std::string(kChatMl) + "{% if messages[-1]['role'] != 'assistant' %}",
      std::string(kChatMl) + "{% if loop.index0 == 0 %}",
      std::string(kChatMl) + "{% if loop.revindex == 1 %}",
      std::string(kChatMl) + "{% if (messages | last).role == 'user' %}",
      std::string(kChatMl) + "{% set n = messages|length %}",
  };
  for (const std::string& jinja : doubtful) {
    const Error error = error_of([&] { ChatTemplate::recognise(jinja, "models/x"); });
    EXPECT_EQ(error.code(), ErrorCode::unsupported) << jinja;
  }
  EXPECT_STREQ(error_of([] { ChatTemplate::recognise("{{ messages }}", "models/x"); }).what(),
               "models/x: chat template: expected a known one, found SHA-256 "
               "f24189f08c85a1eb19a737306c3a13e85462ee33d964f28108d64a2485fa2171 (14 bytes); choose with "
               "--chat-template "
               "qwen3, qwen3-first, qwen2.5, llama3, llama3-current, chatml, minimind2");
  EXPECT_THAT(
      error_of([] { ChatTemplate::recognise("", "models/x"); }).what(),
      HasSubstr("models/x: chat template: expected one, found none; choose with --chat-template qwen3,"));
}

// --- JSON --------------------------------------------------------------------------------------------------

TEST(PythonJson, IsWhatJsonDumpsWrites) {
  const char* text = R"({"z": [1, 2.0, -0.0, 1e16, 1e15, 0.0001, 1e-05, 123456789.25, true, null, [], {}],)"
                     R"( "ä\u0001\"\\\n": "/\u007f<"})";
  EXPECT_EQ(
      to_python_json(Json::parse(text)),
      "{\"z\": [1, 2.0, -0.0, 1e+16, 1000000000000000.0, 0.0001, 1e-05, 123456789.25, true, null, [], {}], "
      "\"ä\\u0001\\\"\\\\\\n\": \"/\x7f<\"}");
}

TEST(ChatMessages, AreReadFromTheApisShape) {
  const auto messages = chat_messages_from_json(Json::parse(R"([
      {"role": "developer", "name": "x",
       "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "assistant", "content": null, "reasoning_content": "hmm",
       "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"n":[1,2]}}},
                      {"function": {"name": "g", "arguments": "{\"n\":1}"}}]},
      {"role": "tool", "tool_call_id": "1", "content": "3"}])"),
                                                "messages");
  const ChatMessage call{"assistant", "", "hmm", {{"1", "f", "{\"n\": [1, 2]}"}, {"", "g", "{\"n\":1}"}}};
  EXPECT_THAT(messages, ElementsAre(message("system", "ab"), call, message("tool", "3")));
  EXPECT_EQ(chat_messages_from_json(to_json(messages), "messages"), messages);
}

TEST(ChatMessages, NoThinkingIsNotEmptyThinking) {
  const auto messages = chat_messages_from_json(Json::parse(R"([
      {"role": "assistant", "content": "a", "reasoning_content": ""},
      {"role": "assistant", "content": "a", "reasoning_content": null},
      {"role": "assistant", "reasoning_content": "b"}])"),
                                                "messages");
  EXPECT_EQ(messages[0].reasoning, "");
  EXPECT_EQ(messages[1].reasoning, std::nullopt);
  EXPECT_EQ(messages[2].reasoning, "b");
  EXPECT_EQ(messages[2].content, "");
  EXPECT_EQ(chat_messages_from_json(to_json(messages), "messages"), messages);
}

TEST(ChatMessages, AreRefusedByField) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "m: expected an array of messages, found object"},
      {R"([])", "m: expected at least one message, found none"},
      {R"([1])", "m[0]: expected an object, found number"},
      {R"([{"content": "a"}])", "m[0].role: expected one of system, user, assistant, tool, found none"},
      {R"([{"role": 1}])", "m[0].role: expected one of system, user, assistant, tool, found number"},
      {R"([{"role": "x\n"}])", "m[0].role: expected one of system, user, assistant, tool, found 'x\\x0a'"},
      {R"([{"role": "user", "content": 1}])", "m[0].content: expected text, found number"},
      {R"([{"role": "user", "content": null}])", "m[0].content: expected text, found null"},
      {R"([{"role": "user", "content": "a"}, {"role": "tool"}])", "m[1].content: expected text, found none"},
      {R"([{"role": "system", "content": null}])", "m[0].content: expected text, found null"},
      {R"([{"role": "assistant", "content": null, "reasoning_content": 1}])",
       "m[0].reasoning_content: expected text, found number"},
      {R"([{"role": "user", "content": ["a"]}])", "m[0].content[0]: expected an object, found string"},
      {R"([{"role": "user", "content": [{"type": "image_url"}]}])",
       "m[0].content[0].type: expected 'text', found 'image_url'"},
      {R"([{"role": "user", "content": [{"type": "text"}]}])",
       "m[0].content[0].text: expected text, found none"},
      {R"([{"role": "user", "content": "", "tool_calls": [1]}])",
       "m[0].tool_calls: expected none in a message of the role user, found some"},
      {R"([{"role": "assistant", "tool_calls": {}}])", "m[0].tool_calls: expected an array, found object"},
      {R"([{"role": "assistant", "tool_calls": [{}]}])",
       "m[0].tool_calls[0].function: expected an object, found none"},
      {R"([{"role": "assistant", "tool_calls": [{"function": {}}]}])",
       "m[0].tool_calls[0].function.name: expected a name, found none"},
      {R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": [1]}}]}])",
       "m[0].tool_calls[0].function.arguments: expected text, found array"},
  };
  for (const auto& [json, line] : cases) {
    EXPECT_STREQ(error_of([&] { chat_messages_from_json(Json::parse(json), "m"); }).what(), line);
  }
}

TEST(ChatOptions, AreReadAndRefusedByField) {
  const auto options = chat_options_from_json(
      Json::parse(R"({"enable_thinking": false, "tools": [{"b":1,"a":2}]})"), "options");
  EXPECT_TRUE(options.add_generation_prompt);
  EXPECT_FALSE(options.enable_thinking);
  EXPECT_THAT(options.tools, ElementsAre("{\"b\": 1, \"a\": 2}"));
  const std::pair<const char*, const char*> cases[] = {
      {R"([])", "o: expected an object, found array"},
      {R"({"think": true})",
       "o: expected the keys add_generation_prompt, enable_thinking and tools, found 'think'"},
      {R"({"enable_thinking": "no"})", "o.enable_thinking: expected true or false, found 'no'"},
      {R"({"tools": {}})", "o.tools: expected an array of tools, found object"},
      {R"({"tools": [1]})", "o.tools[0]: expected an object, found number"},
  };
  for (const auto& [json, line] : cases) {
    EXPECT_STREQ(error_of([&] { chat_options_from_json(Json::parse(json), "o"); }).what(), line);
  }
}

}  // namespace
}  // namespace reprise::engine
