#include "harness/report/html_page.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/core/error.h"
#include "engine/tests/support/error_of.h"
#include "harness/report/report_json.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using nlohmann::json;
using reprise::testing::error_of;

constexpr std::string_view kPlaceholder = "/*REPORT*/";

TEST(JsonForHtml, NothingInItIsMarkup) {
  EXPECT_EQ(json_for_html(R"({"name": "</script><!-- a & b -->"})"),
            R"({"name": "\u003c/script\u003e\u003c!-- a \u0026 b --\u003e"})");
}

/// Line ends to JavaScript of old, and to whatever reads the page by lines. Their neighbours are characters.
TEST(JsonForHtml, NothingInItIsALineEndOfJavaScript) {
  EXPECT_EQ(json_for_html("\"a\xE2\x80\xA8 b\xE2\x80\xA9\""), R"("a\u2028 b\u2029")");
  EXPECT_EQ(json_for_html("\"\xE2\x80\xA6 \xE2\x80\xA7 \xE2\x81\xA8 \xC2\xA8\""),
            "\"\xE2\x80\xA6 \xE2\x80\xA7 \xE2\x81\xA8 \xC2\xA8\"");
  EXPECT_EQ(json_for_html("\"\xE2\x80"), "\"\xE2\x80") << "a text that ends in the midst of a character";
}

TEST(JsonForHtml, IsTheSameValue) {
  const json value = {{"<&>", "\xE2\x80\xA8\xE2\x80\xA9<<>>&amp;\\\"\\\\u003c\n"},
                      {"numbers", {1, -2.5, 1e300}},
                      {"nested", {{"</script>", nullptr}}}};
  for (const int indent : {-1, 2}) {
    const std::string text = value.dump(indent);
    const std::string embedded = json_for_html(text);
    EXPECT_NE(embedded, text);
    EXPECT_EQ(json::parse(embedded), value);
    EXPECT_EQ(embedded.find_first_of("<>&"), std::string::npos);
  }
}

TEST(JsonForHtml, LeavesPlainJsonAsItIs) {
  for (const char* const text : {"", "{}", "[]", "{\n  \"a\": [1, 2.5e-3, true, null, \"\\u003c\"]\n}\n"}) {
    EXPECT_EQ(json_for_html(text), text);
  }
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++n;
  }
  return n;
}

/// What the page's script reads: the text of its element.
std::string carried_by(const std::string& page) {
  constexpr std::string_view kBegin = R"(<script type="application/json" id="report">)";
  const std::size_t begin = page.find(kBegin);
  const std::size_t end = begin == std::string::npos ? begin : page.find("</script", begin);
  return end == std::string::npos ? "no such element"
                                  : page.substr(begin + kBegin.size(), end - begin - kBegin.size());
}

std::string report_named(const std::string& capture) {
  Report report = sample_report();
  report.rows[0].capture.name = capture;
  return to_text(report);
}

class HtmlPage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_html_page()) {
      GTEST_SKIP() << "this build carries no page of reports (no Node.js, or no packages of reports/viewer): "
                      "the page is NOT tested";
    }
  }
};

TEST_F(HtmlPage, CarriesItsDocumentOnce) {
  const std::string document = report_named("chat-1");
  const std::string page = html_page(document);
  EXPECT_EQ(count(page, json_for_html(document)), 1U);
  EXPECT_EQ(json::parse(carried_by(page)), json::parse(document));
  EXPECT_EQ(page.find(kPlaceholder), std::string::npos) << "a placeholder is left";
}

TEST_F(HtmlPage, OfAnotherDocumentDiffersInThatAlone) {
  const std::string empty = html_page("{}");
  const std::string document = report_named("chat-1");
  std::string page = html_page(document);
  const std::string embedded = json_for_html(document);
  ASSERT_NE(page.find(embedded), std::string::npos);
  page.replace(page.find(embedded), embedded.size(), "{}");
  EXPECT_TRUE(page == empty);
}

TEST_F(HtmlPage, NamesInADocumentStayText) {
  constexpr const char* kScript = "</script><script>alert(1)</script>";
  const std::string document = report_named(kScript);
  const std::string page = html_page(document);
  EXPECT_EQ(page.find(kScript), std::string::npos);
  EXPECT_EQ(count(page, "alert(1)"), 1U);
  EXPECT_EQ(count(page, "<script"), count(html_page("{}"), "<script"));
  EXPECT_EQ(json::parse(carried_by(page))["rows"][0]["capture"]["name"], kScript);
}

/// Only the page's own placeholder is filled.
TEST_F(HtmlPage, ADocumentMayHoldThePlaceholder) {
  const std::string document = report_named(std::string(kPlaceholder));
  EXPECT_EQ(json::parse(carried_by(html_page(document))), json::parse(document));
}

TEST(HtmlPageOfABuildWithoutOne, IsNotFound) {
  if (has_html_page()) {
    GTEST_SKIP() << "this build carries the page of reports";
  }
  const Error error = error_of([] { (void)html_page("{}"); });
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace reprise::harness
