#include "engine/serve/futhark/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace reprise::engine::futhark {

void EventLog::on_record(const KernelRecord& record) {
  if (events_.size() == kMostEvents) {
    ++n_dropped_;
    return;
  }
  auto found = index_.find(record.name);
  if (found == index_.end()) {
    found = index_.emplace(record.name, static_cast<std::uint32_t>(names_.size())).first;
    names_.emplace_back(record.name);
  }
  events_.push_back({found->second, record.layer, record.seconds, record.cost.bytes});
}

void EventLog::clear() {
  events_.clear();
  memory_.clear();
  n_dropped_ = 0;
}

void EventLog::note_memory(const std::string& kind, std::int64_t size_bytes) {
  std::int64_t& most = memory_[kind];
  most = std::max(most, size_bytes);
}

std::string EventLog::to_json() const {
  nlohmann::ordered_json json = {{"memory", memory_}, {"events", nlohmann::ordered_json::array()}};
  for (const Event& event : events_) {
    const std::string layer = event.layer == kNoLayer ? "" : fmt::format("layer {}, ", event.layer);
    json["events"].push_back({{"name", names_[event.name]},
                              {"duration", 1e6 * event.seconds},
                              {"provenance", "unknown"},
                              {"description", fmt::format("{}{} bytes", layer, event.bytes)}});
  }
  if (n_dropped_ > 0) {
    json["dropped_events"] = n_dropped_;
  }
  return json.dump();
}

}  // namespace reprise::engine::futhark
