/// The call log: one JSON object a line for every generate call, with what decided its cost and how long it
/// took. Light enough to be left on, without prompts and answers. captures/README.md has its fields.
///
/// Written by field_capture.h; read by the selection of representative calls (harness/regress/selection.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace reprise::engine {

struct CallRecord {
  std::int64_t call = 0;      ///< its number, from 1
  std::string at;             ///< when it ended: UTC, ISO 8601
  std::int64_t n_prompt = 0;  ///< the whole context, cached part included
  std::int64_t n_cached = 0;  ///< of those, found in the KV cache
  /// Of those, processed: n_prompt - n_cached; less where it was stopped before its first token.
  std::int64_t n_processed = 0;
  std::int64_t n_generated = 0;
  std::string finish_reason;                          ///< name_of(FinishReason)
  std::optional<double> time_to_first_token_seconds;  ///< absent when it was stopped before that
  double total_seconds = 0;
  std::optional<std::string> capture;  ///< the name of its file, if it was captured
  std::string model;
  std::string placement;

  /// Whether it was stopped within its prompt: its time says little about what its lengths cost.
  [[nodiscard]] bool has_no_token() const { return finish_reason == "stopped" && n_generated == 0; }
};

/// On one line, with its newline.
std::string to_line(const CallRecord& record);

struct CallLog {
  std::vector<CallRecord> calls;  ///< in the order of the file
  std::int64_t n_ignored = 0;     ///< lines that begin like a record and are none
  /// "PATH: line N: half a line, ignored", for the first of those; then how many more there are.
  std::vector<std::string> notes;
};

/// Errors: those of reading; invalid_data, "PATH: line N: field: expected ..., found ...". What crashes and
/// full disks leave is a note: a line that begins like a record and is no JSON.
CallLog read_call_log(const std::filesystem::path& path);

/// The highest number in the file's last 64 KiB; 0 where there is no such file or no line in it can be read.
std::int64_t last_call_number(const std::filesystem::path& path);

/// Appends whole lines, each by one write(2) on a descriptor that appends: what was written survives the
/// program, and several programs may share a file, each holding its lock (flock) while it appends. A line
/// that fits only in part is taken back; half a line that others left is ended first. A lock that is not to
/// be had within a second, or at all on this file system, is done without. Not thread-safe.
class CallLogWriter {
 public:
  explicit CallLogWriter(std::filesystem::path path) : path_(std::move(path)) {}
  ~CallLogWriter();
  CallLogWriter(const CallLogWriter&) = delete;
  CallLogWriter& operator=(const CallLogWriter&) = delete;

  /// Makes the file if it is not there. Errors: io, one line with path and reason; the next call tries again.
  void append(const CallRecord& record);

 private:
  void open();

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace reprise::engine
