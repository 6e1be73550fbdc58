#include "harness/regress/gate_json.h"

#include "harness/regress/acknowledgement_fields.h"
#include "harness/report/report_fields.h"
#include "harness/report/report_json.h"

namespace reprise::engine {

template <>
struct JsonEnum<harness::GateStanding> {
  using Standing = harness::GateStanding;
  static constexpr std::array kNames = {std::pair{Standing::passes, std::string_view("passes")},
                                        std::pair{Standing::fails, std::string_view("fails")},
                                        std::pair{Standing::acknowledged, std::string_view("acknowledged")},
                                        std::pair{Standing::too_noisy, std::string_view("too_noisy")},
                                        std::pair{Standing::undecided, std::string_view("undecided")},
                                        std::pair{Standing::not_compared, std::string_view("not_compared")}};
};

template <>
struct JsonEnum<harness::AcknowledgementState> {
  using State = harness::AcknowledgementState;
  static constexpr std::array kNames = {std::pair{State::used, std::string_view("used")},
                                        std::pair{State::unused, std::string_view("unused")},
                                        std::pair{State::expired, std::string_view("expired")}};
};

template <>
struct JsonEnum<harness::GateOutcome> {
  using Outcome = harness::GateOutcome;
  static constexpr std::array kNames = {
      std::pair{Outcome::pass, std::string_view("pass")},
      std::pair{Outcome::regression, std::string_view("regression")},
      std::pair{Outcome::inconclusive, std::string_view("inconclusive")},
      std::pair{Outcome::outputs_differ, std::string_view("outputs_differ")}};
};

}  // namespace reprise::engine

namespace reprise::harness {

// The fields of the member `gate`. Internal to this file: nothing reads it again.

template <class Archive>
static void fields(Archive& archive, GateOptions& options) {
  archive("confidence", options.confidence);
  archive("max_noise", options.max_noise);
  archive("strict", options.strict);
  archive("informational", options.informational);
}

template <class Archive>
static void fields(Archive& archive, KernelCountChange& kernel) {
  archive("phase", kernel.phase);
  archive("name", kernel.name);
  archive("a", kernel.a);
  archive("b", kernel.b);
}

template <class Archive>
static void fields(Archive& archive, CountChange& count) {
  archive("metric", count.metric);
  archive("a", count.a);
  archive("b", count.b);
  archive("verdict", count.verdict);
  archive("kernels", count.kernels);
}

template <class Archive>
static void fields(Archive& archive, GateRow& row) {
  archive("a", row.a);
  archive("b", row.b);
  archive("noise_floor", row.noise_floor);
  archive("a_differs", row.a_differs);
  archive("b_differs", row.b_differs);
  archive("counts", row.counts);
}

template <class Archive>
static void fields(Archive& archive, GateFinding& finding) {
  archive("row", finding.row);
  archive("metric", finding.metric);
  archive("comparison", finding.comparison);
  archive("count", finding.count);
  archive("verdict", finding.verdict);
  archive("standing", finding.standing);
  archive("acknowledgement", finding.acknowledgement);
}

template <class Archive>
static void fields(Archive& archive, ListedAcknowledgement& listed) {
  archive("state", listed.state);
  archive("entry", listed.entry);
}

template <class Archive>
static void fields(Archive& archive, Gate& gate) {
  archive("outcome", gate.outcome);
  archive("options", gate.options);
  archive("command", gate.command);
  archive("a", gate.a);
  archive("b", gate.b);
  archive("rows", gate.rows);
  archive("findings", gate.findings);
  archive("acknowledgements", gate.acknowledgements);
}

std::string gate_json(const Gate& gate) {
  nlohmann::ordered_json document = to_json(gate.report);
  Gate walked = gate;  // the field lists take mutable values
  engine::JsonWriter writer("gate");
  std::string schema(kGateSchema);
  writer("schema", schema);
  fields(writer, walked);
  document["gate"] = writer.take();
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace reprise::harness
