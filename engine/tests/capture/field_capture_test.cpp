#include "engine/capture/field_capture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <set>
#include <thread>

#include "engine/generate/generate.h"
#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/digest_observer.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FieldCaptureTest : public ::testing::Test {
 protected:
  [[nodiscard]] FieldCaptureOptions options(std::string_view policy) const {
    FieldCaptureOptions options;
    options.folder = folder_ / "captures";
    options.policy = CapturePolicy::parse(policy);
    options.call_log = folder_ / "calls.jsonl";
    options.origin = {build_info(), R"({"cpu":"a test"})", "", ""};
    return options;
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "captures", error)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] std::vector<std::int64_t> numbers() const {
    std::vector<std::int64_t> numbers;
    for (const std::string& name : files()) {
      numbers.push_back(captured_number(name).value_or(-1));
    }
    return numbers;
  }
  [[nodiscard]] std::vector<CallRecord> log() const { return read_call_log(folder_ / "calls.jsonl").calls; }

  static void make_calls(FieldCapture& field, int n) {
    const Call call(kMicrogpt, 4, 2);
    const auto session = call.session();
    for (int i = 0; i < n; ++i) {
      field.generate(*session, call.request);
    }
  }

  ScratchFolder folder_;
};

TEST_F(FieldCaptureTest, ChangesNoBitAndReplaysTheSame) {
  for (const char* model : {kMicrogpt, kLlama}) {
    for (const std::int64_t n_cached : {0, 6}) {
      Call call = Call(model, 9, 6, n_cached).sampled(77);
      call.options = {};
      const Capture alone = call.record();
      reprise::testing::DigestObserver unrecorded;
      generate(*call.session(), call.request, &unrecorded);
      reprise::testing::DigestObserver observer;
      GenerateResult result;
      {
        FieldCapture field(options("all"));
        const auto session = call.session();
        result = field.generate(*session, call.request, &observer);
        EXPECT_EQ(session->history().size(), 9U + 5U);
      }
      EXPECT_EQ(result.generated_ids, alone.steps.generated_ids);
      EXPECT_EQ(observer.finish(), unrecorded.finish());
      const Capture kept = read_capture(folder_ / "captures" / files().back());
      expect_same_steps(kept.steps, alone.steps);
      EXPECT_EQ(kept.steps.token_seconds, result.token_seconds);
      EXPECT_EQ(kept.n_cached, n_cached);
      ASSERT_EQ(kept.kv.has_value(), alone.kv.has_value());
      EXPECT_TRUE(!kept.kv || (kept.kv->keys == alone.kv->keys && kept.kv->values == alone.kv->values));
      EXPECT_EQ(kept.model.sha256, alone.model.sha256);
      EXPECT_EQ(kept.origin.policy, "all");
      EXPECT_EQ(kept.origin.machine_json, R"({"cpu":"a test"})");
      EXPECT_THAT(kept.origin.created, SizeIs(20));
    }
  }
}

TEST_F(FieldCaptureTest, PrefixRowsAreLeftOutOnRequest) {
  const Call call(kLlama, 9, 3, 6);
  FieldCaptureOptions without = options("all");
  without.kv_rows = false;
  without.tokenizer_sha256 = "abc";
  {
    FieldCapture field(without);
    field.generate(*call.session(), call.request);
  }
  const Capture kept = read_capture(folder_ / "captures" / files().at(0));
  EXPECT_FALSE(kept.kv.has_value());
  EXPECT_EQ(kept.n_cached, 6);
  EXPECT_EQ(kept.model.tokenizer_sha256, "abc");
}

TEST_F(FieldCaptureTest, CapturesWhatThePolicyChooses) {
  FieldCapture field(options("every:3"));
  make_calls(field, 10);
  field.drain();
  EXPECT_THAT(numbers(), ElementsAre(3, 6, 9));
  const FieldCaptureCounts counts = field.counts();
  EXPECT_EQ(counts.calls, 10);
  EXPECT_EQ(counts.captured, 3);
  EXPECT_EQ(counts.written, 3);
  EXPECT_EQ(counts.failed + counts.dropped + counts.evicted + counts.rate_limited + counts.log_failed, 0);
  EXPECT_EQ(counts.logged, 10);
  EXPECT_GT(counts.bytes, 0U);
  EXPECT_THAT(field.take_warnings(), IsEmpty());
}

