/// Figures of many reports over commits, in a database (SQLite or PostgreSQL). A series is one metric of one
/// capture at one placement on one machine: figures of another machine start another series. A report is
/// there once, and whole or not at all. Finding changes: detect.h. Used by tools/cli.
///
/// The database is a file or a server that others write too: what is read is checked like any input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/regress/history/open_mode.h"
#include "harness/regress/history/series.h"

namespace reprise::harness {

class Database;

struct AddResult {
  bool added = false;  ///< else it was there already
  std::string commit;  ///< under which the history has it
  std::size_t points = 0;
  std::size_t new_series = 0;
};

struct TrackFilter {
  std::optional<std::string> branch;
  std::string text = {};     ///< stands in label_of the series, its capture's id or its model's digest
  std::string machine = {};  ///< its fingerprint, or a part of its description
};

class History {
 public:
  /// location: a file name, or postgresql://user@host/database.
  /// Errors: one line with the location: no such file or server, not a database, not a history, newer schema.
  History(const std::string& location, OpenMode mode);
  ~History();
  History(History&&) noexcept;
  History& operator=(History&&) noexcept;

  /// Adds reports, but those whose digest is there: all that are new, or none. One writer at a time,
  /// whichever the database. `progress` hears how many are done.
  ///
  /// Errors: those of `checked` (series.h); mismatch, beginning with the source of its submission, for a
  ///         series with another unit or direction than before.
  std::vector<AddResult> add(std::span<const Submission> submissions,
                             const std::function<void(std::size_t)>& progress = {});
  AddResult add(const Submission& submission);

  /// Sorted by capture, placement, metric and machine.
  std::vector<Series> series();
  /// By the time of their reports, then in the order in which they came.
  std::vector<Point> points(std::int64_t series_id);
  /// All series of one moment, in the order of series(), then by branch.
  std::vector<Track> tracks(const TrackFilter& filter = {});

  /// The location for messages: a password in it is hidden.
  [[nodiscard]] const std::string& name() const;

 private:
  std::unique_ptr<Database> database_;
};

}  // namespace reprise::harness
