/// The text printers against golden outputs: a change of a column is a change of this file.
#include <gtest/gtest.h>

#include <string>

#include "harness/report/console.h"
#include "harness/report/markdown.h"
#include "harness/report/text_table.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

// clang-format off
constexpr const char* kComparison = R"(capture  backend    isa     precision  kv cache  threads  outputs          TTFT  prefill tok/s  decode tok/s     total  interval   speed  runs  spread    converged
-------  ---------  ------  ---------  --------  -------  -----------  --------  -------------  ------------  --------  --------  ------  ----  --------  -------------
chat-1   reference  scalar  f32        on f32          2  identical    500.0 ms          96.00         10.00   2.000 s    ±0.8 %   1.00x    12  █▁▁▁▁▁▁▁  yes
chat-1   cpu        avx512  f32        on f32          2  identical    200.0 ms          240.0         25.00  800.0 ms    ±0.8 %   2.50x    12  █▁▁▁▁▁▁▁  yes
chat-1   cpu        avx512  bf16       on f32          2  DIFFER @12   125.0 ms          384.0         40.00  500.0 ms    ±0.8 %  *4.00x    12  █▁▁▁▁▁▁▁  NO (budget)
chat-1   cpu        avx2    int8       off             2  DIFFER              -              -             -         -         -       -     0            FAILED
short    cpu        avx512  f32        on f32          2  same tokens  7.812 ms           6144         640.0  31.25 ms        ±?   1.00x    12  █▁▁▁▁▁▁▁  NO (max runs)
* outputs differ from the capture (@N: from generated token N on): a ratio of unlike results, not a speed-up
NO: not converged, the interval of the total is wider than asked for; give it more time
2 of 12 runs were far slower than the others, and kept: 2 with involuntary context switches, 1 with time taken by the hypervisor
FAILED: a run's outputs did not verify; no time of it is shown
)";

constexpr const char* kKernels = R"(phase         kernel    calls      time    share  GB/s  GFLOP/s  roofline  of
------------  --------  -----  --------  -------  ----  -------  --------  ----
decode        linear     1200   1.000 s   50.0 %  32.0     64.0    50.0 %  read
prefill       linear       80  500.0 ms   25.0 %  2.00      256    50.0 %  f32
decode        rms_norm   2400  62.50 µs    0.0 %     -        -         -  -
unattributed                   499.9 ms   25.0 %
total                           2.000 s  100.0 %
)";

constexpr const char* kMarkdown = R"(| capture | backend | isa | precision | kv cache | threads | outputs | TTFT | prefill tok/s | decode tok/s | total | interval | speed | runs | spread | converged |
| :--- | :--- | :--- | :--- | :--- | ---: | :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- | :--- |
| chat-1 | reference | scalar | f32 | on f32 | 2 | identical | 500.0 ms | 96.00 | 10.00 | 2.000 s | ±0.8 % | 1.00x | 12 | █▁▁▁▁▁▁▁ | yes |
| chat-1 | cpu | avx512 | f32 | on f32 | 2 | identical | 200.0 ms | 240.0 | 25.00 | 800.0 ms | ±0.8 % | 2.50x | 12 | █▁▁▁▁▁▁▁ | yes |
| chat-1 | cpu | avx512 | bf16 | on f32 | 2 | DIFFER @12 | 125.0 ms | 384.0 | 40.00 | 500.0 ms | ±0.8 % | \*4.00x | 12 | █▁▁▁▁▁▁▁ | NO (budget) |
| chat-1 | cpu | avx2 | int8 | off | 2 | DIFFER | - | - | - | - | - | - | 0 |  | FAILED |
| short | cpu | avx512 | f32 | on f32 | 2 | same tokens | 7.812 ms | 6144 | 640.0 | 31.25 ms | ±? | 1.00x | 12 | █▁▁▁▁▁▁▁ | NO (max runs) |

\* outputs differ from the capture (@N: from generated token N on): a ratio of unlike results, not a speed-up

NO: not converged, the interval of the total is wider than asked for; give it more time

2 of 12 runs were far slower than the others, and kept: 2 with involuntary context switches, 1 with time taken by the hypervisor

FAILED: a run's outputs did not verify; no time of it is shown
)";
// clang-format on

TEST(Console, ComparisonTable) {
  EXPECT_EQ(comparison_table(sample_report()), kComparison);
}

TEST(Console, KernelTable) {
  EXPECT_EQ(kernel_table(sample_report().rows[0]), kKernels);
}

TEST(Console, AShareAboveTheCeilingIsExplained) {
  Row row = sample_report().rows[0];
  EXPECT_EQ(kernel_table(row).find("cache"), std::string::npos);
  row.cost_centres[1].roofline_fraction = 1.25;
  row.cost_centres[1].roofline_limit = Limit::int8_dot;
  EXPECT_NE(kernel_table(row).find("125.0 %  int8 dot\n"), std::string::npos) << kernel_table(row);
  EXPECT_NE(kernel_table(row).find("\nroofline above 100 %: the data was in a cache"), std::string::npos);
}

TEST(Markdown, ComparisonTable) {
  EXPECT_EQ(markdown_comparison_table(sample_report()), kMarkdown);
}

TEST(Console, WithoutAProfileSaysSo) {
  EXPECT_EQ(kernel_table(sample_report().rows[1]), "no profile was taken\n");
}

TEST(Console, NotesAppearOnlyWhereTheyApply) {
  Report report = sample_report();
  report.rows.resize(2);
  report.comparisons.clear();
  const std::string text = comparison_table(report);
  EXPECT_EQ(text.find("NO"), std::string::npos);
  EXPECT_EQ(text.find('*'), std::string::npos);
  EXPECT_EQ(text.find("FAILED"), std::string::npos);
}

TEST(Console, ARatioToABaseThatDiffersIsMarkedToo) {
  Report report = sample_report();
  report.rows.resize(2);
  report.rows[0].verification.verdict = OutputVerdict::differs;
  EXPECT_NE(comparison_table(report).find("*2.50x"), std::string::npos);
}

TEST(Console, OfNoRowsIsAHeading) {
  const std::string text = comparison_table(Report());
  EXPECT_TRUE(text.starts_with("capture  backend"));
  EXPECT_EQ(kernel_table(Row()), "no profile was taken\n");
}

TEST(Console, NamesFromOutsideCannotForgeLinesOrEscapes) {
  Report report = sample_report();
  report.rows.resize(1);
  report.rows[0].capture.name = "a\nb\x1b[31m";
  const std::string text = comparison_table(report);
  EXPECT_NE(text.find("a\\x0ab\\x1b[31m"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Markdown, NamesFromOutsideStayInTheirCells) {
  Report report = sample_report();
  report.rows.resize(1);
  report.rows[0].capture.name = "a|b<script>[x](y)`";
  const std::string text = markdown_comparison_table(report);
  EXPECT_NE(text.find("| a\\|b&lt;script>\\[x\\](y)\\` |"), std::string::npos) << text;
}

TEST(TextTable, MeasuresCharactersNotBytes) {
  EXPECT_EQ(display_width("±0.8 %"), 6U);
  TextTable table;
  table.add_column("a", Align::right);
  table.add_column("b", Align::left);
  table.add_row({"±1", "µ"});
  table.add_row({"12", "x"});
  EXPECT_EQ(table.to_text(), " a  b\n--  -\n±1  µ\n12  x\n");
}

}  // namespace
}  // namespace reprise::harness
