/// `reprise chat`: through pipes, and on a terminal.
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>

#include <nlohmann/json.hpp>

#include "engine/capture/capture.h"
#include "engine/tests/support/data.h"
#include "tools/cli/chat_output.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using reprise::testing::external_data;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using testing::Outcome;
using testing::read_file;

/// A model of 1024 positions whose tokens are the bytes, and 256 that have no text.
const Arguments kTiny = {"chat",   "synthetic:qwen3-tiny", "--chat-template",
                         "chatml", "--max-new-tokens",     "8"};

class ChatProgram : public CliTest {
 protected:
  Outcome chat(const std::string& input, const Arguments& more = {}) const {
    Arguments arguments = kTiny;
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run_with_input(arguments, input);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome;
  }
  /// What the capture's call generated, and what `generate` does with its prompt.
  void expect_ids_of_generate(const std::string& capture_name) const {
    const engine::Capture capture = engine::read_capture(path(capture_name));
    std::string ids;
    for (const engine::TokenId id : capture.request.prompt_ids) {
      ids += (ids.empty() ? "" : ",") + std::to_string(id);
    }
    const auto call = nlohmann::json::parse(
        output({"generate", "synthetic:qwen3-tiny", "--prompt-ids", ids, "--max-new-tokens", "8", "--json"}));
    EXPECT_EQ(call["generated_ids"], nlohmann::json(capture.steps.generated_ids));
  }
};

TEST_F(ChatProgram, TurnsGiveTheTokensOfGenerate) {
  const Outcome outcome =
      chat("/capture one.safetensors\nhello\n/capture two.safetensors\nmore\nand more\n/show\n");
  const std::string first = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_THAT(outcome.out, HasSubstr(first));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("> ")));  // no prompts
  expect_ids_of_generate("one.safetensors");
  expect_ids_of_generate("two.safetensors");
  EXPECT_EQ(engine::read_capture(path("one.safetensors")).request.prompt_ids.size(), first.size());
  EXPECT_THAT(outcome.err, HasSubstr("turn 1: 0 prompt tokens reused, 55 processed ("));
  EXPECT_THAT(outcome.err, HasSubstr("8 generated ("));
  EXPECT_THAT(outcome.err, HasSubstr("the reply was cut after --max-new-tokens 8\n"));
  EXPECT_EQ(run({"capture", "verify", "two.safetensors"}).exit_code, 0);
}

TEST_F(ChatProgram, WhatIsCachedIsReused) {
  const Outcome outcome = chat("hello\n/clear\nhello\n");
  // Forgotten by the conversation, not by the cache; the prompt's last token is always processed.
  EXPECT_THAT(outcome.err, HasSubstr("turn 2: 54 prompt tokens reused, 1 processed ("));
}

TEST_F(ChatProgram, LinesCanGoOn) {
  const Outcome outcome = chat("a\\\nb\\\n\n   \n/show\n", {"--system", "s"});
  EXPECT_THAT(outcome.out,
              HasSubstr("<|im_start|>system\ns<|im_end|>\n<|im_start|>user\na\nb\n<|im_end|>\n"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("turn 2")));
}

TEST_F(ChatProgram, ASavedConversationCanBeTokenized) {
  const Outcome outcome = chat("hello\n/show\n/save chat.jsonl\n");
  const Outcome tokenized =
      run_with_input({"tokenize", "synthetic:qwen3-tiny", "--chat", "--chat-template", "chatml"},
                     read_file(path("chat.jsonl")));
  ASSERT_EQ(tokenized.exit_code, 0) << tokenized.err;
  EXPECT_THAT(outcome.out, HasSubstr(nlohmann::json::parse(tokenized.out)["rendered"].get<std::string>()));
  EXPECT_THAT(outcome.err, HasSubstr("saved 2 messages to chat.jsonl\n"));
}

TEST_F(ChatProgram, BrokenLinesAreOneLineAndItGoesOn) {
  const Outcome outcome = chat("/nope\n/save\n/save missing/x\n/clear now\n/think\n/capture missing/x\n" +
                               std::string(2000, 'x') + "\nhello\n");
  for (const char* line :
       {"reprise: command: expected one that /help lists, found '/nope'\n",
        "reprise: /save: expected a file, found nothing\n",
        "reprise: missing/x: ", "reprise: /clear: expected nothing after it, found 'now'\n",
        "reprise: thinking: expected a chat template that knows it, found chatml\n",
        "reprise: conversation: expected at most 1024 tokens (the context), found 2050; /clear "
        "empties it\n",
        "turn 1: 0 prompt tokens reused, 55 processed"}) {
    EXPECT_THAT(outcome.err, HasSubstr(line));
  }
}

