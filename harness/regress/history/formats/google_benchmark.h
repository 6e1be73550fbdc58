/// Google Benchmark's JSON (--benchmark_format=json), both ways.
///
/// Source: https://github.com/google/benchmark/blob/main/docs/user_guide.md, "Output Formats", and
///         src/json_reporter.cc, which is the definition.
#pragma once

#include <string>
#include <string_view>

#include "harness/regress/history/formats/foreign.h"

namespace reprise::harness {

/// The metrics of a benchmark are `real_time` and `cpu_time` in seconds, and its counters. Repetitions of one
/// benchmark are one figure, their median; where the file holds aggregates only, the `median` of those, else
/// the `mean`. Benchmarks that failed and fits of complexity are passed over. The machine is described by its
/// number of processors and its caches: a host name may be new in every job.
///
/// Google Benchmark writes a counter that is not finite as a bare NaN or Infinity, which JSON does not have:
/// the file is refused, with the line, since a figure that is none is a fault of the benchmark. Errors: those
/// of read_foreign.
ForeignReport read_google_benchmark(std::string_view text, const std::string& source, Better better);

/// Each benchmark's `real_time` is its total_seconds or real_time, else its first time, in nanoseconds: the
/// tools of Google Benchmark print times without fractions. The other metrics become counters, times among
/// them in seconds. Figures of a benchmark without any time are left out. The processors' number and clock,
/// which are not known, are 0; `context.caches` and `load_avg` are there, and empty.
ForeignFile write_google_benchmark(const ForeignReport& report);

}  // namespace reprise::harness
