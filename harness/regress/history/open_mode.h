/// How a history's database is opened. Used by history.h and database.h.
#pragma once

namespace reprise::harness {

/// existing: what is not there is an error; create: a SQLite file and tables are made.
enum class OpenMode { existing, create };

}  // namespace reprise::harness
