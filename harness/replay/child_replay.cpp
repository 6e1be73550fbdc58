#include "harness/replay/child_replay.h"

#include "engine/core/check.h"

namespace reprise::harness {

using Do = ChildRequest::Do;

ChildReplay::ChildReplay(const std::string& program, const std::vector<std::string>& arguments,
                         ChildLimits limits)
    : child_(program, arguments, limits), handshake_(parse_handshake(child_.read_line(), program)) {}

std::string ChildReplay::ask(Do what, std::int64_t n) {
  REPRISE_CHECK(1 <= n && n <= kMaxChildRuns);
  child_.write_line(to_line(ChildRequest{what, n}));
  return child_.read_line();
}

Sample ChildReplay::run() {
  return parse_sample(ask(Do::run), child_.program());
}

std::vector<Sample> ChildReplay::runs(std::int64_t n) {
  return parse_samples(ask(Do::runs, n), n, child_.program());
}

std::vector<ChildProfile> ChildReplay::profile(std::int64_t n) {
  return parse_profiles(ask(Do::profile, n), n, child_.program());
}

ChildCounts ChildReplay::counts() {
  return parse_counts(ask(Do::counts), child_.program());
}

}  // namespace reprise::harness
