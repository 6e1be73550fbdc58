/// `reprise tokenize`: JSON lines in, JSON lines out.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/tests/support/data.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using reprise::testing::external_data;
using testing::Arguments;
using testing::CliTest;
using testing::Outcome;
using testing::read_file;

const Arguments kTiny = {"tokenize", "synthetic:qwen3-tiny"};

class Tokenize : public CliTest {
 protected:
  /// What it answers to lines that it must understand.
  std::string answers(Arguments arguments, const Arguments& more, const std::string& input) const {
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run_with_input(arguments, input);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }
  /// The error of the last line, which is the only one that gets no answer.
  void expect_bad_line(const Arguments& more, const std::string& input, const std::string& error) const {
    Arguments arguments = kTiny;
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run_with_input(arguments, input);
    EXPECT_EQ(outcome.exit_code, 4) << input;
    EXPECT_EQ(outcome.err, "reprise: standard input: " + error + "\n");
  }
};

TEST_F(Tokenize, TextsBecomeIds) {
  EXPECT_EQ(answers(kTiny, {}, "\"Hi!\"\n\n{\"text\": \"é\\n\"}\n\"\""),
            "{\"ids\":[72,105,33]}\n{\"ids\":[195,169,10]}\n{\"ids\":[]}\n");
}

TEST_F(Tokenize, IdsBecomeTexts) {
  EXPECT_EQ(answers(kTiny, {"--decode"}, "[72, 105, 33]\n{\"ids\":[195,169,10]}\n[]\n[195]\n"),
            "{\"text\":\"Hi!\"}\n{\"text\":\"é\\n\"}\n{\"text\":\"\"}\n{\"text\":\"\xEF\xBF\xBD\"}\n");
}

TEST_F(Tokenize, ChatsBecomePrompts) {
  const std::string chat = answers(kTiny, {"--chat", "--chat-template", "chatml"},
                                   R"({"messages": [{"role": "user", "content": "a"}]})"
                                   "\n"
                                   R"({"messages": [{"role": "user", "content": "a"}],)"
                                   R"( "options": {"add_generation_prompt": false}})");
  std::istringstream lines(chat);
  std::string first;
  std::string second;
  std::getline(lines, first);
  std::getline(lines, second);
  const auto json = nlohmann::json::parse(first);
  EXPECT_EQ(json["rendered"], "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(json["ids"].size(), json["rendered"].get<std::string>().size());
  EXPECT_EQ(nlohmann::json::parse(second)["rendered"], "<|im_start|>user\na<|im_end|>\n");
}

TEST_F(Tokenize, BadLinesAreNamed) {
  expect_bad_line({}, "\"a\"\n\"b\n", "line 2: expected JSON, found a syntax error at byte 3");
  expect_bad_line({}, "\n[1]\n", "line 2: expected a text, found array");
  expect_bad_line({}, "{\"txt\": 1}", "line 1: expected the key 'text', found none");
  expect_bad_line({}, "\"\xff\"", "line 1: expected JSON, found a syntax error at byte 2");
  expect_bad_line({"--decode"}, "\"a\"", "line 1: expected an array of token ids, found string");
  expect_bad_line({"--decode"}, "[1, -1]", "line 1: [1]: expected a token id, found -1");
  expect_bad_line({"--decode"}, "[1.5]", "line 1: [0]: expected a token id, found 1.5");
  expect_bad_line({"--decode"}, "[18446744073709551615]",
                  "line 1: [0]: expected a token id, found 18446744073709551615");
  const Arguments chat = {"--chat", "--chat-template", "qwen3"};
  expect_bad_line(chat, "[]", "line 1: expected an object with messages, found array");
  expect_bad_line(chat, "{}", "line 1: expected an object with messages, found none");
  expect_bad_line(chat, R"({"messages": [{"role": "robot"}]})",
                  "line 1: messages[0].role: expected one of system, user, assistant, tool, found 'robot'");
  expect_bad_line(
      chat, R"({"messages": [{"role": "user", "content": ""}], "options": {"think": 1}})",
      "line 1: options: expected the keys add_generation_prompt, enable_thinking and tools, found 'think'");
  const Outcome outcome =
      run_with_input({"tokenize", "synthetic:qwen3-tiny", "--decode"}, "[65]\n[300]\n[66]\n");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_EQ(outcome.out, "{\"text\":\"A\"}\n");
  EXPECT_EQ(outcome.err.find("reprise: standard input: line 2: "), 0U) << outcome.err;
}

TEST_F(Tokenize, Flags) {
  expect_error({"tokenize"}, {"MODEL: expected one"});
  expect_error({"tokenize", "synthetic:qwen3-tiny", "--decode", "--chat"}, {"--decode excludes --chat"});
  expect_error(
      {"tokenize", "synthetic:qwen3-tiny", "--chat"},
      {"synthetic:qwen3-tiny: chat template: expected one, found none; choose with --chat-template qwen3"});
  expect_error({"tokenize", "synthetic:qwen3-tiny", "--chat", "--chat-template", "x"},
               {"--chat-template: expected one of qwen3", "found 'x'"});
  expect_error({"tokenize", "missing"}, {"missing: model: expected"});
}

TEST_F(Tokenize, AFolderWithATokenizerIsEnough) {
  REPRISE_NEEDS_DATA("vectors/chat-template-vectors.jsonl");
  std::istringstream vectors(read_file(external_data() / "vectors/chat-template-vectors.jsonl"));
  std::string input;
  std::string expected;
  for (std::string line; std::getline(vectors, line);) {
    const auto vector = nlohmann::ordered_json::parse(line);
    if (vector["tokenizer"] == "qwen3" && vector["template"] != "current") {
      input +=
          nlohmann::ordered_json{{"messages", vector["messages"]}, {"options", vector["options"]}}.dump() +
          "\n";
      expected +=
          nlohmann::ordered_json{{"rendered", vector["rendered"]}, {"ids", vector["ids"]}}.dump() + "\n";
    }
  }
  ASSERT_NE(input, "");
  EXPECT_EQ(answers({"tokenize", (external_data() / "tokenizers/qwen3").string()}, {"--chat"}, input),
            expected);
}

}  // namespace
}  // namespace reprise::cli
