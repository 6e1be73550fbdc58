/// A replay in a process of its own: another build of the program, or this one, started as
/// `PROGRAM runs CAPTURE ...`. What it measures is what that process measured; asking for it costs no timed
/// second. Used by tools/cli to compare builds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/replay/child_process.h"
#include "harness/replay/child_protocol.h"
#include "harness/replay/runner.h"

namespace reprise::harness {

/// Errors of all but the constructor: those of ChildProcess and of child_protocol.h's readers.
class ChildReplay final : public Runner {
 public:
  /// Starts the program and waits until it has opened and verified its capture. Whether the outputs agree is
  /// for the caller to see. Errors: also those of starting it.
  ChildReplay(const std::string& program, const std::vector<std::string>& arguments, ChildLimits limits = {});

  [[nodiscard]] const ChildHandshake& handshake() const { return handshake_; }

  /// Does nothing: the child restores before each run, untimed.
  void restore() override {}
  Sample run() override;
  /// `n` runs in one answer, so that short calls do not wait for each other's. `n` from 1 to kMaxChildRuns,
  /// as below.
  std::vector<Sample> runs(std::int64_t n) override;
  /// Of `n` runs, each for itself.
  std::vector<ChildProfile> profile(std::int64_t n);
  ChildCounts counts();

 private:
  std::string ask(ChildRequest::Do what, std::int64_t n = 1);

  ChildProcess child_;
  ChildHandshake handshake_;
};

}  // namespace reprise::harness