TEST_F(FieldCaptureTest, LogsEveryCall) {
  const Call call(kMicrogpt, 5, 3);
  {
    FieldCapture field(options("nth:2"));
    const auto session = call.session();
    field.generate(*session, call.request);
    field.generate(*session, call.request);
  }
  const std::vector<CallRecord> lines = log();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].call, 1);
  EXPECT_EQ(lines[0].n_prompt, 5);
  EXPECT_EQ(lines[0].n_cached, 0);
  EXPECT_EQ(lines[0].n_processed, 5);
  EXPECT_EQ(lines[0].n_generated, 3);
  EXPECT_EQ(lines[0].finish_reason, "length");
  EXPECT_EQ(lines[0].capture, std::nullopt);
  EXPECT_EQ(lines[0].model, "microgpt-tiny");
  EXPECT_THAT(lines[0].placement, HasSubstr("f32"));
  EXPECT_GE(lines[0].total_seconds, lines[0].time_to_first_token_seconds.value());
  EXPECT_EQ(lines[1].n_cached, 4);
  EXPECT_EQ(lines[1].n_processed, 1);
  EXPECT_EQ(lines[1].capture, files().at(0));
}

TEST_F(FieldCaptureTest, TheLogAloneNeedsNoFolder) {
  FieldCaptureOptions only_log = options("all");
  only_log.folder.clear();
  FieldCapture field(only_log);
  make_calls(field, 3);
  field.drain();
  EXPECT_THAT(log(), SizeIs(3));
  EXPECT_EQ(field.counts().captured, 0);
  EXPECT_THAT(field.take_warnings(), IsEmpty());
}

TEST_F(FieldCaptureTest, NumbersGoOnAfterARestart) {
  {
    FieldCapture field(options("every:2"));
    make_calls(field, 5);
  }
  {
    FieldCapture field(options("every:2"));
    make_calls(field, 2);
  }
  EXPECT_THAT(numbers(), ElementsAre(2, 4, 6));
  EXPECT_EQ(log().back().call, 7);
  std::filesystem::remove(folder_ / "calls.jsonl");
  FieldCapture field(options("all"));  // the folder alone says 6
  make_calls(field, 1);
  field.drain();
  EXPECT_THAT(numbers(), ElementsAre(2, 4, 6, 7));
}

TEST_F(FieldCaptureTest, TheOldestGoFirst) {
  {
    FieldCapture field(options("all"));
    make_calls(field, 1);
  }
  const std::uint64_t one =
      std::filesystem::file_size(folder_ / "captures" / files().at(0));  // cached nothing
  write_raw(folder_ / "captures/notes.txt",
            std::string(10 * one, 'x'));  // not ours: neither counted nor removed
  write_raw(folder_ / "captures/call-1.safetensors", "x");

  FieldCaptureOptions few = options("all");
  few.budget_count = 3;
  {
    FieldCapture field(few);
    make_calls(field, 6);
    field.drain();
    EXPECT_EQ(field.counts().evicted, 4);
    EXPECT_EQ(field.counts().written, 6);
  }
  EXPECT_THAT(numbers(), ElementsAre(5, 6, 7, -1, -1));

  FieldCaptureOptions small = options("all");
  small.budget_bytes = 2 * std::filesystem::file_size(folder_ / "captures" / files().at(2)) + 100;
  {
    FieldCapture field(small);
    make_calls(field, 2);
    field.drain();
    EXPECT_LE(field.counts().bytes, small.budget_bytes);
  }
  EXPECT_THAT(numbers(), ElementsAre(8, 9, -1, -1));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "captures/notes.txt"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "captures/call-1.safetensors"));
}

TEST_F(FieldCaptureTest, OneThatIsOverTheBudgetDrivesNoneOut) {
  {
    FieldCapture field(options("all"));
    make_calls(field, 1);
  }
  FieldCaptureOptions tiny = options("all");
  tiny.budget_bytes = 100;
  FieldCapture field(tiny);
  make_calls(field, 1);
  field.drain();
  EXPECT_THAT(numbers(), ElementsAre(1));
  EXPECT_EQ(field.counts().failed, 1);
  EXPECT_EQ(log().back().capture, std::nullopt);
  EXPECT_THAT(
      field.take_warnings(),
      ElementsAre(HasSubstr("call 2: not captured: expected a capture within the budget of 100 bytes")));
}

