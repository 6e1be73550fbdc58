/// The printers of a history: tables, JSON, the page with its charts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/digest.h"
#include "harness/regress/history/history_chart.h"
#include "harness/regress/history/history_json.h"
#include "harness/regress/history/history_site.h"
#include "harness/regress/history/history_text.h"
#include "harness/regress/history/html_text.h"
#include "harness/tests/support/json_schema.h"
#include "harness/tests/support/sample_history.h"

namespace reprise::harness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNow = "2026-03-01T00:00:00Z";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++n;
  }
  return n;
}

/// "" when every element of the markup that is not void is closed in order, else the first that is not.
std::string unbalanced(std::string markup) {
  markup = std::regex_replace(markup, std::regex("<script>[^<]*(<[^/][^<]*)*</script>"), "");
  const std::regex tag("<(/?)([a-z0-9]+)([^<>]*)>");
  std::vector<std::string> open;
  for (std::sregex_iterator it(markup.begin(), markup.end(), tag), end; it != end; ++it) {
    const std::string name = (*it)[2];
    const bool closes = (*it)[1] == "/";
    const bool is_void = name == "meta" || name == "input" || std::string((*it)[3]).ends_with("/");
    if (!closes && !is_void) {
      open.push_back(name);
    } else if (closes) {
      if (open.empty() || open.back() != name) {
        return "closed: " + name;
      }
      open.pop_back();
    }
  }
  return open.empty() ? "" : "open: " + open.back();
}

TEST(HistoryText, Tables) {
  std::vector<Track> tracks;
  const auto history = sample_history();
  for (const TrackChanges& found : history) {
    tracks.push_back(found.track);
  }
  const std::string list = list_table(tracks);
  EXPECT_THAT(list, HasSubstr("capture"));
  EXPECT_THAT(list, HasSubstr("chat-1"));
  EXPECT_THAT(list, HasSubstr("cpu avx512 bf16, KV cache f32, 2 threads, exact"));
  EXPECT_THAT(list, HasSubstr("    30  abc01d000000        5.005 ms"));
  EXPECT_EQ(count(list, "\n"), 2 + tracks.size());

  const std::string changes = changes_table(history);
  EXPECT_THAT(changes, HasSubstr("regression  abc013000000 .. abc014000000  4.000 ms  5.000 ms  +25.0 %"));
  EXPECT_THAT(changes,
              HasSubstr("3 series on 2 branches searched, 1 change found; newest level worse than before: 1\n"
                        "too few points to show any change: 1 of 3\n"));
  EXPECT_EQ(changes_table({}),
            "0 series on 0 branches searched, 0 changes found; newest level worse than before: 0\n");
}

TEST(HistoryText, ModelsAndMachinesAreNamedWhereThereAreSeveral) {
  std::vector<TrackChanges> history = {sample_history()[0], sample_history()[0]};
  EXPECT_THAT(changes_table(history), Not(HasSubstr("model")));
  EXPECT_THAT(changes_table(history), Not(HasSubstr("machine")));
  EXPECT_THAT(changes_table(history), HasSubstr("1 series on 1 branch searched, 2 changes found"));
  history[1].track.series.model_name = "large";
  EXPECT_THAT(changes_table(history), HasSubstr("chat-1   large  cpu avx512"));
  history[1].track.series.machine = "\x1b[31m";
  EXPECT_THAT(changes_table(history), HasSubstr("chat-1   large  \\x1b[31m"));
  EXPECT_THAT(changes_table(history), HasSubstr("chat-1   tiny   0011223344556677"));
}

TEST(HistoryText, NothingThatIsPrintedCanMoveACursor) {
  Track track = sample_track();
  add_points(track, 1, 1);
  track.series.machine = track.series.unit = track.branch = track.points[0].commit = "\x1b[2J\n";
  const std::string table = list_table(std::vector<Track>{track});
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
  EXPECT_EQ(count(table, "\n"), 3U);
}

