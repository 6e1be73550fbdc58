#include "harness/report/html_page.h"

#include <nlohmann/json.hpp>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "harness/report/report_json.h"

// The bundled page, by report_page.S; both are the same where the build carries none.
extern "C" const char reprise_report_page_begin[];
extern "C" const char reprise_report_page_end[];

namespace reprise::harness {
namespace {

constexpr std::string_view kPlaceholder = "/*REPORT*/";

std::string_view empty_page() {
  return {reprise_report_page_begin,
          static_cast<std::size_t>(reprise_report_page_end - reprise_report_page_begin)};
}

}  // namespace

bool has_html_page() {
  return !empty_page().empty();
}

std::string json_for_html(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    // Outside of strings none of these occurs.
    const std::string_view rest = json.substr(i);
    if (json[i] == '<') {
      text += "\\u003c";
    } else if (json[i] == '>') {
      text += "\\u003e";
    } else if (json[i] == '&') {
      text += "\\u0026";
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      text += json[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      text += json[i];
    }
  }
  return text;
}

std::string html_page(std::string_view json) {
  if (!has_html_page()) {
    fail(ErrorCode::not_found,
         "--html: expected a build with the page of reports, found one without (reports/viewer/README.md)");
  }
  const std::string_view page = empty_page();
  const std::size_t at = page.find(kPlaceholder);
  REPRISE_CHECK(at != std::string_view::npos);
  std::string filled(page.substr(0, at));
  filled += json_for_html(json);
  filled += page.substr(at + kPlaceholder.size());
  return filled;
}

std::string html_page_of(const Report& report) {
  using Json = nlohmann::ordered_json;
  return html_page(to_json(report).dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace reprise::harness
