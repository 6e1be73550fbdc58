/// reprise report: a stored report again, as tables or as a page.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/io/json_text.h"
#include "engine/io/mapped_file.h"
#include "engine/io/printable.h"
#include "harness/regress/history/history_json.h"
#include "harness/report/console.h"
#include "harness/report/futhark_json.h"
#include "harness/report/markdown.h"
#include "harness/report/report_json.h"
#include "harness/report/verdict_table.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

std::string schema_of(const nlohmann::json& document) {
  const auto found = document.is_object() ? document.find("schema") : document.end();
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

/// What the command that wrote it showed.
std::string text_of(const harness::Report& report) {
  if (!report.comparisons.empty()) {
    return harness::verdict_table(report);
  }
  return is_profile(report) ? harness::kernel_table(report.rows.front()) : console_text(report);
}

struct ReportCommandFlags {
  std::string file;
  std::string markdown;
  std::string futhark;
};

void show(const ReportCommandFlags& flags, const HtmlFlag& html) {
  const std::string text = engine::read_text_file(flags.file);
  const nlohmann::json document = engine::parse_json(text, flags.file);
  const std::string schema = schema_of(document);
  if (schema == harness::kHistorySchema) {
    if (!html.is_given() || !flags.markdown.empty() || !flags.futhark.empty()) {
      fail(ErrorCode::invalid_argument, "{}: expected --html alone: a history has no other form here",
           flags.file);
    }
    html.write(document.dump());
    return;
  }
  if (schema != harness::kReportSchema) {
    fail(ErrorCode::invalid_data, "{}: schema: expected {} or {}, found {}", flags.file,
         harness::kReportSchema, harness::kHistorySchema,
         schema.empty() ? "none" : engine::printable(schema, 64));
  }
  const harness::Report report = harness::from_json(document, flags.file);
  html.write(document.dump());
  if (!flags.futhark.empty()) {
    write_output(flags.futhark, harness::futhark_json(report));
  }
  if (!flags.markdown.empty()) {
    write_output(flags.markdown, harness::markdown_comparison_table(report));
  }
  if (!html.is_given() && flags.markdown.empty() && flags.futhark.empty()) {
    write_output("-", text_of(report));
  }
}

}  // namespace

void add_report(CLI::App& app) {
  auto* command =
      app.add_subcommand("report", "Show a stored report: as tables, or as one page for a browser");
  set_examples(
      *command,
      "Reports are what replay, bench, profile and compare write with --json, and gate.json; with --html "
      "also\nhistory.json of a history's site.\n\n"
      "Examples:\n"
      "  reprise report report.json\n"
      "  reprise report gate.json --html gate.html\n");
  auto flags = std::make_shared<ReportCommandFlags>();
  command->add_option("FILE", flags->file, "A report's JSON")->type_name("")->required();
  auto html = std::make_shared<HtmlFlag>(*command);
  command->add_option("--markdown", flags->markdown,
                      "Write the comparison table as Markdown here (\"-\": standard output)");
  command->add_option(
      "--futhark", flags->futhark,
      "Write the JSON of futhark bench here, which futhark profile and benchcmp read (\"-\": as above)");
  command->callback([=] {
    html->check();
    show(*flags, *html);
  });
}

}  // namespace reprise::cli
