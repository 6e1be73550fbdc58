/// What a judged gate found, before it has a form: verdict counts, the rows that are not equivalent, and the
/// sentences that go with them. One source for the console and for gate_markdown.h, so that both say the
/// same.
#pragma once

#include <string>
#include <vector>

#include "harness/regress/gate.h"
#include "harness/report/text_table.h"

namespace reprise::harness {

/// "regression", or what else the outcome is, for people; and whether it fails nothing.
std::string gate_headline(const Gate& gate);

/// "1 regression, 0 improvements, 14 equivalent, 3 inconclusive: 18 metrics of 2 rows".
std::string gate_counts(const Gate& gate);

/// "base 697503a, head 0123abc (modified)".
std::string gate_builds(const Gate& gate);

/// A row for each finding that is not equivalent, those that fail first: where, metric, verdict, change of
/// the head against the base, interval, pairs, the smallest slow-down it could have seen, and the cost centre
/// that changed most.
TextTable gate_rows(const Gate& gate);
bool has_rows(const Gate& gate);

/// The smallest slow-down that every timed metric would have shown.
std::string gate_sensitivity(const Gate& gate);

/// One sentence each, in ASCII: outputs that differ, rows too noisy, what is not compared, acknowledgements.
std::vector<std::string> gate_notes(const Gate& gate);

/// "chat-1 on cpu avx512 bf16 kv f32 2 threads".
std::string label_of(const Gate& gate, const GateRow& row);

/// Whether there is nothing to compare, and why.
bool outputs_differ(const GateRow& row);
std::string outputs_text(const GateRow& row);

/// The cells of one finding.
std::string verdict_cell(const Gate& gate, const GateFinding& finding);
std::string change_cell(const Gate& gate, const GateFinding& finding);

/// All of it, for a terminal.
std::string gate_text(const Gate& gate);

}  // namespace reprise::harness
