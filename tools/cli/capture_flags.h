/// Flags with which a program that makes generate calls captures some of them: those of `generate` and of
/// what answers many calls.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/capture/field_capture.h"
#include "engine/generate/generate.h"

namespace reprise::cli {

/// --capture-dir, --capture-policy, --capture-budget, --capture-max-count, --capture-interval, --call-log,
/// --capture-history.
class FieldCaptureFlags {
 public:
  /// `default_policy`: where nobody names one; a program that answers many calls wants few of them.
  explicit FieldCaptureFlags(CLI::App& command, std::string default_policy = "every:100");

  /// Whether anything is to be captured or logged.
  [[nodiscard]] bool is_given() const { return !folder_.empty() || !call_log_.empty(); }
  /// --capture-history: leave out the rows of the cached prefix.
  [[nodiscard]] bool history_only() const { return history_only_; }

  /// What captures and logs the calls; null where nothing is to be. `tokenizer_sha256`: of the model's
  /// tokenizer, empty without one. Errors: invalid_argument naming the flag that cannot be met.
  [[nodiscard]] std::unique_ptr<engine::FieldCapture> make(std::string tokenizer_sha256) const;

  /// Errors as of make(), before anything is opened.
  void check() const { (void)options(); }

 private:
  [[nodiscard]] engine::FieldCaptureOptions options() const;

  std::string default_policy_;
  std::string folder_;
  std::optional<std::string> policy_;
  std::optional<std::string> budget_;
  std::optional<std::int64_t> max_count_;
  std::optional<double> interval_;
  std::string call_log_;
  bool history_only_ = false;
};

/// generate(), or, where `capture` is not null, what captures and logs calls besides, and tells on standard
/// error what goes wrong with that as it happens. `capture` must outlive it.
engine::GenerateFunction calls_of(engine::FieldCapture* capture);

/// Waits for the last files, and says on standard error what was captured, in a few words: "captured 3 of 40
/// calls, 1 dropped". Nothing for null.
void finish(engine::FieldCapture* capture);

}  // namespace reprise::cli
