#include "harness/regress/gate_junit.h"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "engine/io/printable.h"
#include "harness/regress/gate_table.h"
#include "harness/report/verdict_table.h"

namespace reprise::harness {
namespace {

struct Tally {
  int tests = 0;
  int failures = 0;
  int skipped = 0;

  void write(pugi::xml_node node) const {
    node.append_attribute("tests").set_value(tests);
    node.append_attribute("failures").set_value(failures);
    node.append_attribute("skipped").set_value(skipped);
  }
  Tally& operator+=(const Tally& other) {
    tests += other.tests;
    failures += other.failures;
    skipped += other.skipped;
    return *this;
  }
};

/// "regression, twice: +3.10 %, interval +2.00 % .. +4.20 %".
std::string message_of(const Gate& gate, const GateFinding& finding) {
  std::string message = fmt::format("{}: {}", verdict_cell(gate, finding), change_cell(gate, finding));
  if (finding.comparison) {
    message += ", interval " +
               interval_text(gate.report.comparisons.at(static_cast<std::size_t>(*finding.comparison)));
  }
  if (finding.acknowledgement) {
    const auto& listed = gate.acknowledgements.at(static_cast<std::size_t>(*finding.acknowledgement));
    message += "; " + engine::printable(listed.entry.reason, 400);
  }
  return message;
}

pugi::xml_node add_case(pugi::xml_node suite, const std::string& class_name, const std::string& name) {
  pugi::xml_node test = suite.append_child("testcase");
  test.append_attribute("classname").set_value(class_name.c_str());
  test.append_attribute("name").set_value(name.c_str());
  return test;
}

void add_message(pugi::xml_node test, const char* kind, const char* type, const std::string& message) {
  pugi::xml_node node = test.append_child(kind);
  if (type != nullptr) {
    node.append_attribute("type").set_value(type);
  }
  node.append_attribute("message").set_value(message.c_str());
}

void add_finding(pugi::xml_node suite, const std::string& label, const Gate& gate, const GateFinding& finding,
                 Tally& tally) {
  const pugi::xml_node test = add_case(suite, label, engine::printable(finding.metric, 40));
  ++tally.tests;
  if (finding.standing == GateStanding::fails && !gate.options.informational) {
    add_message(test, "failure", name_of(*finding.verdict).data(), message_of(gate, finding));
    ++tally.failures;
  } else if (finding.standing != GateStanding::passes) {
    add_message(test, "skipped", nullptr, message_of(gate, finding));
    ++tally.skipped;
  }
}

}  // namespace

std::string gate_junit(const Gate& gate) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("testsuites");
  root.append_attribute("name").set_value("reprise gate");
  Tally all;
  for (std::size_t i = 0; i < gate.rows.size(); ++i) {
    const GateRow& row = gate.rows[i];
    const std::string label = label_of(gate, row);
    pugi::xml_node suite = root.append_child("testsuite");
    suite.append_attribute("name").set_value(label.c_str());
    Tally tally;
    if (outputs_differ(row)) {
      add_message(add_case(suite, label, "outputs"), "failure", "outputs_differ", outputs_text(row));
      ++tally.tests;
      ++tally.failures;
    }
    for (const GateFinding& finding : gate.findings) {
      if (finding.row == static_cast<std::int64_t>(i)) {
        add_finding(suite, label, gate, finding, tally);
      }
    }
    tally.write(suite);
    all += tally;
  }
  all.write(root);
  std::ostringstream text;
  document.save(text, "  ");
  return text.str();
}

}  // namespace reprise::harness
