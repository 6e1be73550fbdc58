/// `reprise runs`, the child that `compare` and `gate` replay captures in: the real program, asked by the
/// real parent.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/core/build_info.h"
#include "engine/tests/io/io_test_support.h"
#include "harness/replay/child_replay.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using engine::error_of;
using harness::ChildProcess;
using harness::ChildReplay;
using nlohmann::json;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;

const std::string kProgram = REPRISE_BINARY_DIR "/bin/reprise";
const std::string kExample = REPRISE_SOURCE_DIR "/captures/example.safetensors";

/// `reprise runs` of the shipped capture.
Arguments example(const Arguments& more = {"--threads", "1"}) {
  Arguments arguments = {"runs", kExample};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

class Runs : public CliTest {};

TEST_F(Runs, TheHandshakeSaysWhatIsReplayedWhereAndByWhom) {
  ChildReplay replay(kProgram, example({"--threads", "2", "--isa", "scalar"}));
  const harness::ChildHandshake& handshake = replay.handshake();
  EXPECT_EQ(handshake.tool.git_commit, engine::build_info().git_commit);
  EXPECT_EQ(handshake.capture.name, "example");
  EXPECT_EQ(handshake.capture.model.stored_precision, "f32");
  EXPECT_EQ(handshake.capture.n_generated, 2);
  EXPECT_EQ(handshake.placement.isa, "scalar");
  EXPECT_EQ(handshake.placement.threads, 2);
  EXPECT_EQ(handshake.placement.precision, "f32");
  EXPECT_EQ(handshake.verification.mode, harness::ReplayMode::free);
  EXPECT_EQ(handshake.verification.verdict, harness::OutputVerdict::identical);
  EXPECT_EQ(handshake.n_prompt_processed, 2);
  EXPECT_GT(handshake.memory.weights_bytes, 0);
  EXPECT_TRUE(replay.run().verified);
}

TEST_F(Runs, RunsAreVerifiedAndSayWhatTheyMet) {
  ChildReplay replay(kProgram, example());
  const harness::Sample one = replay.run();
  const std::vector<harness::Sample> more = replay.runs(7);
  ASSERT_EQ(more.size(), 7U);
  for (const harness::Sample* sample : {&one, &more.front(), &more.back()}) {
    EXPECT_TRUE(sample->verified);
    ASSERT_EQ(sample->token_seconds.size(), 2U);
    EXPECT_GT(sample->token_seconds[1], 0);
    EXPECT_EQ(sample->time_to_first_token_seconds, sample->token_seconds[0]);
    EXPECT_NEAR(sample->total_seconds, sample->token_seconds[0] + sample->token_seconds[1], 1e-12);
    EXPECT_TRUE(sample->conditions.has_value());
  }
}

TEST_F(Runs, ForcedAtAnotherPrecisionIsComparedAndTimed) {
  ChildReplay replay(kProgram, example({"--precision", "bf16", "--threads", "1"}));
  EXPECT_EQ(replay.handshake().verification.mode, harness::ReplayMode::forced);
  EXPECT_GT(replay.handshake().verification.max_abs_logit_error, 0.0);
  EXPECT_TRUE(replay.run().verified);
  ChildReplay free(kProgram, example({"--precision", "bf16", "--free"}));
  EXPECT_FALSE(free.handshake().verification.agrees());
  EXPECT_FALSE(free.run().verified);
}

TEST_F(Runs, EveryProfileIsWhole) {
  ChildReplay replay(kProgram, example());
  const harness::ChildCounts counts = replay.counts();
  const std::vector<harness::ChildProfile> profiles = replay.profile(3);
  ASSERT_EQ(profiles.size(), 3U);
  for (const harness::ChildProfile& profile : profiles) {
    harness::Seconds sum = profile.unattributed_seconds;
    std::int64_t bytes = 0;
    for (const harness::ChildCostCentre& centre : profile.cost_centres) {
      EXPECT_GT(centre.seconds, 0);
      sum += centre.seconds;
      bytes += centre.bytes;
    }
    EXPECT_GT(profile.wall_seconds, 0);
    EXPECT_NEAR(sum, profile.wall_seconds, 1e-12);
    EXPECT_EQ(profile.cost_centres.size(), counts.kernels.size());
    EXPECT_EQ(bytes, std::accumulate(counts.kernels.begin(), counts.kernels.end(), std::int64_t{0},
                                     [](std::int64_t n, const auto& kernel) { return n + kernel.bytes; }));
  }
}

TEST_F(Runs, CountsDependOnTheCallAlone) {
  const auto counts_of = [](const Arguments& arguments) {
    ChildReplay replay(kProgram, arguments);
    std::string counts = to_line(replay.counts());
    replay.runs(5);
    EXPECT_EQ(to_line(replay.counts()), counts);
    return counts;
  };
  const std::string counts = counts_of(example());
  EXPECT_EQ(counts_of(example()), counts);
  EXPECT_EQ(counts_of(example({"--threads", "2"})), counts_of(example({"--threads", "2"})));
  EXPECT_NE(counts_of(example({"--precision", "bf16", "--threads", "1"})), counts);
  EXPECT_NE(counts_of(example({"--kv-cache", "off", "--threads", "1"})), counts);
}

TEST_F(Runs, CountsAreThoseOfTheCall) {
  ChildReplay replay(kProgram, example());
  const harness::ChildCounts counts = replay.counts();
  // microgpt-tiny: 25 kernels in a forward pass; one for the prompt, one for the second token.
  std::int64_t prefill = 0;
  std::int64_t decode = 0;
  for (const harness::ChildKernelCount& kernel : counts.kernels) {
    (kernel.phase == "prefill" ? prefill : decode) += kernel.calls;
  }
  EXPECT_EQ(prefill, 25);
  EXPECT_EQ(decode, 25);
  EXPECT_EQ(counts.peak_kv_bytes, 2 * 2 * 4 * 36 * 4);  // keys and values, 2 layers, 4 positions of 36 floats
  EXPECT_EQ(counts.weights_bytes, replay.handshake().memory.weights_bytes);
  ASSERT_TRUE(counts.allocations.has_value());
  EXPECT_GE(*counts.allocations, 3);  // the context, the tokens, their seconds
}

TEST_F(Runs, ALongerCallAllocatesMore) {
  make_capture("short.safetensors");
  const testing::Outcome outcome = run({"generate", "synthetic:microgpt-tiny", "--prompt-ids", "1,2,3,4",
                                        "--max-new-tokens", "12", "--capture", "long.safetensors"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto allocations_of = [&](const char* name) {
    ChildReplay replay(kProgram, {"runs", path(name).string(), "--threads", "1"});
    return replay.counts().allocations.value();
  };
  EXPECT_LT(allocations_of("short.safetensors"), allocations_of("long.safetensors"));
}

TEST_F(Runs, AnUnknownRequestIsAnsweredAndOver) {
  ChildProcess child(kProgram, example());
  EXPECT_EQ(json::parse(child.read_line())["protocol"], 1);
  const auto answer = [&](const std::string& request) {
    child.write_line(request);
    return json::parse(child.read_line());
  };
  EXPECT_EQ(answer(R"({"do":"dance"})")["error"],
            "request: do: expected run|runs|profile|counts|quit, found dance");
  EXPECT_EQ(answer("hello")["error"], "request: expected JSON, found a syntax error at byte 1");
  EXPECT_EQ(answer(R"({"do":"runs","n":0})")["error"], "request: n: expected from 1 to 100000, found 0");
  EXPECT_EQ(answer("").count("error"), 1U);
  EXPECT_EQ(answer(R"({"do":"run","priority":"high"})")["verified"], true);
  EXPECT_EQ(answer(R"({"do":"runs","n":2})")["runs"].size(), 2U);
  child.write_line(R"({"do":"quit"})");
  EXPECT_THAT(error_of([&] { child.read_line(); }), HasSubstr("found exit status 0"));
}

TEST_F(Runs, ARequestWithoutEndIsRefused) {
  ChildProcess child(kProgram, example());
  child.read_line();
  EXPECT_THAT(
      error_of([&] {
        child.write_line(std::string(100'000, ' '));
        child.read_line();
      }),
      HasSubstr("found exit status 4; it last wrote: reprise: standard input: expected a request of at "
                "most 65536 bytes, found more"));
}

/// The error stands where the parent reads, where people read, and in the exit code.
TEST_F(Runs, WhatCannotBeOpenedIsTheFirstAndOnlyLine) {
  make_capture("call.safetensors");
  testing::write_file(path("damaged.safetensors"),
                      testing::read_file(path("call.safetensors")).substr(0, 900));
  const auto expect = [&](const Arguments& arguments, const std::string& error) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 4);
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1) << outcome.out;
    const json line = json::parse(outcome.out);
    EXPECT_THAT(line["error"].get<std::string>(), HasSubstr(error));
    EXPECT_EQ(line["exit_code"], 4);
    EXPECT_EQ(outcome.err, "reprise: " + line["error"].get<std::string>() + "\n");
    EXPECT_THAT(error_of([&] { ChildReplay(kProgram, arguments); }), HasSubstr(kProgram + ": "));
  };
  expect({"runs", "missing.safetensors"}, "missing.safetensors: ");
  expect({"runs", "damaged.safetensors"}, "damaged.safetensors: ");
  expect({"runs", "call.safetensors", "--model", "nowhere"}, "nowhere");
  expect({"runs", "call.safetensors", "--model", "synthetic:llama-tiny"}, "model digest: expected");
  expect({"runs", "call.safetensors", "--precision", "f8"}, "--precision: expected");
}

TEST_F(Runs, WrongFlagsAreAUsageErrorAsEverywhere) {
  expect_error({"runs"}, {"CAPTURE: expected one, found nothing", "(see reprise runs --help)"});
  expect_error({"runs", kExample, "--treads", "2"}, {"--treads"});
}

TEST_F(Runs, IsDocumentedButNotListed) {
  EXPECT_THAT(output({"--help"}), Not(HasSubstr("as often as requests")));
  EXPECT_THAT(output({"runs", "--help"}), HasSubstr("--kv-precision"));
}

}  // namespace
}  // namespace reprise::cli