TEST_F(FieldCaptureTest, AFolderThatCannotBeIsAWarning) {
  write_raw(folder_ / "file", "x");
  FieldCaptureOptions under_a_file = options("all");
  under_a_file.folder = folder_ / "file/captures";
  under_a_file.call_log = folder_ / "file/calls.jsonl";
  FieldCapture field(under_a_file);
  EXPECT_THAT(field.take_warnings(), ElementsAre(HasSubstr("expected a folder that can be made")));
  make_calls(field, 3);
  field.drain();
  EXPECT_EQ(field.counts().failed, 3);
  EXPECT_EQ(field.counts().log_failed, 3);
  EXPECT_EQ(field.counts().written, 0);
  EXPECT_THAT(field.take_warnings(), SizeIs(2));  // one for captures, one for the log
}

TEST_F(FieldCaptureTest, AFolderMayVanishAndComeBack) {
  FieldCapture field(options("all"));
  make_calls(field, 1);
  field.drain();
  std::filesystem::remove_all(folder_ / "captures");
  make_calls(field, 2);
  field.drain();
  EXPECT_EQ(field.counts().failed, 2);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "captures"));  // it may have been a disk that was mounted
  EXPECT_THAT(field.take_warnings(), ElementsAre(HasSubstr("call 2: not captured: ")));
  std::filesystem::create_directory(folder_ / "captures");
  make_calls(field, 1);
  field.drain();
  EXPECT_THAT(numbers(), ElementsAre(4));
  EXPECT_EQ(field.counts().failed, 2);
  std::filesystem::remove_all(folder_ / "captures");
  make_calls(field, 1);
  field.drain();
  EXPECT_THAT(field.take_warnings(), ElementsAre(HasSubstr("call 5: not captured: ")));  // told again
}

TEST_F(FieldCaptureTest, WhatDoesNotFitTheQueueIsDropped) {
  FieldCaptureOptions narrow = options("all");
  narrow.queue_bytes = 100;  // less than a step's logits
  FieldCapture field(narrow);
  make_calls(field, 3);
  field.drain();
  EXPECT_EQ(field.counts().dropped, 3);
  EXPECT_EQ(field.counts().captured, 0);
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_THAT(log(), SizeIs(3));
  EXPECT_THAT(field.take_warnings(), ElementsAre(HasSubstr("do not fit the queue of 100")));
}

TEST_F(FieldCaptureTest, KeepsTheIntervalBetweenCaptures) {
  double now = 1000;
  FieldCaptureOptions limited = options("all");
  limited.min_seconds_between = 10;
  limited.clock = [&now] { return now; };
  FieldCapture field(limited);
  for (const double then : {1000.0, 1009.9, 1010.0, 1015.0, 1020.0, 1050.0, 1050.0}) {
    now = then;
    make_calls(field, 1);
  }
  field.drain();
  EXPECT_THAT(numbers(), ElementsAre(1, 3, 5, 6));
  EXPECT_EQ(field.counts().rate_limited, 3);
}

