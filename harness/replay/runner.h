/// What measuring needs of a replay: two things it can do. Implemented by EngineReplay, and by fakes in
/// tests.
#pragma once

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
};

}  // namespace reprise::harness
