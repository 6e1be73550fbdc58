#include "harness/regress/history/database.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "harness/regress/history/postgres_uri.h"

// What their own headers declare, without the headers of SQLite and libpq that these include.
namespace soci {
extern "C" {
backend_factory const* factory_sqlite3();
backend_factory const* factory_postgresql();
}
}  // namespace soci

namespace reprise::harness {
namespace {

namespace fs = std::filesystem;

/// The words with which libpq's other kind of location begins. Taken for a file name, such a location would
/// make a file, and the figures would not be where they are looked for.
void refuse_keywords(std::string_view location) {
  for (const std::string_view keyword : {"host=", "hostaddr=", "port=", "dbname=", "user=", "password=",
                                         "passfile=", "service=", "sslmode="}) {
    if (location.starts_with(keyword)) {
      fail(ErrorCode::invalid_argument,
           "database: expected a file, or PostgreSQL as postgresql://user@host/database, found {0}...; as a "
           "file, ./{0}...",
           keyword);
    }
  }
}

/// SQLite would make a file of any name, open a folder with a riddle, and leave the parent's absence unsaid.
std::string sqlite_options(const std::string& location, OpenMode mode) {
  std::error_code unknown;
  const fs::path path = fs::absolute(location, unknown);
  const fs::file_status status = fs::status(path, unknown);
  // The absolute path is what the library takes apart at quotes: the folder's name counts too.
  if (location.empty() || path.string().find('"') != std::string::npos) {
    fail(ErrorCode::invalid_argument,
         "database '{}': expected a file name without double quotes, its folders too, or postgresql://...",
         engine::printable(location.empty() ? location : path.string()));
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    fail(ErrorCode::io, "{}: expected a SQLite file, found {}", location,
         fs::is_directory(status) ? "a folder" : "no regular file");
  }
  if (!fs::exists(status) && mode == OpenMode::existing) {
    fail(ErrorCode::not_found, "{}: expected a history, found no such file; `history add` makes one",
         location);
  }
  if (!fs::is_directory(path.parent_path(), unknown)) {
    fail(ErrorCode::not_found, "{}: expected a file in a folder that exists, found no folder {}", location,
         path.parent_path().string());
  }
  // Absolute, so that no name is taken for a URI or for memory.
  return fmt::format("dbname=\"{}\" timeout=30", path.string());
}

/// On one line, without what the library says of itself.
std::string reason_of(const soci::soci_error& error) {
  std::string reason;
  for (const char c : error.get_error_message()) {
    reason += c == '\n' || c == '\t' ? ' ' : c;
  }
  for (const std::string_view noise :
       {"Cannot establish connection to the database. ", "sqlite3_statement_backend::prepare: ",
        "sqlite3_statement_backend::loadOne: ", "Cannot execute query. ", "Cannot prepare statement. ",
        "Fatal error. "}) {
    if (reason.starts_with(noise)) {
      reason.erase(0, noise.size());
    }
  }
  const std::size_t last = reason.find_last_not_of(" .");
  return reason.substr(0, last == std::string::npos ? 0 : last + 1);
}

const char* begin_of(const Database& database, Transaction::Kind kind) {
  const bool sqlite = database.kind() == Database::Kind::sqlite;
  if (kind == Transaction::Kind::read) {
    return sqlite ? "begin" : "begin isolation level repeatable read, read only";
  }
  // SQLite: the lock at once, since two readers that both turned writers would have to fail. PostgreSQL: each
  // statement sees what those that this writer waited for have left.
  return sqlite ? "begin immediate" : "begin isolation level read committed";
}

}  // namespace

Database::Database(const std::string& location, OpenMode mode)
    : kind_(is_postgres_uri(location) ? Kind::postgresql : Kind::sqlite),
      name_(without_passwords(location)),
      secrets_(passwords_in(location)) {
  refuse_keywords(location);
  with_session([&](soci::session& session) {
    if (kind_ == Kind::postgresql) {
      session.open(*soci::factory_postgresql(), with_connect_timeout(location));
      // The library would print notices; the texts of this program are UTF-8 wherever it runs.
      session << "set client_min_messages to error";
      session << "set client_encoding to 'UTF8'";
    } else {
      session.open(*soci::factory_sqlite3(), sqlite_options(location, mode));
      session << "pragma foreign_keys = on";
    }
  });
}

void Database::refuse(const soci::soci_error& error) const {
  std::string reason = reason_of(error);
  for (const std::string& secret : secrets_) {
    for (std::size_t at = reason.find(secret); at != std::string::npos; at = reason.find(secret, at + 3)) {
      reason.replace(at, secret.size(), "***");
    }
  }
  fail(ErrorCode::io, "{}: expected a history in {}, found an error: {}", name_,
       kind_ == Kind::postgresql ? "PostgreSQL" : "SQLite", engine::printable(reason, 400));
}

Transaction::Transaction(Database& database, const char* begin) : database_(database) {
  database.with_session([&](soci::session& session) { session << begin; });
}

// By the other constructor, so that a lock which cannot be had rolls back: an object that one constructor has
// finished is destroyed when the next one throws.
Transaction::Transaction(Database& database, Kind kind) : Transaction(database, begin_of(database, kind)) {
  if (kind == Kind::write && database.kind() == Database::Kind::postgresql) {
    // Unique keys alone would let two writers of the same series wait for each other: a deadlock, whenever
    // they come to them in different orders.
    database.with_session([](soci::session& session) { session << "select pg_advisory_xact_lock(8243116)"; });
  }
}

Transaction::~Transaction() {
  if (open_) {
    try {
      database_.with_session([](soci::session& session) { session << "rollback"; });
    } catch (const Error&) {
      // The connection is gone, and the transaction with it.
    }
  }
}

void Transaction::commit() {
  database_.with_session([](soci::session& session) { session << "commit"; });
  open_ = false;
}

}  // namespace reprise::harness