TEST(HistoryText, OnlyHashesAreShortened) {
  const auto shown = [](const std::string& commit) {
    Change change;
    change.last_good.commit = commit;
    change.first_changed.commit = "b";
    return commit_range(change);
  };
  const std::string hash = "0123456789abcdef0123456789abcdef01234567";
  EXPECT_EQ(shown(hash), "0123456789ab .. b");
  EXPECT_EQ(shown(hash + "-dirty"), "0123456789ab-dirty .. b");
  EXPECT_EQ(shown("697503a-dirty"), "697503a-dirty .. b");
  EXPECT_EQ(shown("release-2026-01-31"), "release-2026-01-31 .. b");
  EXPECT_EQ(shown("deadbeefdeadbeef.x"), "deadbeefdeadbeef.x .. b");
  EXPECT_EQ(shown("1234567890123_build"), "1234567890123_build .. b");
}

TEST(HistoryText, Figures) {
  EXPECT_EQ(format_figure(0.00123456, "s"), "1.235 ms");
  EXPECT_EQ(format_figure(5061.4, "tokens/s"), "5061 tokens/s");
  EXPECT_EQ(format_figure(0, ""), "0");
  EXPECT_EQ(format_figure(1e300, "s"), "1e+300 s");
  EXPECT_EQ(format_figure(5e-324, "B"), "4.941e-324 B");
  EXPECT_EQ(format_figure(-0.5, "a\nb"), "-0.5000 a\nb");
  EXPECT_EQ(format_change({0, 1, 4, 3, -0.25}), "-25.0 %");
  EXPECT_EQ(format_change({0, 1, 0, 3, {}}), "from 0");
}

TEST(HistoryJson, MeetsItsSchema) {
  const reprise::testing::JsonSchema schema("history.schema.json");
  for (const HistoryParts parts : {HistoryParts{}, {true, false}, {false, true}, {true, true}}) {
    const json document = json::parse(history_json(sample_history(), parts, kNow));
    EXPECT_EQ(schema.complaint(document), "");
    EXPECT_EQ(document["tracks"][0].contains("points"), parts.points);
    EXPECT_EQ(document["tracks"][0].contains("changes"), parts.changes);
  }
  json document = json::parse(history_json(sample_history(), {true, true}, kNow));
  document["tracks"][0]["changes"][0]["kind"] = "worse";
  EXPECT_NE(schema.complaint(document), "");
  document = json::parse(history_json(sample_history(), {true, true}, kNow));
  document["tracks"][0]["points"][3].erase("value");
  EXPECT_NE(schema.complaint(document), "");
  EXPECT_EQ(schema.complaint(json::parse(history_json({}, {}, kNow))), "");
}

TEST(HistoryJson, SaysWhatWasFound) {
  const json track = json::parse(history_json(sample_history(), {true, true}, kNow))["tracks"][0];
  EXPECT_EQ(track["capture"]["name"], "chat-1");
  EXPECT_EQ(track["placement"]["threads"], 2);
  EXPECT_EQ(track["n_points"], 30);
  EXPECT_EQ(track["points"].size(), 30U);
  EXPECT_EQ(track["points"][29], track["newest"]);
  EXPECT_TRUE(track["newest_is_regression"]);
  EXPECT_TRUE(track["enough_points"]);
  const json document = json::parse(history_json(sample_history(), {false, true}, kNow));
  EXPECT_EQ(document["n_too_few_points"], 1);
  EXPECT_FALSE(document["tracks"][2]["enough_points"]);
  EXPECT_FALSE(json::parse(history_json(sample_history(), {}, kNow)).contains("n_too_few_points"));
  const json& change = track["changes"].at(0);
  EXPECT_EQ(change["kind"], "regression");
  EXPECT_EQ(change["index"], 20);
  EXPECT_EQ(change["last_good"]["commit"], track["points"][19]["commit"]);
  EXPECT_EQ(change["first_changed"]["commit"], track["points"][20]["commit"]);
  EXPECT_EQ(change["before"], 0.004);
  EXPECT_EQ(change["after"], 0.005);
}

TEST(HistoryJson, TakesPlacementsThatAreNone) {
  Track track = sample_track();
  add_points(track, 1, 1);
  for (const std::string& text : {std::string("{}"), std::string(100'000, '['), std::string("BM/8")}) {
    track.series.placement = text;
    const std::vector<TrackChanges> history = {{track}};
    EXPECT_EQ(json::parse(history_json(history, {}, kNow))["tracks"][0]["placement"], text);
  }
}

/// As browsers spell digests in a policy. Source: RFC 4648, section 4, for 32 bytes.
std::string base64(const engine::Sha256Digest& digest) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t bit = 0; bit < 8 * digest.size(); bit += 6) {
    std::size_t letter = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const bool set = i < 8 * digest.size() && (std::to_integer<int>(digest[i / 8]) >> (7 - i % 8) & 1) != 0;
      letter = 2 * letter + (set ? 1 : 0);
    }
    text += kLetters[letter];
  }
  return text + "=";
}

