#include "harness/regress/history/history_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/io/json_archive.h"

namespace reprise::harness {
namespace {

using nlohmann::ordered_json;

ordered_json placement_json(const std::string& placement) {
  const std::optional<PlacementInfo> known = placement_of(placement);
  return known ? engine::to_json_value(*known) : ordered_json(placement);
}

ordered_json series_json(const Series& s) {
  return {{"id", s.id},
          {"capture", {{"id", s.capture_id}, {"name", s.capture_name}}},
          {"model", {{"name", s.model_name}, {"sha256", s.model_sha256}}},
          {"placement", placement_json(s.placement)},
          {"metric", s.metric},
          {"unit", s.unit},
          {"better", name_of(s.better)},
          {"machine", {{"fingerprint", s.machine}, {"description", s.machine_description}}}};
}

ordered_json point_json(const Point& p) {
  return {{"commit", p.commit},
          {"created", p.created},
          {"value", p.value},
          {"ci", p.ci ? ordered_json::array({p.ci->low, p.ci->high}) : ordered_json()},
          {"n", p.n},
          {"tool", p.tool},
          {"report_sha256", p.report_digest}};
}

ordered_json change_json(const Change& change) {
  const auto place = [](const Point& p) {
    return ordered_json{{"commit", p.commit}, {"created", p.created}};
  };
  return {{"kind", name_of(change.kind)},
          {"index", change.at.index},
          {"last_good", place(change.last_good)},
          {"first_changed", place(change.first_changed)},
          {"before", change.at.before},
          {"after", change.at.after},
          {"relative_change",
           change.at.relative_change ? ordered_json(*change.at.relative_change) : ordered_json()},
          {"p", change.at.p}};
}

ordered_json track_json(const TrackChanges& found, HistoryParts parts) {
  const Track& track = found.track;
  ordered_json json = series_json(track.series);
  json["branch"] = track.branch;
  json["n_points"] = track.points.size();
  json["newest"] = point_json(track.points.back());
  if (parts.points) {
    json["points"] = ordered_json::array();
    for (const Point& point : track.points) {
      json["points"].push_back(point_json(point));
    }
  }
  if (parts.changes) {
    json["enough_points"] = found.enough_points;
    json["newest_is_regression"] = found.newest_is_regression();
    json["changes"] = ordered_json::array();
    for (const Change& change : found.changes) {
      json["changes"].push_back(change_json(change));
    }
  }
  return json;
}

}  // namespace

std::string history_json(std::span<const TrackChanges> tracks, HistoryParts parts,
                         const std::string& created) {
  ordered_json all = {{"schema", kHistorySchema}, {"created", created}};
  if (parts.changes) {
    all["n_too_few_points"] = std::count_if(tracks.begin(), tracks.end(),
                                            [](const TrackChanges& found) { return !found.enough_points; });
  }
  all["tracks"] = ordered_json::array();
  for (const TrackChanges& track : tracks) {
    all["tracks"].push_back(track_json(track, parts));
  }
  return all.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace reprise::harness
