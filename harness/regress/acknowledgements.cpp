#include "harness/regress/acknowledgements.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "engine/io/json_text.h"
#include "engine/io/mapped_file.h"
#include "harness/regress/acknowledgement_fields.h"
#include "harness/regress/compared_metrics.h"
#include "harness/regress/exact_counts.h"

namespace reprise::harness {
namespace {

using engine::JsonReader;
using engine::printable;

template <class T>
bool allows(const std::optional<T>& pattern, const T& value) {
  return !pattern || *pattern == value;
}

std::vector<std::string_view> metric_names() {
  std::vector<std::string_view> names;
  for (const ComparedMetric& metric : kComparedMetrics) {
    names.push_back(metric.name);
  }
  names.insert(names.end(), std::begin(kExactMetrics), std::end(kExactMetrics));
  return names;
}

/// The whole of `text` as a number of exactly its width; absent for anything else.
std::optional<unsigned> number_of(std::string_view text) {
  unsigned value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return false;
  }
  const auto year = number_of(text.substr(0, 4));
  const auto month = number_of(text.substr(5, 2));
  const auto day = number_of(text.substr(8, 2));
  return year && month && day &&
         std::chrono::year_month_day(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                     std::chrono::day(*day))
             .ok();
}

bool is_commit(std::string_view text) {
  return text.size() >= 7 && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void check(const Acknowledgement& entry, const std::string& path, const JsonReader& reader) {
  const auto member = [&](const char* name) { return engine::detail::member(path, name); };
  if (entry.capture.empty()) {
    reader.wrong(member("capture"), "a capture's name or id", "an empty text");
  }
  const std::vector<std::string_view> metrics = metric_names();
  if (std::find(metrics.begin(), metrics.end(), entry.metric) == metrics.end()) {
    reader.wrong(member("metric"), fmt::format("one of {}", fmt::join(metrics, ", ")),
                 printable(entry.metric));
  }
  if (!is_commit(entry.commit)) {
    reader.wrong(member("commit"), "7 to 64 hexadecimal digits", printable(entry.commit));
  }
  if (entry.reason.empty()) {
    reader.wrong(member("reason"), "why it is accepted", "an empty text");
  }
  if (!is_date(entry.expires)) {
    reader.wrong(member("expires"), "a date as YYYY-MM-DD", printable(entry.expires));
  }
  if (entry.at_most && !(*entry.at_most > 0)) {
    reader.wrong(member("at_most"), "a number above 0", fmt::format("{}", *entry.at_most));
  }
}

}  // namespace

bool PlacementPattern::covers(const engine::PlacementFields& placement) const {
  return allows(backend, placement.backend) && allows(isa, placement.isa) &&
         allows(precision, placement.precision) && allows(kv_cache, placement.kv_cache) &&
         allows(kv_precision, placement.kv_precision) && allows(threads, placement.threads) &&
         allows(numerics, placement.numerics);
}

bool Acknowledgement::covers(const CaptureInfo& of, const engine::PlacementFields& at, std::string_view what,
                             double worsening) const {
  return (capture == of.name || capture == of.id) && metric == what &&
         (!placement || placement->covers(at)) && (!at_most || worsening <= *at_most);
}

std::vector<Acknowledgement> parse_acknowledgements(std::string_view text, const std::string& source) {
  const nlohmann::json document = engine::parse_json(text, source);
  JsonReader reader(document, source, "", engine::UnknownFields::refused);
  std::string schema;
  reader("schema", schema);
  if (schema != kAcknowledgementsSchema) {
    reader.wrong("schema", kAcknowledgementsSchema, printable(schema));
  }
  std::vector<Acknowledgement> accepted;
  reader("accepted", accepted);
  reader.finish();
  for (std::size_t i = 0; i < accepted.size(); ++i) {
    check(accepted[i], engine::detail::element("accepted", i), reader);
  }
  return accepted;
}

std::vector<Acknowledgement> read_acknowledgements(const std::filesystem::path& path) {
  return parse_acknowledgements(engine::read_text_file(path), path.string());
}

}  // namespace reprise::harness