/// Times are the machine's; what must be kept follows from those in the log.
TEST_F(FieldCaptureTest, SlowestKeepsThoseThatTheLogSaysAreSlowest) {
  const auto expect_slowest = [this](std::size_t k) {
    std::vector<std::pair<double, std::int64_t>> ranked;
    for (const CallRecord& record : log()) {
      ranked.emplace_back(-record.total_seconds, record.call);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<std::int64_t> expected;
    for (std::size_t i = 0; i < k; ++i) {
      expected.push_back(ranked[i].second);
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(numbers(), expected);
  };
  {
    FieldCapture field(options("slowest:4"));
    for (int i = 0; i < 30; ++i) {
      const Call call(kMicrogpt, 3 + (i * 7) % 13, 1 + (i * 5) % 11);
      field.generate(*call.session(), call.request);
    }
    field.drain();
    expect_slowest(4);
    EXPECT_EQ(field.counts().written - field.counts().evicted, 4);
  }
  // A restart knows what is there.
  {
    FieldCapture field(options("slowest:4"));
    for (int i = 0; i < 10; ++i) {
      const Call call(kMicrogpt, 3 + (i * 7) % 13, 1 + (i * 5) % 17);
      field.generate(*call.session(), call.request);
    }
  }
  expect_slowest(4);
  const FieldCapture fewer(options("slowest:2"));
  expect_slowest(2);
}

/// Room for fewer than K: a call is only written where it is slower than all that had to go. Without that
/// every call would be, to be removed at once.
TEST_F(FieldCaptureTest, SlowestWritesFewWhereTheBudgetHoldsFewerThanK) {
  constexpr int kCalls = 60;
  FieldCaptureOptions narrow = options("slowest:8");
  narrow.budget_count = 2;
  {
    FieldCapture field(narrow);
    const Call call(kMicrogpt, 4, 2);
    for (int i = 0; i < kCalls; ++i) {
      field.generate(*call.session(), call.request);
      field.drain();
    }
    std::vector<double> slowest;  // so far, three of them
    std::int64_t expected = 0;
    for (const CallRecord& record : log()) {
      expected += slowest.size() < 3 || record.total_seconds > slowest.back() ? 1 : 0;
      slowest.push_back(record.total_seconds);
      std::sort(slowest.begin(), slowest.end(), std::greater<>());
      slowest.resize(std::min<std::size_t>(slowest.size(), 3));
    }
    EXPECT_EQ(field.counts().written, expected);
    EXPECT_LT(field.counts().written, kCalls);
    EXPECT_EQ(field.counts().evicted, field.counts().written - 2);
  }
  EXPECT_THAT(files(), SizeIs(2));
}

TEST_F(FieldCaptureTest, SlowestLeavesOtherPoliciesCapturesAlone) {
  {
    FieldCapture field(options("all"));
    make_calls(field, 3);
  }
  {
    FieldCapture field(options("slowest:1"));
    make_calls(field, 5);
  }
  const std::vector<std::int64_t> kept = numbers();
  ASSERT_THAT(kept, SizeIs(4));
  EXPECT_EQ(kept[2], 3);
}

/// A caller's observer that stops the call.
class Stopper final : public GenerateObserver {
 public:
  explicit Stopper(int n_tokens) : left_(n_tokens) {}
  void on_token(const TokenEvent& event) override { seen.push_back(event.id); }
  bool wants_more() override { return left_-- > 0; }
  std::vector<TokenId> seen;

 private:
  int left_;
};

TEST_F(FieldCaptureTest, TheObserverCanStillStopTheCall) {
  const Call call(kMicrogpt, 4, 8);
  FieldCapture field(options("all"));
  for (const int n_tokens : {3, 0}) {
    Stopper stopper(n_tokens);
    const GenerateResult result = field.generate(*call.session(), call.request, &stopper);
    EXPECT_EQ(result.finish_reason, FinishReason::stopped);
    EXPECT_EQ(std::ssize(result.generated_ids), n_tokens);
    EXPECT_EQ(stopper.seen, result.generated_ids);
  }
  field.drain();
  EXPECT_THAT(numbers(), ElementsAre(1));
  EXPECT_EQ(read_capture(folder_ / "captures" / files()[0]).n_generated(), 3);
  const auto lines = log();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].finish_reason, "stopped");
  EXPECT_EQ(lines[0].n_processed, 4);
  EXPECT_EQ(lines[1].time_to_first_token_seconds, std::nullopt);
  EXPECT_EQ(lines[1].n_processed, 0);
  EXPECT_EQ(field.counts().failed, 0);  // nothing was there to capture
}

