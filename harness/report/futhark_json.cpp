#include "harness/report/futhark_json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/profile/timeline.h"

namespace reprise::harness {
namespace {

using Json = nlohmann::ordered_json;

double profiled_wall_seconds(const Row& row) {
  double seconds = row.unattributed_seconds.value_or(0);
  for (const CostCentre& centre : row.cost_centres) {
    seconds += centre.seconds;
  }
  return seconds;
}

Json runtimes_of(const Row& row) {
  Json runtimes = Json::array();
  for (const double seconds : row.samples.total_seconds) {
    runtimes.push_back(std::llround(1e6 * seconds));
  }
  if (runtimes.empty() && row.unattributed_seconds) {
    runtimes.push_back(std::llround(1e6 * profiled_wall_seconds(row)));
  }
  return runtimes;
}

Json memory_of(const Row& row) {
  Json memory = Json::object();
  if (row.memory) {
    memory["weights"] = row.memory->weights_bytes;
    memory["kv"] = row.memory->kv_bytes;
  }
  return memory;
}

Json events_of(const Timeline& timeline) {
  const TimelineEvents& events = timeline.events;
  Json list = Json::array();
  for (std::size_t i = 0; i < timeline.size(); ++i) {
    Json details = {
        {"phase", phase_of_token(events.token[i])}, {"token", events.token[i]}, {"bytes", events.bytes[i]}};
    if (events.layer[i]) {
      details["layer"] = *events.layer[i];
    }
    list.push_back({{"name", timeline.kernel(i)},
                    {"duration", 1e6 * events.seconds[i]},
                    {"provenance", "unknown"},
                    {"details", std::move(details)},
                    {"description", phase_of_token(events.token[i])}});
  }
  return list;
}

Json dataset_of(const Row& row) {
  if (!row.verification.agrees()) {
    return "outputs differ from the capture";
  }
  Json runtimes = runtimes_of(row);
  if (runtimes.empty()) {
    return "nothing was measured";
  }
  Json dataset = {{"runtimes", std::move(runtimes)}, {"bytes", memory_of(row)}};
  if (row.timeline) {
    dataset["profiling"] = {{"events", events_of(*row.timeline)}, {"memory", memory_of(row)}};
  }
  return dataset;
}

}  // namespace

std::string futhark_json(const Report& report) {
  Json programs = Json::object();
  for (const Row& row : report.rows) {
    Json& datasets = programs[row.capture.name]["datasets"];
    const std::string placement = describe(row.placement);
    std::string name = placement;
    for (int nth = 2; datasets.contains(name); ++nth) {  // two builds, or two models
      name = fmt::format("{} #{}", placement, nth);
    }
    datasets[name] = dataset_of(row);
  }
  return programs.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace reprise::harness
