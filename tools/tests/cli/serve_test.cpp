/// `reprise serve` as a program: its flags, its first words, its end at a signal. What it answers:
/// engine/tests/serve/http.
#include <gmock/gmock.h>
#include <httplib.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using testing::Outcome;

/// The program, in the background, with its standard error in a pipe.
class Served {
 public:
  explicit Served(const Arguments& flags) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) {
      throw std::runtime_error("pipe");
    }
    std::vector<std::string> words = {REPRISE_BINARY_DIR "/bin/reprise", "serve", "synthetic:qwen3-tiny",
                                      "--port", "0"};
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<char*> argv;
    for (std::string& word : words) {
      argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    child_ = fork();
    if (child_ == 0) {
      dup2(ends[1], STDERR_FILENO);
      close(ends[0]);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(ends[1]);
    err_ = ends[0];
    while (text_.find("/v1") == std::string::npos && read_more()) {
    }
    const std::size_t address = text_.find("http://127.0.0.1:");
    port_ = address == std::string::npos ? 0 : std::atoi(text_.c_str() + address + 17);
  }
  ~Served() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    close(err_);
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  [[nodiscard]] httplib::Client client() const {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(60);
    return client;
  }
  [[nodiscard]] const std::string& words() const { return text_; }
  [[nodiscard]] int port() const { return port_; }
  /// The exit code after a signal, or 128 and more.
  int end(int signal) {
    kill(child_, signal);
    while (read_more()) {
    }
    int status = 0;
    waitpid(std::exchange(child_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  bool read_more() {
    std::array<char, 256> bytes{};
    const ssize_t n = read(err_, bytes.data(), bytes.size());
    text_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return n > 0;
  }

  pid_t child_ = -1;
  int err_ = -1;
  int port_ = 0;
  std::string text_;
};

class Serve : public CliTest {};

TEST_F(Serve, SaysWhereItIsAndEndsInOrderAtASignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Served served({"--threads", "1", "--chat-template", "chatml"});
    EXPECT_THAT(served.words(), HasSubstr("qwen3-tiny on http://127.0.0.1:"));
    EXPECT_EQ(served.client().Get("/health")->status, 200);
    EXPECT_EQ(served.end(signal), 0);
    EXPECT_THAT(served.words(), HasSubstr("chat template: chatml"));
    EXPECT_THAT(served.words(), HasSubstr("stopping"));
  }
}

TEST_F(Serve, AModelWithoutAChatTemplateSaysSoAndCompletesTexts) {
  const Served served({"--threads", "1"});
  const auto chat = served.client().Post(
      "/v1/chat/completions", R"({"messages": [{"role": "user", "content": "a"}]})", "application/json");
  EXPECT_EQ(chat->status, 400);
  EXPECT_THAT(chat->body, HasSubstr("--chat-template"));
  const auto text =
      served.client().Post("/v1/completions", R"({"prompt": "a", "max_tokens": 2})", "application/json");
  EXPECT_EQ(text->status, 200) << text->body;
}

TEST_F(Serve, AProfileAddsUpToTheTimeOfAllCalls) {
  const Served served({"--threads", "1", "--profile"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(served.client()
                  .Post("/v1/completions", R"({"prompt": "abc", "max_tokens": 5})", "application/json")
                  ->status,
              200);
  }
  const json report = json::parse(served.client().Get("/report")->body);
  EXPECT_EQ(report["schema"], "reprise.live_profile/1");
  EXPECT_EQ(report["calls"], 3);
  double sum = report["unattributed_seconds"];
  std::int64_t n_linear = 0;
  for (const json& centre : report["cost_centres"]) {
    sum += centre["seconds"].get<double>();
    n_linear += centre["name"] == "linear" ? centre["calls"].get<std::int64_t>() : 0;
  }
  EXPECT_NEAR(sum, report["seconds"].get<double>(), 1e-9);
  EXPECT_GT(n_linear, 3 * 5);
}

TEST_F(Serve, CapturesAndLogsTheCallsItAnswers) {
  const std::string folder = path("captures").string();
  const std::string log = path("calls.jsonl").string();
  Served served(
      {"--threads", "1", "--capture-dir", folder, "--capture-policy", "every:2", "--call-log", log});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(served.client()
                  .Post("/v1/completions", R"({"prompt": "abc", "max_tokens": 3})", "application/json")
                  ->status,
              200);
  }
  EXPECT_EQ(served.end(SIGTERM), 0);
  const std::string lines = testing::read_file(log);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 5) << lines;
  std::vector<std::string> captures;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    captures.push_back(entry.path().string());
  }
  ASSERT_EQ(captures.size(), 2U) << served.words();
  for (const std::string& capture : captures) {
    const Outcome replayed = run({"replay", capture, "--budget", "0.5", "--min-runs", "1"});
    EXPECT_THAT(replayed.out, HasSubstr("identical")) << replayed.err;
  }
}

TEST_F(Serve, WrongFlagsAreOneLine) {
  const auto expect = [&](const Arguments& flags, const std::string& part) {
    Arguments arguments = {"serve", "synthetic:qwen3-tiny"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 4);
    EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  };
  expect({"--host", "0.0.0.0"}, "--host: expected --api-key-file with an address that others reach");
  expect({"--host", "256.0.0.1", "--api-key-file", "none"}, "none");
  expect({"--port", "70000"}, "--port");
  expect({"--slots", "0"}, "--slots");
  expect({"--timeout", "0"}, "--timeout");
  expect({"--chat-template", "jinja"}, "chatml");
  testing::write_file(path("short"), "abc\n");
  expect({"--api-key-file", "short"}, "short: expected a key of at least 8 characters, found 3");
  testing::write_file(path("odd"), "abc%20defgh\n");
  expect({"--api-key-file", "odd"}, "odd: expected a key of printable ASCII without spaces and %");
  expect({"--backend", "hip", "--isa", "gfx000"}, "gfx000");
  EXPECT_EQ(run({"serve", "nothing-here"}).exit_code, 4);
}

TEST_F(Serve, APortThatIsTakenIsOneLine) {
  const Served served({"--threads", "1"});
  const Outcome outcome = run({"serve", "synthetic:qwen3-tiny", "--port", std::to_string(served.port())});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("expected an address and a port that are free"));
}

}  // namespace
}  // namespace reprise::cli
