#include "harness/regress/history/migrations.h"

#include <string>

#include "engine/core/check.h"
#include "engine/core/error.h"

namespace reprise::harness {
namespace {

/// Times are texts that sort (time_text.h). Only keys are unique: PostgreSQL cannot index texts of any
/// length.
const std::vector<Migration>& all() {
  static const std::vector<Migration> steps = {
      {1,
       {"create table reprise_report (id {id}, digest text not null unique, created text not null, "
        "commit_id text not null, branch text not null, tool text not null)",
        "create table reprise_series (id {id}, identity text not null unique, capture_id text not null, "
        "capture_name text not null, model_name text not null, model_sha256 text not null, "
        "placement text not null, metric text not null, unit text not null, better text not null, "
        "machine text not null, machine_description text not null)",
        "create table reprise_point (id {id}, series_id bigint not null references reprise_series (id), "
        "report_id bigint not null references reprise_report (id), value double precision not null, "
        "ci_low double precision, ci_high double precision, n bigint not null)",
        "create index reprise_point_of_series on reprise_point (series_id)"}}};
  return steps;
}

std::string for_database(std::string_view statement, Database::Kind kind) {
  std::string text(statement);
  constexpr std::string_view kPlaceholder = "{id}";
  if (const std::size_t at = text.find(kPlaceholder); at != std::string::npos) {
    text.replace(at, kPlaceholder.size(),
                 kind == Database::Kind::sqlite ? "integer primary key"
                                                : "bigint generated always as identity primary key");
  }
  return text;
}

/// Not by to_regclass, whose answer may be from before a wait for another process that makes the tables.
bool has_versions(soci::session& session, Database::Kind kind) {
  int n = 0;
  session << (kind == Database::Kind::sqlite
                  ? "select count(*) from sqlite_master where name = 'reprise_migration'"
                  : "select count(*) from pg_catalog.pg_class "
                    "where relname = 'reprise_migration' and pg_catalog.pg_table_is_visible(oid)"),
      soci::into(n);
  return n > 0;
}

/// 0: no step was taken.
int version_of(soci::session& session, Database::Kind kind) {
  int version = 0;
  if (has_versions(session, kind)) {
    session << "select coalesce(max(version), 0) from reprise_migration", soci::into(version);
  }
  return version;
}

/// PostgreSQL databases are shared by many; a SQLite file that holds tables already is some program's own.
void check_nothing_else(soci::session& session, const Database& database) {
  int n = 0;
  if (database.kind() == Database::Kind::sqlite) {
    session << "select count(*) from sqlite_master", soci::into(n);
  }
  if (n > 0) {
    fail(ErrorCode::invalid_data,
         "{}: expected a history or an empty file, found a database of something else", database.name());
  }
}

void take_steps(soci::session& session, const Database& database, int version,
                std::span<const Migration> steps) {
  if (version == 0) {
    check_nothing_else(session, database);
    session << "create table reprise_migration (version integer primary key)";
  }
  for (const Migration& step : steps) {
    if (step.version > version) {
      for (const std::string_view statement : step.statements) {
        session << for_database(statement, database.kind());
      }
      session << "insert into reprise_migration (version) values (:version)", soci::use(step.version);
    }
  }
}

void check_version(int version, int latest, const Database& database) {
  if (version > latest) {
    fail(ErrorCode::unsupported, "{}: schema version: expected at most {}, found {}, by a newer reprise",
         database.name(), latest, version);
  }
}

}  // namespace

std::span<const Migration> migrations() {
  return all();
}

void migrate(Database& database, OpenMode mode, std::span<const Migration> steps) {
  REPRISE_CHECK(!steps.empty());
  const int latest = steps.back().version;
  database.with_session([&](soci::session& session) {
    const int found = version_of(session, database.kind());
    check_version(found, latest, database);
    if (found == latest) {
      return;
    }
    if (found == 0 && mode == OpenMode::existing) {
      fail(ErrorCode::not_found, "{}: expected a history, found none; `history add` makes one",
           database.name());
    }
    Transaction transaction(database, Transaction::Kind::write);
    // Of two processes that both find no tables, the second waited for the first, and finds them now.
    const int version = version_of(session, database.kind());
    check_version(version, latest, database);
    if (version < latest) {
      take_steps(session, database, version, steps);
    }
    transaction.commit();
  });
}

}  // namespace reprise::harness
