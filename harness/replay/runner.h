/// What measuring needs of a replay: two things it can do. Implemented by EngineReplay, and by fakes in
/// tests.
#pragma once

#include <cstdint>
#include <iterator>
#include <vector>

#include "harness/replay/sample.h"

namespace reprise::harness {

/// One row of a matrix: a capture at a placement.
class Runner {
 public:
  virtual ~Runner() = default;

  /// Brings the state back to what the capture holds. Called before every run, never timed into a sample.
  virtual void restore() = 0;

  /// Performs the call once, times it and verifies its outputs.
  virtual Sample run() = 0;

  /// `n` times restore() and run(), at least once; ends after a run that does not verify.
  virtual std::vector<Sample> runs(std::int64_t n) {
    std::vector<Sample> samples;
    do {
      restore();
      samples.push_back(run());
    } while (samples.back().verified && std::ssize(samples) < n);
    return samples;
  }
};

}  // namespace reprise::harness
