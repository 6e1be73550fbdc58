#include "engine/capture/call_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <thread>

#include "engine/core/error.h"
#include "engine/io/json_archive.h"
#include "engine/io/json_text.h"
#include "engine/io/mapped_file.h"
#include "engine/io/printable.h"
#include "engine/io/system_error.h"

namespace reprise::engine {

template <class Archive>
static void fields(Archive& archive, CallRecord& record) {
  archive("call", record.call);
  archive("at", record.at);
  archive("n_prompt", record.n_prompt);
  archive("n_cached", record.n_cached);
  archive("n_processed", record.n_processed);
  archive("n_generated", record.n_generated);
  archive("finish_reason", record.finish_reason);
  archive("time_to_first_token_seconds", record.time_to_first_token_seconds);
  archive("total_seconds", record.total_seconds);
  archive("capture", record.capture);
  archive("model", record.model);
  archive("placement", record.placement);
}

namespace {

constexpr std::string_view kBegin = R"({"call":)";
constexpr std::size_t kMostNotes = 16;
constexpr std::int64_t kMostTokens = std::int64_t{1} << 40;  // far beyond any context
constexpr std::int64_t kMostSeconds = 1'000'000'000;         // 30 years

bool begins_like_a_record(std::string_view line) {
  return line.starts_with(kBegin) || kBegin.starts_with(line);
}

CallRecord record_of(const nlohmann::json& value, const std::string& place) {
  auto record = from_json_value<CallRecord>(value, place);
  const auto wrong = [&](const char* field, std::string_view expected, const auto& found) {
    fail(ErrorCode::invalid_data, "{}: {}: expected {}, found {}", place, field, expected, found);
  };
  const std::pair<const char*, std::int64_t> counts[] = {{"n_prompt", record.n_prompt},
                                                         {"n_cached", record.n_cached},
                                                         {"n_processed", record.n_processed},
                                                         {"n_generated", record.n_generated}};
  for (const auto& [field, count] : counts) {
    if (count > kMostTokens) {
      wrong(field, fmt::format("at most {} tokens", kMostTokens), count);
    }
  }
  const std::int64_t n_new = record.n_prompt - record.n_cached;
  if (record.has_no_token() ? record.n_processed > n_new : record.n_processed != n_new) {
    wrong("n_processed",
          fmt::format("{}n_prompt - n_cached, {}", record.has_no_token() ? "at most " : "", n_new),
          record.n_processed);
  }
  constexpr std::array kReasons = {"eos", "length", "context_full", "stopped"};
  if (std::find(kReasons.begin(), kReasons.end(), record.finish_reason) == kReasons.end()) {
    wrong("finish_reason", fmt::format("{}", fmt::join(kReasons, "|")), printable(record.finish_reason));
  }
  if (!(record.total_seconds >= 0 && record.total_seconds <= static_cast<double>(kMostSeconds))) {
    wrong("total_seconds", fmt::format("a number from 0 to {}", kMostSeconds), record.total_seconds);
  }
  if (record.time_to_first_token_seconds && !(*record.time_to_first_token_seconds >= 0)) {
    wrong("time_to_first_token_seconds", "a number from 0 or null", *record.time_to_first_token_seconds);
  }
  return record;
}

/// The line's object; nothing where a crash or a full disk has left a part of one, or parts of two.
std::optional<CallRecord> parse_line(std::string_view line, const std::string& place) {
  std::optional<nlohmann::json> value;
  try {
    value = parse_json(line, place);
  } catch (const Error&) {
    if (!begins_like_a_record(line)) {
      throw;
    }
    return std::nullopt;
  }
  return record_of(*value, place);
}

/// Holds the file's lock while others that write to it do not.
class FileLock {
 public:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {
    constexpr int kAttempts = 1000;  // for a second: a program that was stopped must not stop this one
    for (int attempt = 0; attempt < kAttempts && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0; ++attempt) {
      if (errno != EWOULDBLOCK && errno != EINTR) {
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  ~FileLock() { ::flock(descriptor_, LOCK_UN); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace

std::string to_line(const CallRecord& record) {
  return to_json_text(record) + "\n";
}

CallLog read_call_log(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  const std::string name = path.string();
  CallLog log;
  std::size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    ++number;
    const std::string place = fmt::format("{}: line {}", name, number);
    if (line.empty()) {
      continue;
    }
    if (auto record = parse_line(line, place)) {
      log.calls.push_back(*std::move(record));
    } else if (++log.n_ignored <= static_cast<std::int64_t>(kMostNotes)) {
      log.notes.push_back(
          fmt::format("{}: {}, ignored", place, line.ends_with('}') ? "not one whole line" : "half a line"));
    }
  }
  if (log.n_ignored > std::ssize(log.notes)) {
    log.notes.push_back(
        fmt::format("{}: {} more lines like these, ignored", name, log.n_ignored - std::ssize(log.notes)));
  }
  return log;
}

std::int64_t last_call_number(const std::filesystem::path& path) {
  constexpr std::size_t kTail = std::size_t{64} << 10;
  const detail::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return 0;
  }
  const off_t start = std::max<off_t>(status.st_size - static_cast<off_t>(kTail), 0);
  std::string text(kTail, '\0');
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), start);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  std::int64_t highest = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    try {
      if (const auto record = parse_line(rest.substr(0, end), "")) {
        highest = std::max(highest, record->call);
      }
    } catch (const Error&) {
      // The first line of the tail is cut; others are not this function's to judge.
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return highest;
}

CallLogWriter::~CallLogWriter() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void CallLogWriter::open() {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor_ < 0) {
    fail(ErrorCode::io, "{}: expected a call log that can be written, found: {}", path_.string(),
         detail::reason_of(errno));
  }
}

void CallLogWriter::append(const CallRecord& record) {
  if (descriptor_ < 0) {
    open();
  }
  const FileLock lock(descriptor_);
  struct stat before {};
  char last = '\n';
  const bool ends_in_half = ::fstat(descriptor_, &before) == 0 && before.st_size > 0 &&
                            ::pread(descriptor_, &last, 1, before.st_size - 1) == 1 && last != '\n';
  const std::string line = (ends_in_half ? "\n" : "") + to_line(record);
  const ssize_t written = ::write(descriptor_, line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) {
    return;
  }
  const int reason = written < 0 ? errno : ENOSPC;
  if (written > 0) {
    // Taken back, unless a program without the lock has appended to it meanwhile.
    struct stat after {};
    if (::fstat(descriptor_, &after) == 0 && after.st_size == before.st_size + written) {
      [[maybe_unused]] const int failed = ::ftruncate(descriptor_, before.st_size);  // then others end it
    }
  }
  fail(ErrorCode::io, "{}: expected to append a line, found: {}", path_.string(), detail::reason_of(reason));
}

}  // namespace reprise::engine
