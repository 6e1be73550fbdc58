#include "engine/capture/field_capture.h"

#include <algorithm>
#include <system_error>

#include "engine/core/error.h"
#include "engine/core/utc_time.h"
#include "engine/generate/generate.h"

namespace reprise::engine {
namespace {

constexpr std::size_t kMostWarnings = 64;    // that nobody takes
constexpr std::size_t kMostItems = 100'000;  // lines of the log, when the disk stands still

/// Tells the recorder and the user's observer, whose word on stopping counts.
class Both final : public GenerateObserver {
 public:
  Both(Recorder& recorder, GenerateObserver* observer) : recorder_(recorder), observer_(observer) {}
  void on_token(const TokenEvent& event) override {
    recorder_.on_token(event);
    if (observer_ != nullptr) {
      observer_->on_token(event);
    }
  }
  bool wants_more() override { return observer_ == nullptr || observer_->wants_more(); }

 private:
  Recorder& recorder_;
  GenerateObserver* observer_;
};

CallRecord describe(std::int64_t number, const Session& session, const GenerateRequest& request,
                    const GenerateResult& result) {
  Placement placement = session.placement();
  placement.precision = session.weights()->precision;
  CallRecord record;
  record.call = number;
  record.at = utc_now();
  record.n_prompt = std::ssize(request.prompt_ids);
  record.n_cached = result.n_cached;
  record.n_processed = result.n_prompt;
  if (result.generated_ids.empty()) {  // stopped within the prompt: what it processed is what is cached
    record.n_processed =
        std::clamp<std::int64_t>(std::ssize(session.history()) - result.n_cached, 0, result.n_prompt);
  }
  record.n_generated = std::ssize(result.generated_ids);
  record.finish_reason = name_of(result.finish_reason);
  if (!result.token_seconds.empty()) {
    record.time_to_first_token_seconds = result.token_seconds.front();
  }
  record.total_seconds = result.total_seconds;
  record.model = session.model().name();
  record.placement = describe(placement);
  return record;
}

/// What its file takes without its header: one that is over the budget drives out no others in vain.
std::uint64_t least_file_bytes(const Capture& capture) {
  const std::uint64_t rows = capture.kv ? capture.kv->keys.size() + capture.kv->values.size() : 0;
  const auto step = static_cast<std::uint64_t>(32 + (12 * capture.steps.n_top));
  return rows + (8 * static_cast<std::uint64_t>(capture.n_prompt())) +
         (step * static_cast<std::uint64_t>(capture.n_generated())) + capture.model.config_json.size();
}

EvictionOrder order_of(const CapturePolicy& policy) {
  return policy.rule() == CaptureRule::slowest ? EvictionOrder::fastest : EvictionOrder::oldest;
}

}  // namespace

FieldCapture::FieldCapture(FieldCaptureOptions options)
    : options_(std::move(options)),
      folder_(options_.folder, order_of(options_.policy)),
      slowest_(options_.policy.count()) {
  if (!options_.folder.empty() && !folder_.problem().empty()) {
    warn(Trouble::folder, folder_.problem());
  }
  first_number_ = folder_.highest_number() + 1;
  if (options_.call_log) {
    log_.emplace(*options_.call_log);
    first_number_ = std::max(first_number_, last_call_number(*options_.call_log) + 1);
  }
  if (options_.policy.rule() == CaptureRule::slowest) {
    // The slowest so far, of this policy: others' captures are only the budget's to remove.
    const std::vector<KeptCapture> kept = folder_.kept();
    for (const KeptCapture& capture : kept) {
      if (!capture.policy.starts_with("slowest:")) {
        continue;
      }
      const bool keeps = slowest_.would_keep(capture.seconds);
      const std::int64_t out = keeps ? slowest_.add(capture.seconds, capture.number) : capture.number;
      counts_.evicted += out != 0 && folder_.remove(out) ? 1 : 0;
    }
  }
  counts_.bytes = folder_.bytes();
  try {
    writer_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    warn(Trouble::folder, fmt::format("capturing: expected a thread to write with, found: {}", error.what()));
  }
}

FieldCapture::~FieldCapture() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  work_.notify_all();
  if (writer_.joinable()) {
    writer_.join();
  }
}

