#include "engine/capture/call_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/io/system_error.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

using ::reprise::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CallRecord record_of(std::int64_t call) {
  CallRecord record{call, "2026-01-31T12:00:00Z", 30,     20,       10, 5, "eos", 0.25,
                    1.5,  std::nullopt,           "tiny", "cpu f32"};
  if (call % 2 == 0) {
    record.capture = "call-00000002-0123456789abcdef.safetensors";
  }
  return record;
}

class CallLogTest : public ::testing::Test {
 protected:
  void write(const std::string& text) const { write_raw(path_, text); }
  [[nodiscard]] CallLog read() const { return read_call_log(path_); }
  [[nodiscard]] std::string refusal() const {
    return error_of([this] { read_call_log(path_); }).what();
  }

  ScratchFolder folder_;
  std::filesystem::path path_ = folder_ / "calls.jsonl";
};

TEST_F(CallLogTest, LinesAreThePublishedOnes) {
  EXPECT_EQ(
      to_line(record_of(1)),
      R"({"call":1,"at":"2026-01-31T12:00:00Z","n_prompt":30,"n_cached":20,"n_processed":10,"n_generated":5,)"
      R"("finish_reason":"eos","time_to_first_token_seconds":0.25,"total_seconds":1.5,"capture":null,)"
      R"("model":"tiny","placement":"cpu f32"})"
      "\n");
}

TEST_F(CallLogTest, ReadsWhatItWrote) {
  {
    CallLogWriter writer(path_);
    for (int i = 1; i <= 3; ++i) {
      writer.append(record_of(i));
    }
  }
  CallLogWriter(path_).append(record_of(4));  // a restart goes on
  const CallLog log = read();
  ASSERT_EQ(log.calls.size(), 4U);
  EXPECT_THAT(log.notes, IsEmpty());
  for (std::int64_t i = 1; i <= 4; ++i) {
    EXPECT_EQ(to_line(log.calls[static_cast<std::size_t>(i) - 1]), to_line(record_of(i)));
  }
  EXPECT_EQ(last_call_number(path_), 4);
}

TEST_F(CallLogTest, EveryCutOfTheLastLineIsANote) {
  const std::string first = to_line(record_of(1));
  const std::string second = to_line(record_of(2));
  for (std::size_t length = 1; length + 2 < second.size(); ++length) {
    write(first + second.substr(0, length));
    const CallLog log = read();
    ASSERT_EQ(log.calls.size(), 1U) << length;
    EXPECT_THAT(log.notes, ElementsAre(path_.string() + ": line 2: half a line, ignored")) << length;
    EXPECT_EQ(last_call_number(path_), 1);
  }
  write(first + second.substr(0, second.size() - 1));  // whole but for its newline
  EXPECT_EQ(read().calls.size(), 2U);
}

TEST_F(CallLogTest, GoesOnAfterHalfALine) {
  write(to_line(record_of(1)) + R"({"call":2,"at":"20)");
  CallLogWriter(path_).append(record_of(3));
  const CallLog log = read();
  ASSERT_EQ(log.calls.size(), 2U);
  EXPECT_EQ(log.calls[1].call, 3);
  EXPECT_THAT(log.notes, ElementsAre(path_.string() + ": line 2: half a line, ignored"));
}

TEST_F(CallLogTest, ErrorsNameTheLine) {
  const auto with = [this](const std::string& from, const std::string& to) {
    std::string line = to_line(record_of(1));
    line.replace(line.find(from), from.size(), to);
    write(to_line(record_of(1)) + line);
    return refusal();
  };
  const std::string place = path_.string() + ": line 2: ";
  EXPECT_EQ(with("\"n_prompt\":30", "\"n_prompt\":\"30\""),
            place + "n_prompt: expected whole number, found string");
  EXPECT_EQ(with("\"n_cached\":20", "\"n_cached\":-20"),
            place + "n_cached: expected whole number from 0 to 9223372036854775807, found -20");
  EXPECT_EQ(with("\"n_cached\":20", "\"n_cached\":21"),
            place + "n_processed: expected n_prompt - n_cached, 9, found 10");
  EXPECT_THAT(with("\"n_generated\":5", "\"n_generated\":9223372036854775807"),
              HasSubstr("n_generated: expected at most 1099511627776 tokens"));
  EXPECT_EQ(with("\"eos\"", "\"bored\""),
            place + "finish_reason: expected eos|length|context_full|stopped, found bored");
  EXPECT_EQ(with("1.5", "-1.5"), place + "total_seconds: expected a number from 0 to 1000000000, found -1.5");
  EXPECT_THAT(with("0.25", "-0.25"),
              HasSubstr(place + "time_to_first_token_seconds: expected a number from 0 or null"));
  EXPECT_THAT(with(",\"model\":\"tiny\"", ""), HasSubstr(place + "model: expected string, found nothing"));
  write("hello\n");
  EXPECT_THAT(refusal(), HasSubstr(path_.string() + ": line 1: "));
  write("[1]\n");
  EXPECT_THAT(refusal(), HasSubstr("line 1: document: expected object, found array"));
}

TEST_F(CallLogTest, ACallStoppedInItsPromptProcessedLess) {
  CallRecord record = record_of(1);
  record.finish_reason = "stopped";
  record.n_generated = 0;
  record.time_to_first_token_seconds.reset();
  for (const std::int64_t n_processed : {0, 7, 10}) {
    record.n_processed = n_processed;
    write(to_line(record));
    EXPECT_EQ(read().calls.at(0).n_processed, n_processed);
  }
  record.n_processed = 11;
  write(to_line(record));
  EXPECT_THAT(refusal(),
              HasSubstr("line 1: n_processed: expected at most n_prompt - n_cached, 10, found 11"));
  record.n_processed = 7;
  record.n_generated = 1;
  write(to_line(record));
  EXPECT_THAT(refusal(), HasSubstr("line 1: n_processed: expected n_prompt - n_cached, 10, found 7"));
}

