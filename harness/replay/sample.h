/// One timing of one generate call. The call's outputs and their check live in verifier.h; a sample only says
/// whether the check passed. Used by replays, which make samples, measure and report. No engine behind it.
#pragma once

#include <optional>
#include <vector>

#include "harness/clock/clock.h"
#include "harness/clock/run_conditions.h"

namespace reprise::harness {

/// Times start when the call starts: after the state was restored and the prompt tokenized.
struct Sample {
  Seconds total_seconds = 0;
  Seconds time_to_first_token_seconds = 0;
  /// token_seconds[i]: from generated token i - 1 (for i = 0: from the start) until token i is available. The
  /// first is the time to first token, the others are the inter-token latencies; the size is the number of
  /// tokens.
  std::vector<Seconds> token_seconds;
  bool verified = false;  ///< outputs were checked against the capture and agree as far as its mode demands
  std::optional<RunConditions> conditions = {};  ///< what the run met; absent where nobody looked
};

}  // namespace reprise::harness