GenerateResult FieldCapture::generate(Session& session, const GenerateRequest& request,
                                      GenerateObserver* observer) {
  const Ticket ticket = begin();
  std::optional<Recorder> recorder;
  if (ticket.record) {
    try {
      recorder.emplace(session, request, RecorderOptions{.kv_rows = options_.kv_rows});
    } catch (const std::exception& error) {
      count_failure(Trouble::record, fmt::format("call {}: not captured: {}", ticket.number, error.what()));
    }
  }
  if (!recorder) {
    GenerateResult result = engine::generate(session, request, observer);
    end(ticket, session, request, result, nullptr);
    return result;
  }
  Both both(*recorder, observer);
  GenerateResult result = engine::generate(session, request, &both);
  end(ticket, session, request, result, &*recorder);
  return result;
}

FieldCapture::Ticket FieldCapture::begin() {
  const std::lock_guard lock(mutex_);
  const std::int64_t in_process = ++counts_.calls;
  Ticket ticket{first_number_ + in_process - 1, false};
  if (options_.folder.empty() || !options_.policy.chooses(in_process, ticket.number)) {
    return ticket;
  }
  // Of the slowest, only those that are kept count for the rate: end() looks.
  ticket.record = options_.policy.rule() == CaptureRule::slowest || !is_too_soon();
  return ticket;
}

bool FieldCapture::is_too_soon() {
  if (options_.min_seconds_between <= 0) {
    return false;
  }
  const double now = options_.clock();
  if (last_captured_ && now - *last_captured_ < options_.min_seconds_between) {
    ++counts_.rate_limited;
    return true;
  }
  last_captured_ = now;
  return false;
}

bool FieldCapture::admit(const Ticket& ticket, double seconds, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const bool is_slowest = options_.policy.rule() == CaptureRule::slowest;
  if (is_slowest && (!slowest_.would_keep(seconds) || is_too_soon())) {
    return false;
  }
  if (!writer_.joinable() || bytes > options_.queue_bytes - std::min(queued_bytes_, options_.queue_bytes)) {
    ++counts_.dropped;
    warn(Trouble::queue,
         fmt::format("call {}: not captured: {} bytes do not fit the queue of {} that wait to be "
                     "written ({} wait)",
                     ticket.number, bytes, options_.queue_bytes, queued_bytes_));
    return false;
  }
  warned_[static_cast<std::size_t>(Trouble::queue)] = false;
  queued_bytes_ += bytes;
  return true;
}

void FieldCapture::end(const Ticket& ticket, const Session& session, const GenerateRequest& request,
                       const GenerateResult& result, Recorder* recorder) {
  try {
    Item item;
    item.number = ticket.number;
    item.seconds = result.total_seconds;
    item.created = utc_now();
    if (log_) {
      item.record = describe(ticket.number, session, request, result);
    }
    // Stopped before its first token, a call leaves nothing that could be compared.
    if (recorder != nullptr && !result.generated_ids.empty()) {
      const std::size_t bytes = recorder->bytes_to_detach(session, result);
      if (admit(ticket, result.total_seconds, bytes)) {
        item.bytes = bytes;
        item.call = recorder->detach(session, result);
        if (!item.call) {
          count_failure(Trouble::record,
                        fmt::format("call {}: not captured: {}", ticket.number, recorder->problem()));
        }
      }
    }
    enqueue(std::move(item));
  } catch (const std::exception& error) {
    count_failure(Trouble::record, fmt::format("call {}: not captured: {}", ticket.number, error.what()));
  }
}

void FieldCapture::enqueue(Item item) {
  if (!item.call && !item.record && item.bytes == 0) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!writer_.joinable() || queue_.size() >= kMostItems) {
      counts_.log_failed += item.record ? 1 : 0;
      counts_.dropped += item.call ? 1 : 0;
      queued_bytes_ -= item.bytes;
      return;
    }
    if (item.call && options_.policy.rule() == CaptureRule::slowest) {
      if (!slowest_.would_keep(item.seconds)) {  // slower ones have come meanwhile
        item.call.reset();
        ++counts_.evicted;
      } else {
        item.remove = slowest_.add(item.seconds, item.number);
      }
    }
    counts_.captured += item.call ? 1 : 0;
    queue_.push_back(std::move(item));
  }
  work_.notify_one();
}