TEST(HistoryPage, ItsPolicyAllowsItsScriptAndNoOther) {
  const std::string page = history_page(sample_history(), kNow);
  const std::size_t first = page.find("<script>") + 8;
  const std::string script = page.substr(first, page.find("</script>") - first);
  const std::string digest = base64(engine::sha256(std::as_bytes(std::span(script))));
  EXPECT_THAT(page, HasSubstr("script-src 'sha256-" + digest + "'\">"));
  EXPECT_EQ(count(page, "'unsafe-inline'"), 1U);  // of the style
}

TEST(HistoryPage, HasWholeCommitsAndUnitsAsTheyAre) {
  Track track = sample_track();
  track.series.unit = "µs";
  add_points(track, 20, 4);
  add_points(track, 10, 5);
  const TrackChanges found = detect(track);
  const std::string page = history_page(std::vector<TrackChanges>{found}, kNow);
  EXPECT_THAT(page, HasSubstr("<td>" + found.changes.at(0).last_good.commit + " .. " +
                              found.changes.at(0).first_changed.commit + "</td>"));
  EXPECT_THAT(page, HasSubstr("<td class=\"number\">5.005 µs</td>"));
  EXPECT_THAT(page, HasSubstr("end\">5.000 µs</text>"));
  EXPECT_THAT(page, HasSubstr("1 series on 1 branch, 1 change."));
  EXPECT_THAT(page, Not(HasSubstr("\\x")));
}

TEST(HtmlEscaped, LeavesNoMarkup) {
  EXPECT_EQ(html_escaped("a<b>&\"c'\n\x01\xc3\xa9"), "a&lt;b&gt;&amp;&quot;c&#39;  \xc3\xa9");
}

TEST(HistoryPage, HoldsEveryTrackAndNothingForeign) {
  const std::string page = history_page(sample_history(), kNow);
  EXPECT_EQ(unbalanced(page), "");
  EXPECT_EQ(count(page, "<section "), 3U);
  EXPECT_EQ(count(page, "<svg "), 3U);
  EXPECT_EQ(count(page, "<circle "), 61U);
  EXPECT_THAT(page, HasSubstr("regression +25.0 %"));
  EXPECT_THAT(page, HasSubstr("<td class=\"regression\">regression</td>"));
  EXPECT_THAT(page, HasSubstr("No change found."));
  EXPECT_THAT(page, HasSubstr("Too few points to show any change."));
  // One script, its own; nothing from elsewhere.
  EXPECT_EQ(count(page, "<script"), 1U);
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("://")));
  EXPECT_THAT(page, Not(HasSubstr("src=\"")));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
  // Odd names are text.
  for (const char* markup :
       {"<script>alert", "<b>", "<i>", "<svg onload", "</td></table> ", "<img", "<!--\n"}) {
    EXPECT_THAT(page, Not(HasSubstr(markup)));
  }
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;"));
  EXPECT_EQ(unbalanced(history_page({}, kNow)), "");
}

TEST(HistoryChart, DrawsInsideItsFrame) {
  for (const TrackChanges& found : sample_history()) {
    const std::string svg = history_chart(found);
    EXPECT_EQ(unbalanced(svg), "");
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    const std::regex number(" (x|y|x1|y1|x2|y2|cx|cy)=\"([^\"]*)\"");
    for (std::sregex_iterator it(svg.begin(), svg.end(), number), end; it != end; ++it) {
      const double value = std::stod((*it)[2]);
      const bool across = std::string((*it)[1]).find('x') != std::string::npos;
      EXPECT_GE(value, 0) << it->str();
      EXPECT_LE(value, across ? 760 : 224) << it->str();
    }
  }
}

