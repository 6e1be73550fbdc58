#include "harness/replay/child_replay.h"

#include <gmock/gmock.h>

#include "engine/tests/io/io_test_support.h"
#include "harness/tests/support/sample_child.h"

namespace reprise::harness {
namespace {

using engine::error_of;
using engine::ScratchFolder;
using engine::write_raw;
using testing::HasSubstr;

/// A shell that says prepared lines: the handshake, then those of `answers`, one for each request it reads.
/// The requests stand in `asked()`.
class FakeChild {
 public:
  explicit FakeChild(const std::vector<std::string>& answers,
                     const std::string& handshake = to_line(sample_handshake()),
                     const std::string& end = "") {
    write_raw(folder_ / "handshake", handshake + "\n");
    std::string script = "cd " + folder_.path().string() + "; cat handshake; ";
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const std::string name = "answer" + std::to_string(i);
      write_raw(folder_ / name, answers[i] + "\n");
      script += "read -r line; echo \"$line\" >> asked; cat " + name + "; ";
    }
    arguments_ = {"-c", script + (end.empty() ? "cat > rest" : end)};
  }

  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }
  [[nodiscard]] std::string asked() const { return engine::read_raw(folder_ / "asked"); }
  [[nodiscard]] bool ended_by_itself() const { return std::filesystem::exists(folder_ / "rest"); }

 private:
  ScratchFolder folder_;
  std::vector<std::string> arguments_;
};

TEST(ChildReplay, AsksAndIsAnswered) {
  const FakeChild fake({to_line(sample_run()), to_line(std::vector<Sample>(3, sample_run())),
                        to_line(std::vector<ChildProfile>(2, sample_profile())), to_line(sample_counts())});
  {
    ChildReplay replay("/bin/sh", fake.arguments());
    EXPECT_EQ(replay.handshake().capture.name, "example");
    EXPECT_EQ(replay.handshake().n_prompt_processed, 3);
    Runner& runner = replay;
    runner.restore();
    EXPECT_EQ(runner.run().token_seconds, sample_run().token_seconds);
    EXPECT_EQ(replay.runs(3).size(), 3U);
    EXPECT_EQ(replay.profile(2)[1].cost_centres.size(), 2U);
    EXPECT_EQ(replay.counts().allocations, 42);
  }
  EXPECT_EQ(
      fake.asked(),
      "{\"do\":\"run\"}\n{\"do\":\"runs\",\"n\":3}\n{\"do\":\"profile\",\"runs\":2}\n{\"do\":\"counts\"}\n");
  EXPECT_TRUE(fake.ended_by_itself());
}

TEST(ChildReplay, ARunThatDidNotVerifySaysSo) {
  Sample sample = sample_run();
  sample.verified = false;
  const FakeChild fake({to_line(sample)});
  ChildReplay replay("/bin/sh", fake.arguments());
  EXPECT_FALSE(replay.run().verified);
}

TEST(ChildReplay, WhatTheChildCannotOpenIsItsOwnError) {
  const FakeChild fake({}, error_line("call.safetensors: expected a file, found none", 4), "exit 4");
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { ChildReplay("/bin/sh", fake.arguments()); }, &code),
            "/bin/sh: call.safetensors: expected a file, found none");
  EXPECT_EQ(code, ErrorCode::invalid_argument);
}

TEST(ChildReplay, AnErrorDoesNotEndTheChild) {
  const FakeChild fake({error_line("gpu: busy"), to_line(sample_run())});
  ChildReplay replay("/bin/sh", fake.arguments());
  EXPECT_EQ(error_of([&] { replay.run(); }), "/bin/sh: gpu: busy");
  EXPECT_TRUE(replay.run().verified);
}

/// A build from before the protocol knows no such command.
TEST(ChildReplay, AProgramThatDoesNotSpeakTheProtocolIsNamedWithItsWords) {
  const std::vector<std::string> older = {"-c", "echo \"reprise: command: found 'runs'\" >&2; exit 4"};
  EXPECT_EQ(
      error_of([&] { ChildReplay("/bin/sh", older); }),
      "/bin/sh: expected an answer, found exit status 4; it last wrote: reprise: command: found 'runs'");
  const FakeChild chatty({}, "loading the model ...");
  EXPECT_EQ(error_of([&] { ChildReplay("/bin/sh", chatty.arguments()); }),
            "/bin/sh: answer 'loading the model ...': expected JSON, found a syntax error at byte 1");
  EXPECT_THAT(error_of([] { ChildReplay("/missing/reprise", {}); }),
              HasSubstr("/missing/reprise: cannot start"));
}

TEST(ChildReplay, GarbageForAnAnswerIsAnError) {
  const FakeChild fake({"?", to_line(std::vector<Sample>(2, sample_run())), to_line(sample_run())});
  ChildReplay replay("/bin/sh", fake.arguments());
  EXPECT_EQ(error_of([&] { replay.run(); }),
            "/bin/sh: answer '?': expected JSON, found a syntax error at byte 1");
  EXPECT_EQ(error_of([&] { replay.runs(3); }), "/bin/sh: runs: expected 3, as asked, found 2");
  EXPECT_EQ(error_of([&] { replay.counts(); }), "/bin/sh: kernels: expected array, found nothing");
}

TEST(ChildReplay, OneThatDiesWhileItRunsIsNamed) {
  const FakeChild fake({to_line(sample_run())}, to_line(sample_handshake()),
                       "read -r line; echo 'kernel failed' >&2; kill -ABRT $$");
  ChildReplay replay("/bin/sh", fake.arguments());
  replay.run();
  EXPECT_EQ(error_of([&] { replay.run(); }),
            "/bin/sh: expected an answer, found that SIGABRT ended it; it last wrote: kernel failed");
}

TEST(ChildReplay, OneThatHangsIsGivenUp) {
  const FakeChild fake({}, to_line(sample_handshake()), "read -r line; exec sleep 1000");
  ChildReplay replay("/bin/sh", fake.arguments(), {.answer_seconds = 1, .exit_seconds = 0.05});
  EXPECT_EQ(error_of([&] { replay.run(); }), "/bin/sh: expected an answer, found none within 1 s");
}

TEST(ChildReplayDeathTest, AsksForSomeRunsAndNotForTooMany) {
  const FakeChild fake({});
  ChildReplay replay("/bin/sh", fake.arguments());
  EXPECT_DEATH(replay.runs(0), "check failed: 1 <= n");
  EXPECT_DEATH(replay.profile(kMaxChildRuns + 1), "check failed: 1 <= n");
}

}  // namespace
}  // namespace reprise::harness