void FieldCapture::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return !queue_.empty() || is_ending_; });
    if (queue_.empty()) {
      return;
    }
    Item item = std::move(queue_.front());
    queue_.pop_front();
    const std::size_t bytes = item.bytes;
    is_writing_ = true;
    lock.unlock();
    const std::int64_t number = item.number;
    try {
      process(std::move(item));
    } catch (const std::exception& error) {  // no memory, even for a message; an escape would end the program
      count_failure(Trouble::write, fmt::format("call {}: not captured: {}", number, error.what()));
    }
    lock.lock();
    is_writing_ = false;
    queued_bytes_ -= bytes;
    if (queue_.empty()) {
      idle_.notify_all();
    }
  }
}

void FieldCapture::process(Item item) {
  std::optional<std::string> file;
  if (item.call) {
    file = write(item);
    make_room(item, file);
  }
  if (item.record) {
    item.record->capture = file;
    try {
      log_->append(*item.record);
      const std::lock_guard lock(mutex_);
      ++counts_.logged;
      warned_[static_cast<std::size_t>(Trouble::log)] = false;
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      ++counts_.log_failed;
      warn(Trouble::log, error.what());
    }
  }
  const std::lock_guard lock(mutex_);
  counts_.bytes = folder_.bytes();
}

std::optional<std::string> FieldCapture::write(Item& item) {
  try {
    CaptureOrigin origin = options_.origin;
    origin.created = item.created;
    origin.policy = options_.policy.text();
    const Capture capture = complete(std::move(*item.call), std::move(origin), options_.tokenizer_sha256);
    if (options_.budget_bytes > 0 && least_file_bytes(capture) > options_.budget_bytes) {
      fail(ErrorCode::invalid_argument, "expected a capture within the budget of {} bytes, found one of {}",
           options_.budget_bytes, least_file_bytes(capture));
    }
    std::string file = folder_.write(capture, item.number, item.seconds);
    const std::lock_guard lock(mutex_);
    ++counts_.written;
    warned_[static_cast<std::size_t>(Trouble::write)] = false;
    return file;
  } catch (const std::exception& error) {
    count_failure(Trouble::write, fmt::format("call {}: not captured: {}", item.number, error.what()));
    return std::nullopt;
  }
}

void FieldCapture::make_room(const Item& item, std::optional<std::string>& file) {
  std::vector<std::int64_t> gone;
  if (!file) {
    // What this call drove out stays instead of it.
    const auto out = std::find_if(folder_.kept().begin(), folder_.kept().end(),
                                  [&](const KeptCapture& kept) { return kept.number == item.remove; });
    const std::lock_guard lock(mutex_);
    slowest_.remove(item.number);
    if (item.remove != 0 && out != folder_.kept().end()) {
      slowest_.add(out->seconds, out->number);
    }
    return;
  }
  if (item.remove != 0 && folder_.remove(item.remove)) {
    gone.push_back(item.remove);
  }
  double slowest_evicted = -1;
  for (const KeptCapture& kept : folder_.evict(options_.budget_bytes, options_.budget_count)) {
    gone.push_back(kept.number);
    slowest_evicted = std::max(slowest_evicted, kept.seconds);
    if (kept.file == file) {
      file.reset();
    }
  }
  const std::lock_guard lock(mutex_);
  counts_.evicted += std::ssize(gone);
  for (const std::int64_t number : gone) {
    slowest_.remove(number);
  }
  if (!folder_.kept().empty()) {  // else one alone was over the budget, which says nothing about others
    slowest_.had_no_room(slowest_evicted);
  }
  if (!folder_.problem().empty()) {
    warn(Trouble::evict, folder_.problem());
  }
}

void FieldCapture::warn(Trouble kind, const std::string& text) {
  bool& warned = warned_[static_cast<std::size_t>(kind)];
  if (!warned && warnings_.size() < kMostWarnings) {
    warnings_.push_back(text);
  }
  warned = true;
}

void FieldCapture::count_failure(Trouble kind, const std::string& text) {
  const std::lock_guard lock(mutex_);
  ++counts_.failed;
  warn(kind, text);
}

FieldCaptureCounts FieldCapture::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::vector<std::string> FieldCapture::take_warnings() {
  const std::lock_guard lock(mutex_);
  return std::exchange(warnings_, {});
}

void FieldCapture::drain() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return queue_.empty() && !is_writing_; });
}

}  // namespace reprise::engine
