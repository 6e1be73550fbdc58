#include "harness/regress/history/history.h"

#include <soci/soci.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "harness/regress/history/database.h"
#include "harness/regress/history/migrations.h"
#include "harness/regress/history/time_text.h"

namespace reprise::harness {
namespace {

using soci::into;
using soci::use;
using Id = long long;  // what the library exchanges

/// What a database that others write cannot have been given by this program.
[[noreturn]] void damaged(const Database& database, const std::string& what, std::string_view expected,
                          const std::string& found) {
  fail(ErrorCode::invalid_data, "{}: {}: expected {}, found {}", database.name(), what, expected, found);
}

/// A key for what `insert` adds, or nothing where the unique value is there already.
std::optional<Id> insert_report(soci::session& session, const Submission& s) {
  Id id = 0;
  session << "insert into reprise_report (digest, created, commit_id, branch, tool) "
             "values (:digest, :created, :commit_id, :branch, :tool) on conflict (digest) do nothing "
             "returning id",
      use(s.digest), use(s.created), use(s.commit), use(s.branch), use(s.tool), into(id);
  return session.got_data() ? std::optional(id) : std::nullopt;
}

std::optional<Id> insert_series(soci::session& session, const Series& s, const std::string& identity) {
  Id id = 0;
  const std::string better(name_of(s.better));
  session << "insert into reprise_series (identity, capture_id, capture_name, model_name, model_sha256, "
             "placement, metric, unit, better, machine, machine_description) "
             "values (:identity, :capture_id, :capture_name, :model_name, :model_sha256, :placement, "
             ":metric, :unit, :better, :machine, :machine_description) on conflict (identity) do nothing "
             "returning id",
      use(identity), use(s.capture_id), use(s.capture_name), use(s.model_name), use(s.model_sha256),
      use(s.placement), use(s.metric), use(s.unit), use(better), use(s.machine), use(s.machine_description),
      into(id);
  return session.got_data() ? std::optional(id) : std::nullopt;
}

Id known_series(soci::session& session, const Series& s, const std::string& identity) {
  Id id = 0;
  std::string unit;
  std::string better;
  session << "select id, unit, better from reprise_series where identity = :identity", use(identity),
      into(id), into(unit), into(better);
  const std::string_view wanted = name_of(s.better);
  if (unit != s.unit || better != wanted) {
    fail(ErrorCode::mismatch, "{}: expected {} ({} is better) as in the history, found {} ({} is better)",
         engine::printable(label_of(s), 200), engine::printable(unit), engine::printable(better),
         engine::printable(s.unit), wanted);
  }
  return id;
}

void insert_point(soci::session& session, Id series, Id report, const Figure& figure) {
  const auto ends = figure.ci.value_or(Interval{});
  soci::indicator known = figure.ci ? soci::i_ok : soci::i_null;
  const Id n = figure.n;
  session << "insert into reprise_point (series_id, report_id, value, ci_low, ci_high, n) "
             "values (:series_id, :report_id, :value, :ci_low, :ci_high, :n)",
      use(series), use(report), use(figure.value), use(ends.low, known), use(ends.high, known), use(n);
}

AddResult add_one(soci::session& session, const Submission& submission) {
  AddResult result;
  const std::optional<Id> report = insert_report(session, submission);
  if (!report) {
    session << "select commit_id from reprise_report where digest = :digest", use(submission.digest),
        into(result.commit);
    return result;
  }
  result.added = true;
  result.commit = submission.commit;
  result.points = submission.figures.size();
  for (const Figure& figure : submission.figures) {
    const std::string identity = identity_of(figure.series);
    std::optional<Id> series = insert_series(session, figure.series, identity);
    result.new_series += series ? 1 : 0;
    if (!series) {
      series = known_series(session, figure.series, identity);
    }
    insert_point(session, *series, *report, figure);
  }
  return result;
}

/// As much as `checked` (series.h) asks of what is added: printers and the search rely on it.
void check_point(const Database& database, const Point& point) {
  const std::string what = fmt::format("point {}", point.id);
  const auto number = [&](double x) {
    if (!(std::abs(x) <= kMaxFigure)) {
      damaged(database, what, fmt::format("numbers up to {}", kMaxFigure), fmt::format("{}", x));
    }
  };
  number(point.value);
  if (point.ci) {
    number(point.ci->low);
    number(point.ci->high);
    if (point.ci->low > point.ci->high) {
      damaged(database, what + ": ci", "the lower end first",
              fmt::format("{} before {}", point.ci->low, point.ci->high));
    }
  }
  if (point.n < 0) {
    damaged(database, what + ": n", "a whole number from 0", fmt::format("{}", point.n));
  }
  if (utc_text(point.created) != point.created) {
    damaged(database, what, "the time of its report", "'" + engine::printable(point.created) + "'");
  }
}

bool matches(const Series& s, const TrackFilter& filter) {
  const bool machine =
      s.machine == filter.machine || s.machine_description.find(filter.machine) != std::string::npos;
  const auto holds = [&](const std::string& text) { return text.find(filter.text) != std::string::npos; };
  return machine && (holds(label_of(s)) || holds(s.capture_id) || holds(s.model_sha256));
}

auto sort_key(const Series& s) {
  return std::tie(s.capture_name, s.capture_id, s.placement, s.metric, s.machine_description, s.machine,
                  s.id);
}

}  // namespace

History::History(const std::string& location, OpenMode mode)
    : database_(std::make_unique<Database>(location, mode)) {
  migrate(*database_, mode);
}

History::~History() = default;
History::History(History&&) noexcept = default;
History& History::operator=(History&&) noexcept = default;

const std::string& History::name() const {
  return database_->name();
}

std::vector<AddResult> History::add(std::span<const Submission> submissions,
                                    const std::function<void(std::size_t)>& progress) {
  return database_->with_session([&](soci::session& session) {
    std::vector<AddResult> results;
    Transaction transaction(*database_, Transaction::Kind::write);
    for (const Submission& unchecked : submissions) {
      const Submission submission = checked(unchecked);
      try {
        results.push_back(add_one(session, submission));
      } catch (const Error& error) {
        if (submission.source.empty()) {
          throw;
        }
        fail(error.code(), "{}: {}", submission.source, error.what());
      }
      if (progress) {
        progress(results.size());
      }
    }
    transaction.commit();
    return results;
  });
}

AddResult History::add(const Submission& submission) {
  return add(std::span(&submission, 1)).front();
}

std::vector<Series> History::series() {
  std::vector<Series> all;
  database_->with_session([&](soci::session& session) {
    Series s;
    Id id = 0;
    std::string better;
    soci::statement rows =
        (session.prepare << "select id, capture_id, capture_name, model_name, model_sha256, placement, "
                            "metric, unit, better, machine, machine_description from reprise_series",
         into(id), into(s.capture_id), into(s.capture_name), into(s.model_name), into(s.model_sha256),
         into(s.placement), into(s.metric), into(s.unit), into(better), into(s.machine),
         into(s.machine_description));
    for (rows.execute(); rows.fetch();) {
      s.id = id;
      const std::optional<Better> known = better_named(better);
      if (!known) {
        damaged(*database_, fmt::format("series {}: better", id), "lower or higher",
                "'" + engine::printable(better) + "'");
      }
      s.better = *known;
      all.push_back(s);
    }
  });
  // Not by the database: its collation is its own.
  std::sort(all.begin(), all.end(),
            [](const Series& a, const Series& b) { return sort_key(a) < sort_key(b); });
  return all;
}

std::vector<Point> History::points(std::int64_t series_id) {
  std::vector<Point> all;
  database_->with_session([&](soci::session& session) {
    Point p;
    const Id series = series_id;
    Id id = 0;
    Id n = 0;
    Interval ends;
    soci::indicator low = soci::i_ok;
    soci::indicator high = soci::i_ok;
    soci::statement rows =
        (session.prepare << "select p.id, r.commit_id, r.branch, r.created, p.value, p.ci_low, p.ci_high, "
                            "p.n, r.tool, r.digest from reprise_point p join reprise_report r "
                            "on r.id = p.report_id where p.series_id = :series_id",
         use(series), into(id), into(p.commit), into(p.branch), into(p.created), into(p.value),
         into(ends.low, low), into(ends.high, high), into(n), into(p.tool), into(p.report_digest));
    for (rows.execute(); rows.fetch();) {
      p.id = id;
      p.n = n;
      if (low != high) {
        damaged(*database_, fmt::format("point {}: ci", id), "both ends or none", "one");
      }
      p.ci = low == soci::i_ok ? std::optional(ends) : std::nullopt;
      check_point(*database_, p);
      all.push_back(p);
    }
  });
  std::sort(all.begin(), all.end(), [](const Point& a, const Point& b) {
    return std::tie(a.created, a.id) < std::tie(b.created, b.id);
  });
  return all;
}

std::vector<Track> History::tracks(const TrackFilter& filter) {
  const Transaction moment(*database_, Transaction::Kind::read);
  std::vector<Track> tracks;
  for (const Series& s : series()) {
    if (!matches(s, filter)) {
      continue;
    }
    std::map<std::string, std::vector<Point>> branches;
    for (Point& point : points(s.id)) {
      if (!filter.branch || *filter.branch == point.branch) {
        branches[point.branch].push_back(std::move(point));
      }
    }
    for (auto& [branch, points] : branches) {
      tracks.push_back({s, branch, std::move(points)});
    }
  }
  return tracks;
}

}  // namespace reprise::harness