TEST_F(FieldCaptureTest, LogsWhatAStoppedCallProcessed) {
  const auto model = model_of(kMicrogpt);
  const Call call(kMicrogpt, 11, 4);
  for (const bool kv_cache : {true, false}) {
    Session session(model, Placement{.kv_cache = kv_cache, .threads = 1},
                    SessionOptions{.n_positions = 32, .prefill_chunk = 3});
    FieldCapture field(options("all"));
    Stopper after_one_chunk(1);
    Stopper after_two_more(2);
    for (Stopper* stopper : {&after_one_chunk, &after_two_more}) {
      EXPECT_THAT(field.generate(session, call.request, stopper).generated_ids, IsEmpty());
    }
    field.drain();
    const auto lines = log();
    const CallRecord& first = lines[lines.size() - 2];
    EXPECT_EQ(first.n_processed, 3);
    EXPECT_EQ(lines.back().n_cached, kv_cache ? 3 : 0);
    EXPECT_EQ(lines.back().n_processed, 6);
    EXPECT_EQ(lines.back().n_prompt, 11);
  }
}

TEST_F(FieldCaptureTest, ErrorsOfACallAreItsOwn) {
  Call call;
  FieldCapture field(options("all"));
  const auto session = call.session();
  GenerateRequest bad = call.request;
  bad.prompt_ids.clear();
  EXPECT_EQ(reprise::testing::error_of([&] { field.generate(*session, bad); }).code(),
            ErrorCode::invalid_argument);
  field.generate(*session, call.request);
  field.drain();
  EXPECT_EQ(field.counts().calls, 2);
  EXPECT_EQ(field.counts().failed, 0);
  EXPECT_THAT(numbers(), ElementsAre(2));
}

TEST_F(FieldCaptureTest, ManyThreadsAtOnce) {
  constexpr int kThreads = 6;
  constexpr int kCalls = 12;
  FieldCaptureOptions shared = options("all");
  shared.budget_count = 20;
  std::vector<std::vector<TokenId>> results(kThreads);
  const auto model = model_of(kLlama);  // before the threads: the fixtures' models are not theirs to open
  std::vector<GenerateRequest> requests;
  for (int t = 0; t < kThreads; ++t) {
    requests.push_back(Call(kLlama, 4 + t, 3).request);
  }
  {
    FieldCapture field(shared);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const auto thread = static_cast<std::size_t>(t);
        Session session(model, Placement{.threads = 1}, SessionOptions{.n_positions = 64});
        for (int i = 0; i < kCalls; ++i) {
          results[thread] = field.generate(session, requests[thread]).generated_ids;
          EXPECT_GE(field.counts().calls, i + 1);
          field.take_warnings();
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    field.drain();
    EXPECT_EQ(field.counts().calls, kThreads * kCalls);
    EXPECT_EQ(field.counts().written, kThreads * kCalls);
    EXPECT_EQ(field.counts().evicted, kThreads * kCalls - 20);
    EXPECT_EQ(field.counts().logged, kThreads * kCalls);
  }
  EXPECT_THAT(files(), SizeIs(20));
  std::set<std::int64_t> seen;
  for (const CallRecord& record : log()) {
    seen.insert(record.call);
  }
  EXPECT_THAT(seen, SizeIs(kThreads * kCalls));
  for (const std::string& file : files()) {
    const Capture kept = read_capture(folder_ / "captures" / file);
    const auto thread = static_cast<std::size_t>(kept.n_prompt() - 4);
    ASSERT_LT(thread, results.size());
    EXPECT_EQ(kept.steps.generated_ids, results[thread]);
  }
}

TEST(CapturedFileName, ReadsItsOwnNamesAndNoOthers) {
  EXPECT_EQ(captured_file_name(12, "0123456789abcdef"), "call-00000012-0123456789abcdef.safetensors");
  for (const std::int64_t number :
       {std::int64_t{1}, std::int64_t{99'999'999}, std::int64_t{123'456'789'012}}) {
    EXPECT_EQ(captured_number(captured_file_name(number, "0123456789abcdef")), number);
  }
  for (const char* other :
       {"", "call-.safetensors", "call-1-0123456789abcdef.safetensors", "call-00000001.safetensors",
        "call-00000001-0123456789abcdeg.safetensors", "call-0000000x-0123456789abcdef.safetensors",
        "call-00000001-0123456789abcdef.safetensors.bak", "my-call-00000001-0123456789abcdef.safetensors",
        "call-0000000000000000001-0123456789abcdef.safetensors",
        "call-00000001-0123456789abcde.safetensors"}) {
    EXPECT_EQ(captured_number(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace reprise::engine
