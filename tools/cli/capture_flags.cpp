#include "tools/cli/capture_flags.h"

#include <fmt/format.h>

#include <limits>

#include "engine/core/error.h"
#include "harness/report/units.h"
#include "tools/cli/byte_size.h"
#include "tools/cli/capture_call.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {

namespace {

void say_warnings(engine::FieldCapture& capture) {
  for (const std::string& warning : capture.take_warnings()) {
    say("warning: {}\n", warning);
  }
}

std::string summary_of(const engine::FieldCaptureCounts& counts) {
  std::string text = fmt::format("captured {} of {}", counts.written, harness::counted(counts.calls, "call"));
  const std::pair<const char*, std::int64_t> others[] = {{"evicted", counts.evicted},
                                                         {"dropped", counts.dropped},
                                                         {"too soon", counts.rate_limited},
                                                         {"failed", counts.failed},
                                                         {"not logged", counts.log_failed}};
  for (const auto& [name, count] : others) {
    text += count > 0 ? fmt::format(", {} {}", count, name) : "";
  }
  return text;
}

}  // namespace

FieldCaptureFlags::FieldCaptureFlags(CLI::App& command, std::string default_policy)
    : default_policy_(std::move(default_policy)) {
  constexpr const char* kGroup = "Capture";
  command
      .add_option("--capture-dir", folder_,
                  "Record calls into files of this folder; no call fails or waits for it")
      ->type_name("DIR")
      ->group(kGroup);
  command
      .add_option("--capture-policy", policy_,
                  fmt::format("Which calls: nth:N | every:N | sample:P | slowest:K | all (default {})",
                              default_policy_))
      ->type_name("P")
      ->group(kGroup);
  command
      .add_option(
          "--capture-budget", budget_,
          "Of all captures in the folder: 2GiB (default), 500MB, bytes; older ones make room (0: no limit)")
      ->type_name("SIZE")
      ->group(kGroup);
  command.add_option("--capture-max-count", max_count_, "The same in files (default: no limit)")
      ->type_name("N")
      ->check(whole_number(1, std::numeric_limits<std::int64_t>::max()))
      ->group(kGroup);
  command.add_option("--capture-interval", interval_, "Seconds from one captured call to the next at least")
      ->type_name("SECONDS")
      ->check(number_from(0, 1e9))
      ->group(kGroup);
  command
      .add_option("--call-log", call_log_,
                  "Append one JSON line for every call, captured or not: lengths and timings, no text")
      ->type_name("FILE")
      ->group(kGroup);
  command
      .add_flag(
          "--capture-history", history_only_,
          "Keep only the tokens of the cached prefix, not its keys and values: smaller, recomputed on replay")
      ->group(kGroup);
}

engine::FieldCaptureOptions FieldCaptureFlags::options() const {
  const std::pair<const char*, bool> in_need[] = {{"--capture-policy", policy_.has_value()},
                                                  {"--capture-budget", budget_.has_value()},
                                                  {"--capture-max-count", max_count_.has_value()},
                                                  {"--capture-interval", interval_.has_value()}};
  for (const auto& [flag, given] : in_need) {
    if (given && folder_.empty()) {
      fail(ErrorCode::invalid_argument, "{}: expected together with --capture-dir, found it alone", flag);
    }
  }
  engine::FieldCaptureOptions options;
  options.folder = folder_;
  try {
    options.policy = engine::CapturePolicy::parse(policy_.value_or(default_policy_));
  } catch (const Error& error) {
    fail(error.code(), "--capture-policy: {}", expectation(error));
  }
  if (budget_) {
    options.budget_bytes = parse_byte_size(*budget_, "--capture-budget");
  }
  options.budget_count = max_count_.value_or(0);
  options.min_seconds_between = interval_.value_or(0);
  options.kv_rows = !history_only_;
  if (!call_log_.empty()) {
    options.call_log = call_log_;
  }
  return options;
}

std::unique_ptr<engine::FieldCapture> FieldCaptureFlags::make(std::string tokenizer_sha256) const {
  engine::FieldCaptureOptions made = options();
  if (!is_given()) {
    return nullptr;
  }
  made.origin = {engine::build_info(), machine_json(), "", ""};
  made.tokenizer_sha256 = std::move(tokenizer_sha256);
  return std::make_unique<engine::FieldCapture>(std::move(made));
}

engine::GenerateFunction calls_of(engine::FieldCapture* capture) {
  if (capture == nullptr) {
    return engine::generate;
  }
  return [capture](auto& session, const auto& request, auto* observer) {
    engine::GenerateResult result = capture->generate(session, request, observer);
    say_warnings(*capture);
    return result;
  };
}

void finish(engine::FieldCapture* capture) {
  if (capture == nullptr) {
    return;
  }
  capture->drain();
  say_warnings(*capture);
  say("{}\n", summary_of(capture->counts()));
}

}  // namespace reprise::cli
