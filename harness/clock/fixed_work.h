/// A piece of work that is the same whenever it is done, shaped like a decoder's: all threads read memory
/// that no cache holds, then multiply and add in registers, with a fork-join around each. A measuring tool,
/// not an engine kernel. Used by tools/cli for doctor, which times it against itself.
#pragma once

#include <cstddef>

#include "engine/core/thread_team.h"
#include "harness/clock/page_buffer.h"

namespace reprise::harness {

class FixedWork {
 public:
  /// Big enough to lie outside of most caches; some milliseconds of reading.
  static constexpr std::size_t kBytes = std::size_t{64} << 20;

  /// `threads` of at least 1 read `bytes` together. Errors: Error out_of_memory; unsupported when there are
  /// no such threads.
  explicit FixedWork(int threads, std::size_t bytes = kBytes);

  void run();
  /// Of all runs so far: equal for equal numbers of runs, threads and bytes.
  [[nodiscard]] double checksum() const { return checksum_; }

 private:
  engine::ThreadTeam team_;
  detail::PageBuffer buffer_;
  double checksum_ = 0;
};

}  // namespace reprise::harness
