/// Is this machine fit to measure on? Judges what machine.h, roofline.h and conditions.h found, with advice.
/// A pure function of those facts. Used by tools/cli for doctor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/clock/conditions.h"
#include "harness/clock/machine.h"

namespace reprise::harness {

enum class Severity : std::uint8_t {
  note,     ///< to know when reading figures
  warning,  ///< makes figures slower or less certain than the machine is
};

struct Finding {
  Severity severity = Severity::note;
  std::string subject;  ///< "load", "governor"
  std::string text;     ///< what was found, and what to do: one line
};

/// Warnings first.
std::vector<Finding> findings_of(const Machine& machine, const Conditions& conditions);

/// No finding is a warning.
bool fit_to_measure(const std::vector<Finding>& findings);

}  // namespace reprise::harness
