/// Tracks with fixed figures: one with a regression, one that is even, one with odd names. For tests only.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "harness/regress/history/detect.h"

namespace reprise::harness {

/// n points of `level`, with a little regular unrest and an interval.
inline void add_points(Track& track, int n, double level) {
  for (int i = 0; i < n; ++i) {
    const auto index = static_cast<int>(track.points.size());
    Point point;
    point.id = index + 1;
    point.commit = fmt::format("{:x}{:034x}", 0xabc000 + index, 0);
    point.branch = track.branch;
    point.created = fmt::format("2026-{:02}-{:02}T12:00:00Z", index / 28 + 1, index % 28 + 1);
    point.value = level * (1 + 0.001 * ((index * 7) % 5 - 2));
    point.ci = Interval{0.99 * point.value, 1.02 * point.value};
    point.n = 12;
    point.tool = "reprise 0.1.0";
    point.report_digest = std::string(64, 'd');
    track.points.push_back(point);
  }
}

inline Track sample_track() {
  Track track;
  track.series = {
      7,
      "sha256:0123",
      "chat-1",
      "tiny",
      "89ab",
      R"({"backend":"cpu","isa":"avx512","precision":"bf16","kv_cache":true,"kv_precision":"f32",)"
      R"("threads":2,"numerics":"exact"})",
      "total_seconds",
      "s",
      Better::lower,
      "0011223344556677",
      "Fake CPU 9000, avx512, 2 cores, 8 GiB, Fake GNU/Linux"};
  track.branch = "main";
  return track;
}

inline std::vector<TrackChanges> sample_history() {
  Track slower = sample_track();
  add_points(slower, 20, 0.004);
  add_points(slower, 10, 0.005);
  Track even = sample_track();
  even.series.id = 8;
  even.series.metric = "decode_tokens_per_second";
  even.series.unit = "tokens/s";
  even.series.better = Better::higher;
  add_points(even, 30, 5000);
  Track odd;
  odd.series.id = 9;
  odd.series.capture_name = "<script>alert(\"1\")</script> & 'co'\n";
  odd.series.metric = "<b>";
  odd.series.unit = "<i>";
  odd.series.placement = "]]><svg onload=x>";
  odd.series.machine_description = "</td></table>";
  odd.branch = "\"><img src=x>";
  add_points(odd, 1, 0);
  odd.points[0].commit = "<!--";
  odd.points[0].ci.reset();
  return {detect(slower), detect(even), detect(odd)};
}

}  // namespace reprise::harness
