#include "harness/regress/gate_markdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/regress/gate_table.h"
#include "harness/tests/support/sample_gate.h"

namespace reprise::harness {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kToday = "2026-01-31";

TEST(GateMarkdown, IsACommentThatBeginsWithTheVerdicts) {
  Acknowledgement expired = sample_acknowledgement();
  expired.expires = "2025-12-31";
  Acknowledgement unused = sample_acknowledgement();
  unused.capture = "chat-2";
  Acknowledgement used = sample_acknowledgement();
  used.metric = kKernelCalls;
  Gate gate = sample_gate();
  gate.report.comparisons[0].confirmed = true;
  gate.report.comparisons[2].verdict = ComparisonVerdict::inconclusive;
  gate.report.comparisons[2].adjusted_p_value = 0.016;
  const std::vector<Acknowledgement> accepted = {expired, unused, used};
  EXPECT_EQ(gate_markdown(judge(gate, accepted, kToday)),
            R"(## Gate: outputs differ

**3 regressions, 2 improvements, 10 equivalent, 2 inconclusive: 18 metrics of 3 rows**

base 697503a00000, head 0123abc00000 (modified). Of this run, a slow-down of 3.1 % would have shown in every timed metric, four times in five.

| capture | placement | metric | verdict | head against base | interval | pairs | could have seen | top cost centre |
| :--- | :--- | :--- | :--- | ---: | ---: | ---: | ---: | :--- |
| chat-1 | cpu avx512 f32, KV cache f32, 2 threads, exact | total\_seconds | regression, twice | +6.25 % | +5.47 % .. +7.03 % | 64 | 3.1 % | decode linear +30.00 ms of +31.25 ms |
| chat-1 | cpu avx512 f32, KV cache f32, 2 threads, exact | time\_to\_first\_token\_seconds | improvement | -6.25 % | -7.03 % .. -5.47 % | 64 | 3.1 % | decode linear +30.00 ms of +31.25 ms |
| chat-1 | cpu avx512 f32, KV cache f32, 2 threads, exact | decode\_tokens\_per\_second | inconclusive (certain alone, not among all) | -6.25 % | -7.03 % .. -5.47 % | 64 | 3.1 % | decode linear +30.00 ms of +31.25 ms |
| chat-1 | cpu avx512 f32, KV cache f32, 2 threads, exact | kernel\_calls | regression (accepted) | 110 to 135 (+22.73 %) | exact | - | - | decode linear +20 |
| chat-1 | cpu avx512 f32, KV cache f32, 2 threads, exact | peak\_kv\_bytes | improvement | 1024 to 512 (-50.00 %) | exact | - | - | - |
| chat-1 | cpu avx512 bf16, KV cache f32, 2 threads, exact | total\_seconds | regression (too noisy to fail) | +12.50 % | +11.72 % .. +13.28 % | 64 | 3.1 % | - |
| chat-1 | cpu avx512 bf16, KV cache f32, 2 threads, exact | decode\_tokens\_per\_second | inconclusive | +0.00 % | - | 64 | - | - |

- chat-1 on cpu avx512 bf16, KV cache f32, 2 threads, exact: the base build against itself is 6.2 % apart, more than 5.0 %: no timing of it fails
- chat-1 on cpu avx512 int8, KV cache f32, 2 threads, exact: outputs of the head build differ from the capture; nothing of it is compared
- chat-1 on cpu avx512 f32, KV cache f32, 2 threads, exact: allocations are not compared: the head build does not count them
- accepted until 2025-12-31 and no longer: total\_seconds of chat-1, commit 0123abc: exact sums need a second pass
- accepted, and found nothing to excuse: total\_seconds of chat-2, commit 0123abc: exact sums need a second pass
- accepted until 2026-03-31: kernel\_calls of chat-1, commit 0123abc: exact sums need a second pass

To see the same again:

    reprise gate --base-bin before/reprise --head-bin after/reprise --spec specs/gate.json
)");
}

TEST(GateMarkdown, OfNothingButEquivalenceHasNoTable) {
  Gate gate = agreeing_gate();
  gate.rows.resize(1);
  gate.rows[0].counts = count_changes(fixed_counts(), fixed_counts());
  gate.report.comparisons.resize(3);
  for (Comparison& comparison : gate.report.comparisons) {
    comparison.verdict = ComparisonVerdict::equivalent;
  }
  const std::string text = gate_markdown(judge(gate, {}, kToday));
  EXPECT_THAT(text, HasSubstr("## Gate: pass\n\n**0 regressions, 0 improvements, 9 equivalent"));
  EXPECT_THAT(text, Not(HasSubstr("|")));
  EXPECT_THAT(text, Not(HasSubstr("\n- ")));
}

TEST(GateMarkdown, WhatFailsStandsFirst) {
  Gate gate = agreeing_gate();
  std::swap(gate.rows[0], gate.rows[1]);  // the noisy one first
  const std::string text = gate_markdown(judge(gate, {}, kToday));
  EXPECT_LT(text.find("| cpu avx512 f32"), text.find("| cpu avx512 bf16")) << text;
}

TEST(GateMarkdown, InformationalSaysThatItFailsNothing) {
  Gate gate = agreeing_gate();
  gate.options.informational = true;
  EXPECT_THAT(gate_markdown(judge(gate, {}, kToday)),
              HasSubstr("## Gate: regression (for information: it fails nothing)\n"));
}

TEST(GateMarkdown, NamesCannotBecomeMarkup) {
  Gate gate = sample_gate();
  for (Row& row : gate.report.rows) {
    row.capture.name = "a|b<i>\n# c";
  }
  gate.command = "reprise gate 'x\n# y'";
  Acknowledgement entry = sample_acknowledgement();
  entry.capture = "z";
  entry.reason = "<script>\n|";
  const std::string text = gate_markdown(judge(gate, std::vector{entry}, kToday));
  EXPECT_THAT(text, Not(HasSubstr("<")));
  EXPECT_THAT(text, Not(HasSubstr("\n# ")));
  EXPECT_THAT(text, HasSubstr("| a\\|b&lt;i>"));
}

TEST(VerdictCell, SaysWhenOnlyTheOtherMetricsMadeItInconclusive) {
  Gate gate = agreeing_gate();
  Comparison& total = gate.report.comparisons[0];
  total.verdict = ComparisonVerdict::inconclusive;
  total.p_value = 0.004;
  total.adjusted_p_value = 0.016;
  const auto cell = [&] {
    const Gate judged = judge(gate, {}, kToday);
    return verdict_cell(judged, judged.findings.at(0));
  };
  EXPECT_EQ(cell(), "inconclusive (certain alone, not among all)");
  total.pairs = 19;  // too few for any verdict
  EXPECT_EQ(cell(), "inconclusive");
  total.pairs = 64;
  total.confirmed = false;
  EXPECT_EQ(cell(), "inconclusive (once slower, not again)");
}

TEST(OutputsText, NamesTheBuildsThatDiffer) {
  GateRow row;
  EXPECT_FALSE(outputs_differ(row));
  row.a_differs = true;
  EXPECT_THAT(outputs_text(row), HasSubstr("the base build"));
  row.b_differs = true;
  EXPECT_THAT(outputs_text(row), HasSubstr("both builds"));
  EXPECT_TRUE(outputs_differ(row));
}

TEST(GateText, SaysTheSameOnATerminal) {
  const std::string text = gate_text(judge(sample_gate(), {}, kToday));
  EXPECT_EQ(
      text.find("gate: outputs differ\n4 regressions, 2 improvements, 10 equivalent, 1 inconclusive: 18 "
                "metrics of 3 rows; base 697503a00000, head 0123abc00000 (modified)\n"),
      0U)
      << text;
  EXPECT_THAT(text, HasSubstr("outputs of the head build differ"));
  EXPECT_THAT(text, HasSubstr("110 to 135 (+22.73 %)"));
}

TEST(GateSensitivity, LeavesNoisyRowsOutAndSaysWhatIsUnknown) {
  Gate gate = agreeing_gate();
  gate.report.comparisons[1].minimum_detectable_effect.reset();
  gate.report.comparisons[3].minimum_detectable_effect = 9;  // of the noisy row
  EXPECT_EQ(
      gate_sensitivity(judge(gate, {}, kToday)),
      "a slow-down of 3.1 % would have shown in every timed metric, four times in five; 1 of 3 have too "
      "few pairs to tell");
  gate.rows.erase(gate.rows.begin());
  EXPECT_EQ(gate_sensitivity(judge(gate, {}, kToday)), "no timed metric could have shown a slow-down");
}

}  // namespace
}  // namespace reprise::harness