TEST(HistoryChart, DrawsLevelsIntervalsAndChanges) {
  const std::string svg = history_chart(sample_history()[0]);
  EXPECT_EQ(count(svg, "class=\"point\""), 30U);
  EXPECT_EQ(count(svg, "class=\"interval\""), 30U);
  EXPECT_EQ(count(svg, "class=\"level\""), 2U);
  EXPECT_EQ(count(svg, "class=\"change regression\""), 1U);
  // The slower level stands higher up.
  const std::regex level("class=\"level\" x1=\"([0-9.]+)\" y1=\"([0-9.]+)\"");
  std::sregex_iterator it(svg.begin(), svg.end(), level);
  const double first_y = std::stod((*it)[2]);
  ++it;
  EXPECT_LT(std::stod((*it)[2]), first_y);
}

TEST(HistoryChart, DrawsTheNewestOfALongTrack) {
  Track track = sample_track();
  add_points(track, 50, 1);
  add_points(track, 900, 2);
  add_points(track, 50, 3);
  const TrackChanges found = detect(track);
  ASSERT_EQ(found.changes.size(), 2U);
  const std::string svg = history_chart(found);
  EXPECT_EQ(count(svg, "class=\"point\""), kMaxPointsDrawn);
  EXPECT_EQ(count(svg, "class=\"change"), 1U);  // the first is before what is drawn
  EXPECT_EQ(count(svg, "class=\"level\""), 2U);
  EXPECT_THAT(history_page(std::vector<TrackChanges>{found}, kNow),
              HasSubstr("1000 points, the newest 400 drawn"));
}

TEST(HistoryChart, DrawsLevelsOverTheirPointsOnly) {
  // 200 points between two changes: the level after the first is of its first 50, that before the second of
  // its last 50.
  Track track = sample_track();
  add_points(track, 50, 1);
  add_points(track, 200, 2);
  add_points(track, 30, 3);
  const TrackChanges found = detect(track);
  ASSERT_EQ(found.changes.size(), 2U);
  const std::string svg = history_chart(found);
  std::vector<std::size_t> lengths;  // in points
  const double step = (760.0 - 84 - 12) / 280;
  const std::regex level("class=\"level\" x1=\"([0-9.]+)\" y1=\"[0-9.]+\" x2=\"([0-9.]+)\"");
  for (std::sregex_iterator it(svg.begin(), svg.end(), level), end; it != end; ++it) {
    lengths.push_back(static_cast<std::size_t>((std::stod((*it)[2]) - std::stod((*it)[1])) / step + 0.5));
  }
  EXPECT_EQ(lengths, (std::vector<std::size_t>{50, 50, 50, 30}));
}

TEST(HistoryChart, DrawsExtremeFigures) {
  for (const double value : {0.0, 1e300, -1e300, 5e-324, 1e-300}) {
    Track track = sample_track();
    add_points(track, 2, 0);
    track.points[0].value = value;
    for (Point& point : track.points) {
      point.ci.reset();
    }
    const std::string svg = history_chart({track});
    EXPECT_THAT(svg, Not(HasSubstr("nan"))) << value;
    EXPECT_THAT(svg, Not(HasSubstr("inf"))) << value;
  }
}

TEST(AxisTicks, AreRoundAndInside) {
  EXPECT_EQ(axis_ticks(0, 10), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(axis_ticks(-0.3, 0.7).size(), 5U);
  EXPECT_EQ(axis_ticks(0, 16), (std::vector<double>{0, 5, 10, 15}));
  for (const auto& [low, high] :
       {std::pair{0.0, 1.0}, {99.0, 101.0}, {-1e300, 1e300}, {1e-9, 2e-9}, {3.1, 3.2}}) {
    const std::vector<double> ticks = axis_ticks(low, high);
    EXPECT_GE(ticks.size(), 3U);
    EXPECT_LE(ticks.size(), 8U);
    EXPECT_GE(ticks.front(), low);
    EXPECT_LE(ticks.back(), high);
  }
  for (int i = 0; i < 2000; ++i) {
    const double low = 0.37 * (i % 17);
    const std::size_t n = axis_ticks(low, low + std::pow(1.01, i % 1000)).size();
    EXPECT_GE(n, 3U) << i;
    EXPECT_LE(n, 8U) << i;
  }
}

}  // namespace
}  // namespace reprise::harness
