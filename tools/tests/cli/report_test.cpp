/// `reprise report`, and the page that every command with a report writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "harness/report/html_page.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::quick;
using testing::read_file;
using testing::write_file;

class ReportTest : public CliTest {
 protected:
  void SetUp() override { make_capture("call.safetensors"); }

  /// The document that a page holds.
  [[nodiscard]] json document_of(const std::string& name) const {
    const std::string page = read_file(path(name));
    const std::string tag = R"(<script type="application/json" id="report">)";
    const std::size_t begin = page.find(tag);
    const std::size_t end = page.find("</script>", begin);
    EXPECT_NE(begin, std::string::npos);
    EXPECT_THAT(page, HasSubstr("default-src 'none'"));
    return json::parse(page.substr(begin + tag.size(), end - begin - tag.size()));
  }
};

TEST_F(ReportTest, ShowsAgainWhatTheCommandShowed) {
  const std::string shown =
      output(quick({"replay", "call.safetensors", "--threads", "1", "--json", "report.json"}));
  EXPECT_EQ(shown, output({"report", "report.json"}));
  EXPECT_THAT(output({"report", "report.json", "--markdown", "-"}), HasSubstr("| call |"));
  output({"profile", "call.safetensors", "--runs", "1", "--json", "profile.json"});
  EXPECT_THAT(output({"report", "profile.json"}), HasSubstr("unattributed"));
  const json futhark = json::parse(output({"report", "report.json", "--futhark", "-"}));
  const json& dataset = futhark["call"]["datasets"].front();
  EXPECT_GE(dataset["runtimes"].size(), 3U);
  EXPECT_GT(dataset["bytes"]["weights"], 0);
}

TEST_F(ReportTest, StandardOutputHasTheFormAskedFor) {
  const auto replayed = [&](const std::string& form) {
    return output(quick({"replay", "call.safetensors", "--threads", "1", "--format", form}));
  };
  EXPECT_EQ(replayed("table").find("capture  backend"), 0U);
  EXPECT_EQ(replayed("markdown").find("| capture | backend |"), 0U);
  EXPECT_EQ(replayed("csv").find("capture,model,backend,"), 0U);
  EXPECT_EQ(json::parse(replayed("json"))["schema"], "reprise.report/1");
  EXPECT_NE(replayed("github").find("capture  backend"), std::string::npos);
  const testing::Arguments profile = {"profile", "call.safetensors", "--runs", "1", "--format"};
  const auto profiled = [&](const char* form) {
    testing::Arguments arguments = profile;
    arguments.emplace_back(form);
    return output(arguments);
  };
  EXPECT_THAT(profiled("csv"), HasSubstr("\ndecode,linear,65,"));
  EXPECT_EQ(profiled("markdown").find("| phase | kernel |"), 0U);
  // Standard output is no terminal here.
  EXPECT_EQ(replayed("table").find('\x1b'), std::string::npos);
  expect_error({"replay", "call.safetensors", "--format", "xml"},
               {"--format: expected one of table, markdown, csv, json, github, found 'xml'"});
}

TEST_F(ReportTest, EveryCommandWritesAPage) {
  if (!harness::has_html_page()) {
    GTEST_SKIP() << "this build carries no page of reports: pages are NOT tested (reports/viewer/README.md)";
  }
  output(quick(
      {"replay", "call.safetensors", "--threads", "1", "--json", "report.json", "--html", "replay.html"}));
  EXPECT_EQ(document_of("replay.html"), json::parse(read_file(path("report.json"))));
  output({"profile", "call.safetensors", "--runs", "1", "--html", "profile.html"});
  EXPECT_EQ(document_of("profile.html")["rows"][0]["timeline"]["events"]["token"].size(), 25U * 6);
  output({"report", "report.json", "--html", "again.html"});
  EXPECT_EQ(document_of("again.html"), json::parse(read_file(path("report.json"))));
  output({"history", "add", "report.json", "--commit", "abc"});
  output({"history", "site", "--out", "site", "--html", "history.html"});
  EXPECT_EQ(document_of("history.html"), json::parse(read_file(path("site/history.json"))));
  output({"report", "site/history.json", "--html", "history-again.html"});
  EXPECT_EQ(document_of("history-again.html")["schema"], "reprise.history/1");
}

TEST_F(ReportTest, HostileNamesStayText) {
  if (!harness::has_html_page()) {
    GTEST_SKIP() << "this build carries no page of reports: pages are NOT tested (reports/viewer/README.md)";
  }
  output({"profile", "call.safetensors", "--runs", "1", "--json", "profile.json"});
  json report = json::parse(read_file(path("profile.json")));
  const std::string evil = "</script><script>alert(1)</script><!--";
  report["rows"][0]["capture"]["name"] = evil;
  write_file(path("evil.json"), report.dump());
  output({"report", "evil.json", "--html", "evil.html"});
  EXPECT_THAT(read_file(path("evil.html")), Not(HasSubstr("alert(1)</script>")));
  EXPECT_EQ(document_of("evil.html")["rows"][0]["capture"]["name"], evil);
}

TEST_F(ReportTest, NamesFromAReportCannotStartLinesOrSequences) {
  output(quick({"replay", "call.safetensors", "--threads", "1", "--json", "report.json"}));
  json report = json::parse(read_file(path("report.json")));
  report["rows"][0]["capture"]["name"] = "x\x1b]0;y\x07\nall rows identical";
  report["rows"][0]["verification"]["mode"] = "free";
  report["rows"][0]["verification"]["verdict"] = "differs";
  write_file(path("evil.json"), report.dump());
  const std::string text = output({"report", "evil.json"});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\nall rows"), std::string::npos) << text;
}

TEST_F(ReportTest, SaysWhatIsWrong) {
  expect_error({"report"}, {"FILE: expected one"});
  expect_error({"report", "missing.json"}, {"missing.json"});
  write_file(path("cut.json"), R"({"schema": "reprise.report/1", )");
  expect_error({"report", "cut.json"}, {"cut.json: "});
  write_file(path("other.json"), R"({"schema": "reprise.report/2"})");
  expect_error(
      {"report", "other.json"},
      {"other.json: schema: expected reprise.report/1 or reprise.history/1, found reprise.report/2"});
  write_file(path("none.json"), "[]");
  expect_error({"report", "none.json"}, {"found none"});
  write_file(path("history.json"), R"({"schema": "reprise.history/1", "created": "", "series": []})");
  expect_error({"report", "history.json"}, {"history.json: expected --html alone"});
  if (harness::has_html_page()) {
    expect_error({"report", "other.json", "--html", "-"}, {"--html: expected a file, found -"});
    expect_error({"replay", "call.safetensors", "--html", "no/such/page.html"}, {"no/such/page.html"});
  } else {
    expect_error({"report", "other.json", "--html", "page.html"}, {"--html: expected a build with the page"});
  }
}

}  // namespace
}  // namespace reprise::cli