TEST_F(ChatProgram, AFullContextIsSaid) {
  const Outcome outcome = chat("hello\nmore\n", {"--context", "56"});
  EXPECT_THAT(outcome.err,
              HasSubstr("context_full; context 56/56\nthe context of 56 tokens is full: /clear"));
  EXPECT_THAT(outcome.err,
              HasSubstr("reprise: conversation: expected at most 56 tokens (the context), found"));
}

TEST_F(ChatProgram, CommandsAnswer) {
  const Outcome outcome = chat("/help\nhello\n/report\n/quit\nnever said\n");
  EXPECT_THAT(outcome.out, HasSubstr("/capture FILE"));
  EXPECT_THAT(outcome.out, HasSubstr("turn  calls  reused  processed"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("turn 2")));
  EXPECT_EQ(chat("").out, "");
}

TEST_F(ChatProgram, ThinkingIsTurnedOnAndOff) {
  const Outcome outcome = run_with_input({"chat", "synthetic:qwen3-tiny", "--chat-template", "qwen3",
                                          "--no-thinking", "--max-new-tokens", "2", "--tools"},
                                         "/think\na\n/nothink\n/clear\na\n/show\n");
  EXPECT_THAT(outcome.err, HasSubstr("thinking on\n"));
  EXPECT_THAT(outcome.err, HasSubstr("thinking off\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\"name\": \"sumN1\""));
  // The empty thought is 19 tokens here, after all of the first turn's prompt.
  EXPECT_THAT(outcome.err, ::testing::ContainsRegex("turn 2: [0-9]+ prompt tokens reused, 19 processed"));
}

TEST_F(ChatProgram, TrainedModelsAnswer) {
  REPRISE_NEEDS_DATA("minimind2-small");
  const std::filesystem::path model = external_data() / "minimind2-small";
  const auto golden = nlohmann::json::parse(read_file(model / "golden.json"));
  for (const auto& example : golden["cases"]) {
    ASSERT_EQ(example["messages"].size(), 1U);
    const Outcome outcome = run_with_input(
        {"chat", model.string(), "--max-new-tokens", std::to_string(example["greedy_ids"].size())},
        example["messages"][0]["content"].get<std::string>() + "\n");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    std::string reply = example["greedy_text"].get<std::string>();
    if (const std::size_t end = reply.find("<|im_end|>"); end != std::string::npos) {
      reply.resize(end);
    }
    EXPECT_EQ(outcome.out, reply + "\n");
  }
}

