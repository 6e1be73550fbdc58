/// What `reprise doctor` tells about a machine, as text and as JSON (specs/schema/doctor.schema.json).
/// Printers only: harness/clock measured and judged. Used by tools/cli.
#pragma once

#include <string>
#include <vector>

#include "harness/clock/conditions.h"
#include "harness/clock/findings.h"
#include "harness/clock/machine.h"
#include "harness/report/report.h"

namespace reprise::harness {

struct Diagnosis {
  std::string created;  ///< UTC, ISO 8601
  ToolInfo tool;
  Machine machine;
  Conditions conditions;
  std::vector<Finding> findings;
};

/// One line for each limit, kind of pages and instruction, one column for each thread count.
std::string roofline_table(const Roofline& roofline);

/// The machine, its limits, the findings, and whether it is fit.
std::string doctor_text(const Diagnosis& diagnosis);

/// Ends with a line break. Errors: Error invalid_data naming a figure that is not finite.
std::string doctor_json(const Diagnosis& diagnosis);

}  // namespace reprise::harness
