/// What a backend did in profiled calls, for the command `report`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/backends/backend.h"

namespace reprise::engine::futhark {

class EventLog final : public KernelObserver {
 public:
  void on_record(const KernelRecord& record) override;
  void clear();
  /// The most bytes that each kind of memory took.
  void note_memory(const std::string& kind, std::int64_t size_bytes);

  /// {"memory": {kind: bytes}, "events": [{name, duration (microseconds), provenance, description}]}, the
  /// form that `futhark profile` reads. Source: Futhark's manual, futhark_context_report, and
  /// src/Futhark/Profile.hs.
  [[nodiscard]] std::string to_json() const;

 private:
  struct Event {
    std::uint32_t name;
    std::int32_t layer;
    double seconds;
    std::int64_t bytes;
  };
  /// About a thousand tokens of a large model; later events are counted, not kept.
  static constexpr std::size_t kMostEvents = 1'000'000;

  std::vector<std::string> names_;
  std::map<std::string, std::uint32_t, std::less<>> index_;
  std::vector<Event> events_;
  std::int64_t n_dropped_ = 0;
  std::map<std::string, std::int64_t> memory_;
};

}  // namespace reprise::engine::futhark
