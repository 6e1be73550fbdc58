#include "harness/regress/selection_report.h"

#include <fmt/format.h>

#include "engine/core/build_info_fields.h"
#include "engine/io/json_archive.h"
#include "harness/report/report_fields.h"
#include "harness/report/text_table.h"
#include "harness/report/units.h"

namespace reprise::harness {

// Named as in the schema; nothing reads it again.

template <class Archive>
static void fields(Archive& archive, SelectedCall& call) {
  archive("call", call.call);
  archive("at", call.at);
  archive("capture", call.capture);
  archive("n_cached", call.n_cached);
  archive("n_processed", call.n_processed);
  archive("n_generated", call.n_generated);
  archive("n_calls", call.n_calls);
  archive("weight", call.weight);
  archive("share", call.share);
  archive("logged_seconds", call.logged_seconds);
  archive("replayed_seconds", call.replayed_seconds);
}

template <class Archive>
static void fields(Archive& archive, CostTerm& term) {
  archive("name", term.name);
  archive("seconds_per_unit", term.seconds_per_unit);
}

template <class Archive>
static void fields(Archive& archive, TotalPrediction& prediction) {
  archive("total_seconds", prediction.total_seconds);
  archive("difference", prediction.difference);
  archive("ci", prediction.ci);
  archive("confidence", prediction.confidence);
}

template <class Archive>
static void fields(Archive& archive, SelectionReport& report) {
  archive("created", report.created);
  archive("tool", report.tool);
  archive("log", report.log);
  archive("model", report.model);
  archive("placement", report.placement);
  archive("n_calls", report.n_calls);
  archive("logged_total_seconds", report.logged_total_seconds);
  archive("seed", report.seed);
  archive("cost_model", report.cost_model);
  archive("calls", report.calls);
  archive("from_log", report.from_log);
  archive("from_replays", report.from_replays);
}

namespace {

std::string signed_percent(double fraction) {
  return fmt::format("{:+.2f} %", 100 * fraction);
}

std::string interval_text(const TotalPrediction& prediction) {
  return fmt::format("{} [{}, {}] at {:.0f} %", signed_percent(prediction.difference),
                     signed_percent(prediction.ci.low), signed_percent(prediction.ci.high),
                     100 * prediction.confidence);
}

}  // namespace

std::string selection_json(const SelectionReport& report) {
  SelectionReport walked = report;  // the field lists take mutable values
  engine::JsonWriter writer;
  std::string schema(kSelectionSchema);
  writer("schema", schema);
  fields(writer, walked);
  return writer.take().dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string selection_text(const SelectionReport& report) {
  TextTable table;
  for (const char* heading :
       {"call", "cached", "processed", "generated", "stands for", "weight", "share", "logged"}) {
    table.add_column(heading, Align::right);
  }
  if (report.from_replays) {
    table.add_column("replayed", Align::right);
  }
  table.add_column("file", Align::left);
  for (const SelectedCall& call : report.calls) {
    std::vector<std::string> cells = {
        fmt::format("{}", call.call),        fmt::format("{}", call.n_cached),
        fmt::format("{}", call.n_processed), fmt::format("{}", call.n_generated),
        counted(call.n_calls, "call"),       fmt::format("{:.1f}", call.weight),
        format_percent(call.share),          format_seconds(call.logged_seconds)};
    if (report.from_replays) {
      cells.push_back(call.replayed_seconds ? format_seconds(*call.replayed_seconds) : "");
    }
    cells.push_back(call.capture ? engine::printable(*call.capture, 4096) : "not captured");
    table.add_row(std::move(cells));
  }
  std::string text = table.to_text();
  text += fmt::format("\nThe log: {} of {}, {} in all.\n", counted(report.n_calls, "call"),
                      engine::printable(report.model), format_seconds(report.logged_total_seconds));
  text += fmt::format("Predicted from the logged times of {}: {}; error {}.\n",
                      counted(std::ssize(report.calls), "call"),
                      format_seconds(report.from_log.total_seconds), interval_text(report.from_log));
  if (report.from_replays) {
    text +=
        fmt::format("Predicted from replays here: {}; against the log {}.\n",
                    format_seconds(report.from_replays->total_seconds), interval_text(*report.from_replays));
  }
  return text;
}

}  // namespace reprise::harness
