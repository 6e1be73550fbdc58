/// Locations that hold no history: each is one line that says so.
#include "harness/regress/history/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/error_of.h"
#include "harness/regress/history/history.h"

namespace reprise::harness {
namespace {

using engine::ScratchFolder;
using engine::write_raw;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string refusal(const std::string& location, OpenMode mode = OpenMode::create) {
  const Error error = reprise::testing::error_of([&] { History history(location, mode); });
  const std::string line = error.what();
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 0) << line;
  return line;
}

TEST(Locations, FilesThatAreNone) {
  const ScratchFolder folder;
  write_raw(folder / "report.json", std::string(5000, '{'));
  EXPECT_EQ(refusal(folder / "report.json"),
            (folder / "report.json").string() +
                ": expected a history in SQLite, found an error: file is not a database");
  EXPECT_EQ(refusal(folder.path()), folder.path().string() + ": expected a SQLite file, found a folder");
  EXPECT_EQ(refusal("/dev/null"), "/dev/null: expected a SQLite file, found no regular file");
  EXPECT_EQ(refusal(folder / "missing.sqlite", OpenMode::existing),
            (folder / "missing.sqlite").string() +
                ": expected a history, found no such file; `history add` makes one");
  EXPECT_EQ(refusal(folder / "missing/x.sqlite"),
            (folder / "missing/x.sqlite").string() +
                ": expected a file in a folder that exists, found no folder " +
                (folder / "missing").string());
  EXPECT_THAT(refusal(""), HasSubstr("expected a file name without double quotes"));
  EXPECT_THAT(refusal(folder / "a\"b"), HasSubstr("expected a file name without double quotes"));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"report.json"});
}

TEST(Locations, OddNamesAreFiles) {
  const ScratchFolder folder;
  for (const char* name :
       {" a  b ", "dbname=x timeout=1", "it's", ":memory:", "file:x?mode=ro", "\xc3\xa9"}) {
    { History history(folder / name, OpenMode::create); }
    EXPECT_TRUE(std::filesystem::is_regular_file(folder / name)) << name;
    History again(folder / name, OpenMode::existing);
    EXPECT_EQ(again.name(), folder / name);
  }
  EXPECT_EQ(folder.names().size(), 6U);
}

TEST(Locations, ADatabaseOfSomethingElseIsLeftAlone) {
  const ScratchFolder folder;
  const std::string location = folder / "mail.sqlite";
  Database other(location, OpenMode::create);
  other.with_session([](soci::session& session) { session << "create table mail (subject text)"; });
  EXPECT_EQ(refusal(location),
            location + ": expected a history or an empty file, found a database of something else");
  EXPECT_EQ(refusal(location, OpenMode::existing),
            location + ": expected a history, found none; `history add` makes one");
  other.with_session([](soci::session& session) {
    int n = 0;
    session << "select count(*) from sqlite_master", soci::into(n);
    EXPECT_EQ(n, 1);
  });
}

TEST(Locations, ADamagedFile) {
  const ScratchFolder folder;
  const std::string location = folder / "h.sqlite";
  { History history(location, OpenMode::create); }
  std::string bytes = engine::read_raw(location);
  std::fill(bytes.begin() + 100, bytes.end(), '\x55');
  write_raw(location, bytes);
  EXPECT_THAT(refusal(location), HasSubstr("malformed"));
}

TEST(Locations, ServersThatDoNotAnswer) {
  const ScratchFolder folder;
  const std::string socket = "postgresql://ci:secret@/db?host=" + folder.path().string();
  EXPECT_THAT(refusal(socket), StartsWith("postgresql://ci:***@/db?host=" + folder.path().string() +
                                          ": expected a history in PostgreSQL, found an error: "));
  EXPECT_THAT(refusal(socket), Not(HasSubstr("secret")));
  EXPECT_THAT(refusal(socket), HasSubstr("No such file or directory"));
  // A port that nobody listens at.
  EXPECT_THAT(refusal("postgresql://127.0.0.1:1/db"), HasSubstr("Connection refused"));
  EXPECT_THAT(refusal("postgres://x?nonsense=1"), HasSubstr("nonsense"));
}

TEST(Locations, NoPartOfAPasswordIsInAnError) {
  // What libpq makes of a password with signs that would have to be encoded.
  for (const char* location :
       {"postgresql://ci:se?cret@127.0.0.1:1/db", "postgresql://ci:p@se:cret@127.0.0.1:1/db",
        "postgresql://ci:@127.0.0.1:1/db?password=secret", "postgresql://127.0.0.1:1/db?pass%77ord=s%65cret",
        "postgresql://127.0.0.1:1/db?sslpassword=secret", "postgresql://127.0.0.1:1/db?password=secret&x=y",
        "postgresql://127.0.0.1:1/db?password=secret=secret"}) {
    EXPECT_THAT(refusal(location), Not(HasSubstr("cret"))) << location;
  }
}

TEST(Locations, LibpqsOtherKindIsNoFileName) {
  const ScratchFolder folder;
  const std::filesystem::path here = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  for (const char* location : {"host=db dbname=bench", "dbname=bench", "user=ci", "service=bench",
                               "port=5432", "password=secret host=db"}) {
    const std::string text = refusal(location);
    EXPECT_THAT(text, HasSubstr("expected a file, or PostgreSQL as postgresql://user@host/database")) << text;
    EXPECT_THAT(text, Not(HasSubstr("secret")));
  }
  std::filesystem::current_path(here);
  EXPECT_TRUE(folder.names().empty());
}

TEST(Locations, AQuoteInTheFoldersNameCountsToo) {
  const ScratchFolder folder;
  const std::filesystem::path here = std::filesystem::current_path();
  std::filesystem::create_directory(folder / "a\" timeout=1 dbname=\"b");
  std::filesystem::current_path(folder / "a\" timeout=1 dbname=\"b");
  EXPECT_THAT(refusal("h.sqlite"), HasSubstr("expected a file name without double quotes"));
  std::filesystem::current_path(here);
}

}  // namespace
}  // namespace reprise::harness
