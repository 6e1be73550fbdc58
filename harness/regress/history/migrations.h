/// The tables of a history, and how those of an older build become those of this one. One schema for SQLite
/// and PostgreSQL. Each step has a version; the table reprise_migration lists the steps that were taken. Used
/// by history.h alone.
///
///   reprise_report  one for each submission (a report; of Otava's CSV one figure): when, which commit and
///                   branch, by which build
///   reprise_series  one for each capture, placement, metric and machine
///   reprise_point   one figure of a series in a report
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "harness/regress/history/database.h"

namespace reprise::harness {

struct Migration {
  int version = 0;
  /// Statements; "{id}" stands for the type of a key that the database counts up.
  std::vector<std::string_view> statements;
};

/// All, ascending from version 1 without gaps. A released one is never changed: what it made is out there.
std::span<const Migration> migrations();

/// Takes the steps that this database has not seen, all or none.
/// Errors: unsupported for a database of a newer version; invalid_data for one that holds something else,
///         which is left alone; not_found for one without a history, in mode `existing`.
void migrate(Database& database, OpenMode mode, std::span<const Migration> steps = migrations());

}  // namespace reprise::harness