TEST_F(ChatProgram, Flags) {
  const auto expect_flag_error = [&](const Arguments& flags, const std::string& line) {
    Arguments arguments = {"chat", "synthetic:qwen3-tiny"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    expect_error(arguments, {line});
  };
  expect_flag_error(
      {}, "synthetic:qwen3-tiny: chat template: expected one, found none; choose with --chat-template");
  expect_flag_error({"--chat-template", "x"}, "--chat-template: expected one of qwen3");
  expect_flag_error({"--chat-template", "chatml", "--tools"},
                    "--tools: expected a chat template that describes tools, found chatml");
  expect_flag_error({"--chat-template", "chatml", "--context", "1025"},
                    "--context: expected 1 to 1024 (the model's), found 1025");
  expect_flag_error({"--chat-template", "chatml", "--context", "-1"}, "--context: expected 1 to 1024");
  expect_flag_error({"--chat-template", "chatml", "--max-new-tokens", "0"},
                    "--max-new-tokens: expected at least 1");
  expect_flag_error({"--chat-template", "chatml", "--temperature", "-1"}, "temperature: expected 0 (greedy)");
  expect_flag_error({"--chat-template", "chatml", "--backend", "x"}, "--backend: expected one of");
}

// --- on a terminal --------------------------------------------------------------------------------------

/// The program on a terminal of its own.
class Terminal {
 public:
  explicit Terminal(const Arguments& arguments) {
    child_ = forkpty(&descriptor_, nullptr, nullptr, nullptr);
    if (child_ == 0) {
      std::vector<char*> argv = {const_cast<char*>(kProgram)};
      for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str()));
      }
      argv.push_back(nullptr);
      execv(kProgram, argv.data());
      _exit(127);
    }
  }
  ~Terminal() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    close(descriptor_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(const std::string& text) const {
    EXPECT_EQ(write(descriptor_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// What is shown from the last wait_for() until `text` is; fails after two minutes.
  std::string wait_for(const std::string& text) {
    std::string shown;
    while (true) {
      if (const std::size_t at = held_.find(text); at != std::string::npos) {
        shown = held_.substr(0, at + text.size());
        held_.erase(0, at + text.size());
        return shown;
      }
      if (!read_more()) {
        ADD_FAILURE() << "no \"" << text << "\" in: " << held_;
        return held_;
      }
    }
  }
  void wait_for_more() {
    while (held_.empty() && read_more()) {
    }
    EXPECT_NE(held_, "");
  }
  int wait_for_end() {
    while (read_more()) {
    }
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  static constexpr const char* kProgram = REPRISE_BINARY_DIR "/bin/reprise";

  bool read_more() {
    pollfd ready{descriptor_, POLLIN, 0};
    char bytes[1024];
    if (poll(&ready, 1, 120'000) != 1) {
      return false;
    }
    const ssize_t n = read(descriptor_, bytes, sizeof bytes);
    held_.append(bytes, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return n > 0;
  }

  int descriptor_ = -1;
  pid_t child_ = -1;
  std::string held_;
};

TEST(ChatTerminal, CtrlCAtThePromptLeavesTheSecondTime) {
  Terminal terminal(kTiny);
  terminal.wait_for("[0/1024] > ");
  terminal.type("\x03");
  terminal.wait_for("(Ctrl-C once more, or /quit, leaves)");
  terminal.type("hello\\\n");
  terminal.wait_for("... ");
  terminal.type("you\n");
  terminal.wait_for("turn 1: ");
  terminal.wait_for("[67/1024] > ");
  terminal.type("\x03");
  terminal.wait_for("[67/1024] > ");
  terminal.type("\x03");
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(ChatTerminal, CtrlCStopsTheReplyAndNotTheProgram) {
  Terminal terminal({"chat", "synthetic:qwen3-tiny", "--chat-template", "chatml", "--backend", "reference",
                     "--temperature", "1"});
  terminal.wait_for("[0/1024] > ");
  terminal.type("x\n");
  terminal.wait_for("x\r\n");
  terminal.wait_for_more();  // the reply has begun
  terminal.type("\x03");
  EXPECT_THAT(terminal.wait_for("] > "), HasSubstr("stopped"));
  terminal.type("/quit\n");
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(ChatTerminal, EndOfInputLeaves) {
  Terminal terminal(kTiny);
  terminal.wait_for("> ");
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

// --- what is shown ----------------------------------------------------------------------------------------

std::string shown(ReplyStyle style, const std::vector<std::string>& pieces) {
  std::FILE* file = std::tmpfile();
  {
    ReplyPrinter printer(style, file);
    engine::ChatReplyParser parser(
        [&](engine::ChatReplyParser::Part part, std::string_view text) { printer.on_text(part, text); });
    for (const std::string& piece : pieces) {
      parser.push(piece);
    }
    parser.finish();
  }
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  return text;
}

TEST(ReplyPrinter, ShowsThinkingApart) {
  const std::vector<std::string> reply = {"<think>\nso ", "it is\n</think>\n\n", "Fo", "ur."};
  EXPECT_EQ(shown({}, reply), "<think>\nso it is\n</think>\n\nFour.\n");
  EXPECT_EQ(shown({.dims_thinking = true}, reply), "\x1b[2mso it is\x1b[0m\n\nFour.\n");
  EXPECT_EQ(shown({.hide_thinking = true}, reply), "Four.\n");
  EXPECT_EQ(shown({}, {"Four.\n"}), "Four.\n");
  EXPECT_EQ(shown({}, {}), "");
}

TEST(ReplyPrinter, WhatWasBegunIsEnded) {
  EXPECT_EQ(shown({.dims_thinking = true}, {"<think>hm"}), "\x1b[2mhm\x1b[0m\n");
  EXPECT_EQ(shown({}, {"<think>hm"}), "<think>\nhm\n</think>\n");
}

TEST(ReplyPrinter, ControlCharactersStayOffTheTerminal) {
  EXPECT_EQ(shown({.is_terminal = true}, {"a\x1b[2Jb\tc\xc2\x9b\x7f é"}),
            "a\xEF\xBF\xBD[2Jb\tc\xEF\xBF\xBD\xEF\xBF\xBD é\n");
  EXPECT_EQ(shown({}, {"a\x1b[0mb"}), "a\x1b[0mb\n");
}

TEST(ChatCosts, AreSummedUpTurnByTurn) {
  using engine::FinishReason;
  engine::ChatTurn first;
  first.calls = {{0, 100, 11, 2, 1, FinishReason::eos}};
  engine::ChatTurn second;
  second.calls = {{110, 20, 1, 0.5, 0, FinishReason::eos}, {130, 30, 21, 0.5, 1, FinishReason::length}};
  EXPECT_EQ(cost_table(std::vector{first, second}),
            "turn  calls  reused  processed  tokens/s  generated  tokens/s  seconds  end\n"
            "----  -----  ------  ---------  --------  ---------  --------  -------  ------\n"
            "   1      1       0        100      50.0         11      10.0    3.000  eos\n"
            "   2      2     240         50      50.0         22      20.0    2.000  length\n"
            " all      3     240        150      50.0         33      15.0    5.000\n");
  EXPECT_EQ(cost_line(second),
            "240 prompt tokens reused, 50 processed (50.0 tokens/s), 22 generated (20.0 tokens/s) in 2 "
            "calls; length");
}

}  // namespace
}  // namespace reprise::cli