/// What programs that shared a log on a full disk left, before they locked it.
TEST_F(CallLogTest, PartsOfTwoRecordsOnALineAreANote) {
  const std::string whole = to_line(record_of(1));
  const std::string other = to_line(record_of(2));
  const std::string joined = whole + whole.substr(0, 90) + other + other;
  write(joined);
  const CallLog log = read();
  EXPECT_EQ(log.calls.size(), 2U);
  EXPECT_EQ(log.n_ignored, 1);
  EXPECT_THAT(log.notes, ElementsAre(path_.string() + ": line 2: not one whole line, ignored"));
  EXPECT_EQ(last_call_number(path_), 2);
  write(whole.substr(0, whole.size() - 1) + other + other);  // a newline alone is missing
  EXPECT_THAT(read().notes, ElementsAre(path_.string() + ": line 1: not one whole line, ignored"));
  std::string wrong = to_line(record_of(3));
  wrong.replace(wrong.find("\"eos\""), 5, "\"bored\"");
  write(joined + wrong);
  EXPECT_THAT(refusal(), HasSubstr(path_.string() + ": line 4: finish_reason: expected eos|"));
}

TEST_F(CallLogTest, ManyPartsOfRecordsAreCounted) {
  std::string text = to_line(record_of(1));
  for (int i = 0; i < 100; ++i) {
    text += "{\"call\":1,\n";
  }
  write(text);
  const CallLog log = read();
  EXPECT_EQ(log.calls.size(), 1U);
  EXPECT_EQ(log.n_ignored, 100);
  ASSERT_EQ(log.notes.size(), 17U);
  EXPECT_EQ(log.notes.back(), path_.string() + ": 84 more lines like these, ignored");
}

TEST_F(CallLogTest, EndsWhatOthersLeaveWhileItIsOpen) {
  CallLogWriter writer(path_);
  writer.append(record_of(1));
  write(to_line(record_of(1)) + R"({"call":2,"at":"20)");
  writer.append(record_of(3));
  EXPECT_EQ(read().calls.size(), 2U);
  EXPECT_THAT(read().notes, ElementsAre(path_.string() + ": line 2: half a line, ignored"));
}

/// Another program is in the middle of taking back what did not fit.
TEST_F(CallLogTest, WaitsForOthersToTakeTheirLinesBack) {
  const std::string first = to_line(record_of(1));
  write(first);
  const detail::Descriptor other(::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  const std::string half = R"({"call":7,"at":)";
  ASSERT_EQ(::write(other.get(), half.data(), half.size()), std::ssize(half));
  std::thread appending([this] { CallLogWriter(path_).append(record_of(2)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // time for it to err
  ASSERT_EQ(::ftruncate(other.get(), std::ssize(first)), 0);
  ASSERT_EQ(::flock(other.get(), LOCK_UN), 0);
  appending.join();
  const CallLog log = read();
  EXPECT_EQ(log.calls.size(), 2U);
  EXPECT_THAT(log.notes, IsEmpty());
}

TEST_F(CallLogTest, ALockThatIsNeverReleasedStopsNobody) {
  CallLogWriter writer(path_);
  writer.append(record_of(1));
  const detail::Descriptor other(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  writer.append(record_of(2));
  EXPECT_EQ(read().calls.size(), 2U);
}

TEST_F(CallLogTest, EmptyAndMissingLogs) {
  write("");
  EXPECT_THAT(read().calls, IsEmpty());
  EXPECT_EQ(last_call_number(folder_ / "none"), 0);
  EXPECT_EQ(last_call_number(folder_.path()), 0);
  EXPECT_EQ(error_of([&] { read_call_log(folder_ / "none"); }).code(), ErrorCode::not_found);
}

TEST_F(CallLogTest, TheLastNumberIsFoundAtTheEndOfALongLog) {
  std::string text;
  for (std::int64_t i = 1; i <= 2000; ++i) {
    text += to_line(record_of(i));
  }
  ASSERT_GT(text.size(), std::size_t{128} << 10);
  write(text + R"({"call":99999,)");
  EXPECT_EQ(last_call_number(path_), 2000);
}

TEST_F(CallLogTest, AFullDiskIsAnError) {
  CallLogWriter writer("/dev/full");
  for (int i = 0; i < 2; ++i) {
    EXPECT_STREQ(error_of([&] { writer.append(record_of(1)); }).what(),
                 "/dev/full: expected to append a line, found: No space left on device");
  }
}

TEST_F(CallLogTest, AFolderThatComesLaterIsWrittenTo) {
  CallLogWriter writer(folder_ / "later/calls.jsonl");
  EXPECT_EQ(error_of([&] { writer.append(record_of(1)); }).code(), ErrorCode::io);
  std::filesystem::create_directory(folder_ / "later");
  writer.append(record_of(2));
  EXPECT_EQ(read_call_log(folder_ / "later/calls.jsonl").calls.size(), 1U);
}

/// As two programs would: each with a writer of its own.
TEST_F(CallLogTest, SharedFilesHoldWholeLines) {
  const auto append = [this](std::int64_t start) {
    CallLogWriter writer(path_);
    for (std::int64_t i = 0; i < 200; ++i) {
      writer.append(record_of(start + i));
    }
  };
  std::thread other(append, 1000);
  append(1);
  other.join();
  const CallLog log = read();
  EXPECT_EQ(log.calls.size(), 400U);
  EXPECT_THAT(log.notes, IsEmpty());
}

}  // namespace
}  // namespace reprise::engine
