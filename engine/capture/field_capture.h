/// Captures some of the calls of a program that makes many, and logs all of them. Safe to leave on: nothing
/// here fails, changes or waits for a call. Copies are made as recorder.h says; digests and files are a
/// background thread's, behind a queue of limited size; a full queue drops the capture and counts it. What
/// goes wrong is a counter and, once for each kind until it works again, a warning.
///
/// Used by tools/cli and by the servers. captures/README.md describes policies, budgets and names.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/capture/call_log.h"
#include "engine/capture/capture_folder.h"
#include "engine/capture/policy.h"
#include "engine/capture/recorder.h"
#include "engine/core/monotonic.h"

namespace reprise::engine {

struct FieldCaptureOptions {
  std::filesystem::path folder;  ///< empty: no captures, only the log
  CapturePolicy policy;
  std::uint64_t budget_bytes = std::uint64_t{2} << 30;  ///< of all captures in the folder; 0: no limit
  std::int64_t budget_count = 0;                        ///< the same in files
  double min_seconds_between = 0;                       ///< from one captured call to the next
  bool kv_rows = true;                                  ///< as RecorderOptions
  std::optional<std::filesystem::path> call_log;
  CaptureOrigin origin;  ///< `created` and `policy` are filled in for each call
  std::string tokenizer_sha256;
  std::size_t queue_bytes = std::size_t{1}
                            << 30;  ///< of captures that wait to be written, and the one being written
  std::function<double()> clock = monotonic_seconds;  ///< of min_seconds_between
};

struct FieldCaptureCounts {
  std::int64_t calls = 0;         ///< that were begun
  std::int64_t captured = 0;      ///< handed to the background thread
  std::int64_t written = 0;       ///< of those, in a file
  std::int64_t evicted = 0;       ///< files, or captures on their way to one, that made room for others
  std::int64_t dropped = 0;       ///< the queue was full
  std::int64_t rate_limited = 0;  ///< chosen, but too soon after another
  std::int64_t failed = 0;        ///< could not be recorded or written
  std::int64_t logged = 0;        ///< lines of the call log
  std::int64_t log_failed = 0;    ///< lines that could not be written
  std::uint64_t bytes = 0;        ///< of the captures in the folder
};

class FieldCapture {
 public:
  explicit FieldCapture(FieldCaptureOptions options);
  /// Drains.
  ~FieldCapture();
  FieldCapture(const FieldCapture&) = delete;
  FieldCapture& operator=(const FieldCapture&) = delete;

  /// engine::generate, recorded where the policy says so. Several threads at once, each with a session of its
  /// own. Errors: those of generate alone; a call that throws is counted and not logged.
  GenerateResult generate(Session& session, const GenerateRequest& request,
                          GenerateObserver* observer = nullptr);

  [[nodiscard]] FieldCaptureCounts counts() const;
  /// What there is to tell since this was last asked, for the caller to print.
  std::vector<std::string> take_warnings();
  /// Waits until all calls that have ended are on disk, or have failed to be.
  void drain();

 private:
  /// What a call is told when it begins.
  struct Ticket {
    std::int64_t number = 0;
    bool record = false;
  };
  /// What the background thread gets of a call.
  struct Item {
    std::int64_t number = 0;
    double seconds = 0;
    std::string created;
    std::optional<RecordedCall> call;
    std::optional<CallRecord> record;
    std::int64_t remove = 0;  ///< the number of a capture that was driven out by a slower call; 0: none
    std::size_t bytes = 0;    ///< of the queue's
  };
  enum class Trouble : std::uint8_t { folder, record, queue, write, evict, log };
  static constexpr std::size_t kTroubles = 6;

  Ticket begin();
  /// Whether the queue has taken on `bytes` more.
  bool admit(const Ticket& ticket, double seconds, std::size_t bytes);
  void end(const Ticket& ticket, const Session& session, const GenerateRequest& request,
           const GenerateResult& result, Recorder* recorder);
  void enqueue(Item item);
  void run();
  void process(Item item);
  std::optional<std::string> write(Item& item);
  /// Removes what goes for the capture in `file`, which may be the one that goes.
  void make_room(const Item& item, std::optional<std::string>& file);
  bool is_too_soon();
  void warn(Trouble kind, const std::string& text);
  void count_failure(Trouble kind, const std::string& text);

  const FieldCaptureOptions options_;
  CaptureFolder folder_;              ///< the background thread's, once that runs
  std::optional<CallLogWriter> log_;  ///< likewise
  mutable std::mutex mutex_;          ///< guards everything below
  std::condition_variable work_, idle_;
  std::deque<Item> queue_;
  std::size_t queued_bytes_ =
      0;  ///< of items in the queue, in the background thread's hands, and on their way
  bool is_writing_ = false;
  bool is_ending_ = false;
  std::int64_t first_number_ = 1;
  std::optional<double> last_captured_;
  SlowestCalls slowest_;
  FieldCaptureCounts counts_;
  std::vector<std::string> warnings_;
  std::array<bool, kTroubles> warned_ = {};
  std::thread writer_;  ///< last: it uses the rest
};

}  // namespace reprise::engine
