/// The metrics of a report: their names, units, and how each follows from samples. This is the one place that
/// says what "decode tokens per second" means. Used by assemble.h; names also by the printers and by regress.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "harness/replay/sample.h"
#include "harness/report/report.h"

namespace reprise::harness {

inline constexpr std::string_view kTotalSeconds = "total_seconds";
inline constexpr std::string_view kTimeToFirstTokenSeconds = "time_to_first_token_seconds";
inline constexpr std::string_view kPrefillTokensPerSecond = "prefill_tokens_per_second";
inline constexpr std::string_view kDecodeTokensPerSecond = "decode_tokens_per_second";
inline constexpr std::string_view kInterTokenLatencyP50Seconds = "inter_token_latency_p50_seconds";
inline constexpr std::string_view kInterTokenLatencyP90Seconds = "inter_token_latency_p90_seconds";
inline constexpr std::string_view kInterTokenLatencyP95Seconds = "inter_token_latency_p95_seconds";
inline constexpr std::string_view kInterTokenLatencyP99Seconds = "inter_token_latency_p99_seconds";

/// All metrics of samples of one call, by name.
///
///   total_seconds                  from the call's start to its end
///   time_to_first_token_seconds    from the call's start until the first token is available
///   prefill_tokens_per_second      n_prompt_processed / time_to_first_token_seconds
///   decode_tokens_per_second       (n_generated - 1) / (total_seconds - time_to_first_token_seconds)
///   inter_token_latency_pQ_seconds Q % quantile (type 7) of the token intervals after the first, of all
///   samples
///
/// The value of the first four is the median over blocks of runs (measure/steady_part.h), with an interval
/// that is valid however often one looked. The percentiles pool the intervals of all runs; their interval is
/// a bootstrap's, of one look, that resamples whole runs, because the latencies of one run resemble each
/// other. `n` counts blocks, for percentiles runs; the autocorrelation is that of their values.
///
/// Absent: everything without a sample; those of the first token when nothing was generated; prefill when no
/// prompt token was processed; decode and latencies when fewer than 2 tokens were generated; a rate whose
/// time is 0. Intervals are absent where there are too few samples for any.
///
///   n_prompt_processed: prompt tokens the call computed, without those it found in the KV cache.
std::map<std::string, Metric> compute_metrics(std::span<const Sample> samples,
                                              std::int64_t n_prompt_processed, std::size_t runs_per_block = 1,
                                              double confidence = 0.95);

}  // namespace reprise::harness
