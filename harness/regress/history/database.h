/// A connection to the database that holds a history: a SQLite file, or PostgreSQL when the location is
/// `postgresql://...` (postgres_uri.h). Opens it, begins and ends transactions, and turns the library's
/// errors into this project's. Knows no tables: those are history.h's, and migrations.h makes them. Used by
/// both, and by nothing else.
#pragma once

#include <soci/soci.h>

#include <string>
#include <utility>
#include <vector>

#include "harness/regress/history/open_mode.h"

namespace reprise::harness {

class Database {
 public:
  enum class Kind { sqlite, postgresql };

  /// Waits 10 s at most for a server (unless the location has a connect_timeout of its own), and 30 s for
  /// another process's lock on a file. Errors: io, not_found or invalid_argument, one line with the location,
  /// its passwords hidden.
  Database(const std::string& location, OpenMode mode);

  [[nodiscard]] Kind kind() const { return kind_; }
  /// The location for messages: a password in it is hidden.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// work(session). Errors of the library become Error io, "NAME: expected ..., found ...".
  template <class Work>
  auto with_session(Work&& work) {
    try {
      return std::forward<Work>(work)(session_);
    } catch (const soci::soci_error& error) {
      refuse(error);
    }
  }

 private:
  [[noreturn]] void refuse(const soci::soci_error& error) const;

  Kind kind_;
  std::string name_;
  std::vector<std::string> secrets_;  ///< to be hidden in messages
  soci::session session_;
};

/// Rolled back unless committed.
///   write: no other history's writer is in this database from its begin to its end.
///   read:  what it reads is of one moment.
class Transaction {
 public:
  enum class Kind { read, write };
  /// Waits for the end of other writers.
  Transaction(Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  /// `begin`: the statement.
  Transaction(Database& database, const char* begin);

  Database& database_;
  bool open_ = true;
};

}  // namespace reprise::harness
