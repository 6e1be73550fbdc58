/// The server protocol with a program of a few lines: framing, words, variables, types, and garbage.
#include "engine/serve/futhark/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "engine/core/error.h"
#include "engine/serve/futhark/value_file.h"
#include "engine/serve/futhark/words.h"
#include "engine/tests/serve/futhark/temporary_file.h"

namespace reprise::engine::futhark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A value that `spend` consumes.
class Token final : public Record {
 public:
  using Record::Record;
  [[nodiscard]] Value field(std::size_t /*index*/) const override { return Array::of_i64(5); }
  void check_usable() const override {
    if (spent) {
      fail(ErrorCode::invalid_argument, "this token was consumed");
    }
  }
  bool spent = false;
};

/// add: i64 + i64; boom: fails; mint: a Token; spend: (i64, Token), of a *Token.
Program small_program() {
  const auto token_type = std::make_shared<const RecordType>(RecordType{"Token", {{"worth", "i64"}}});
  const auto pair_type =
      std::make_shared<const RecordType>(RecordType{"(i64, Token)", {{"0", "i64"}, {"1", "Token"}}});
  Program program;
  program.types = {"(i64, Token)", "Token", "[]i64", "i64"};
  const auto make_token = [=](std::vector<Value>) -> std::shared_ptr<Record> {
    return std::make_shared<Token>(token_type);
  };
  const auto make_pair = [=](std::vector<Value> fields) -> std::shared_ptr<Record> {
    return std::make_shared<Tuple>(pair_type, std::move(fields));
  };
  program.records = {{token_type, make_token}, {pair_type, make_pair}};
  program.entry_points = {
      {"add",
       {{"i64"}, {"i64"}},
       "i64",
       [](std::span<const Value> in) -> Value {
         return Array::of_i64(std::get<Array>(in[0]).as_i64() + std::get<Array>(in[1]).as_i64());
       }},
      {"boom",
       {},
       "i64",
       [](std::span<const Value>) -> Value { fail(ErrorCode::invalid_data, "boom: went\n%%% OK\noff"); }},
      {"mint", {}, "Token", [=](std::span<const Value>) -> Value { return make_token({}); }},
      {"spend",
       {{"Token", true}},
       "(i64, Token)",
       [=](std::span<const Value> in) -> Value {
         static_cast<Token&>(*std::get<std::shared_ptr<Record>>(in[0])).spent = true;
         return make_pair({Array::of_i64(1), make_token({})});
       }},
  };
  return program;
}

/// All that the server prints for these lines, with runtimes as "runtime: N".
std::string transcript(const std::string& lines, ServerOptions options = {}) {
  std::istringstream in(lines);
  std::ostringstream out;
  Server(small_program(), std::move(options)).run(in, out);
  std::istringstream printed(out.str());
  std::string text;
  for (std::string line; std::getline(printed, line);) {
    text += (line.starts_with("runtime: ") ? "runtime: N" : line) + "\n";
  }
  return text;
}

/// What stands between the first "%%% OK" and the last one.
std::string answer(const std::string& lines) {
  const std::string text = transcript(lines);
  const std::string ok = "%%% OK\n";
  EXPECT_TRUE(text.starts_with(ok) && text.ends_with(ok)) << text;
  return text.substr(ok.size(), text.size() - 2 * ok.size());
}

std::string failure(const std::string& message) {
  return "%%% FAILURE\n" + message + "\n";
}

TEST(FutharkWords, AreSeparatedBySpaceAndQuoted) {
  EXPECT_THAT(words_of("  call  add \"a b\"\tc\r"), ElementsAre("call", "add", "a b", "c"));
  EXPECT_THAT(words_of("a\"b c\"d"), ElementsAre("a\"b", "c\"d"));
  EXPECT_THAT(words_of("\"\" x"), ElementsAre("", "x"));
  EXPECT_THAT(words_of("x \"never closed"), ElementsAre("x"));
  EXPECT_THAT(words_of("   "), ElementsAre());
}

TEST(FutharkServer, SaysThatItIsReady) {
  EXPECT_EQ(transcript(""), "%%% OK\n");
  EXPECT_EQ(transcript("types"), "%%% OK\n(i64, Token)\nToken\n[]i64\ni64\n%%% OK\n");
}

TEST(FutharkServer, DescribesTypesAndEntryPoints) {
  EXPECT_EQ(answer("entry_points\n"), "add\nboom\nmint\nspend\n");
  EXPECT_EQ(answer("inputs add\n"), "i64\ni64\n");
  EXPECT_EQ(answer("inputs spend\n"), "*Token\n");
  EXPECT_EQ(answer("output spend\n"), "(i64, Token)\n");
  EXPECT_EQ(answer("outputs spend\n"), "(i64, Token)\n");
  EXPECT_EQ(answer("attributes add\n"), "");
  EXPECT_EQ(answer("tuning_params add\n"), "");
  EXPECT_EQ(answer("kind i64\n"), "primitive\n");
  EXPECT_EQ(answer("kind [][]f32\n"), "array\n");
  EXPECT_EQ(answer("kind Token\n"), "record\n");
  EXPECT_EQ(answer("rank [][]f32\n"), "2\n");
  EXPECT_EQ(answer("elemtype [][]f32\n"), "f32\n");
  EXPECT_EQ(answer("fields \"(i64, Token)\"\n"), "0 i64\n1 Token\n");
  EXPECT_EQ(answer("report\n"), "{\"memory\":{},\"events\":[]}\n");
  EXPECT_EQ(answer("pause_profiling\n"), "");
  EXPECT_EQ(answer("unpause_profiling\n"), "");
}

TEST(FutharkServer, CallsWithVariablesOfTheRightTypes) {
  const TemporaryFile in("2i64 40i64 [1i64, 2i64]");
  const TemporaryFile out;
  const std::string restore = "restore " + in.path() + " x i64 y i64 xs []i64\n";
  EXPECT_EQ(transcript(restore + "call add z x y\nstore " + out.path() + " z\nfree x y\ntype z\n"),
            "%%% OK\n%%% OK\nruntime: N\n%%% OK\n%%% OK\n%%% OK\ni64\n%%% OK\n");
  ByteSource stored(out.path());
  EXPECT_EQ(read_value(stored, {DType::i64, 0}).as_i64(), 42);
  EXPECT_THAT(answer(restore + "call add z x xs\n"),
              HasSubstr(failure("Wrong input type.  Expected i64, got []i64.")));
  EXPECT_THAT(answer(restore + "call add x x y\n"), HasSubstr(failure("Variable already exists: x")));
  EXPECT_THAT(answer(restore + "call add z x q\n"), HasSubstr(failure("Unknown variable: q")));
  EXPECT_THAT(answer(restore + "call add z x\n"), HasSubstr("takes 2 inputs and 1 output, found 2"));
}

TEST(FutharkServer, FreesAndRenames) {
  const TemporaryFile in("2i64");
  const std::string restore = "restore " + in.path() + " x i64\n";
  EXPECT_EQ(answer(restore + "rename x y\ntype y\ntype x\n"),
            "%%% OK\n%%% OK\ni64\n%%% OK\n" + failure("Unknown variable: x"));
  EXPECT_THAT(answer(restore + "rename x x\n"), HasSubstr("Variable already exists: x"));
  EXPECT_THAT(answer("free x\n"), HasSubstr("Unknown variable: x"));
  EXPECT_THAT(answer(restore + "clear\ntype x\n"), HasSubstr("Unknown variable: x"));
}

TEST(FutharkServer, LetsConsumedVariablesBeFreedOnly) {
  const std::string spend = "call mint t\ncall spend out t\n";
  for (const char* use : {"call spend o t", "store /dev/null t", "project w t worth", "rename t u", "type t",
                          "new n \"(i64, Token)\" w t"}) {
    EXPECT_THAT(answer("call mint u\nproject w u worth\nfree u\n" + spend + use + "\n"),
                HasSubstr(failure("Variable t: this token was consumed")))
        << use;
  }
  EXPECT_EQ(answer(spend + "free t\nproject next out 1\nfree out\ncall spend again next\n"),
            "runtime: N\n%%% OK\nruntime: N\n%%% OK\n%%% OK\n%%% OK\n%%% OK\nruntime: N\n");
}

TEST(FutharkServer, RefusesToGiveOutConsumedComponents) {
  EXPECT_THAT(answer("call mint t\ncall spend out t\nproject u out 1\ncall spend o u\nproject v out 1\n"),
              HasSubstr("%%% FAILURE\nthis token was consumed\n"));
}

TEST(FutharkServer, MakesAndTakesApartArraysAndRecords) {
  const TemporaryFile in("[[1i64, 2i64, 3i64], [4i64, 5i64, 6i64]]");
  const std::string restore = "restore " + in.path() + " m [][]i64\n";
  EXPECT_EQ(answer(restore + "shape m\n"), "%%% OK\n2\n3\n");
  const TemporaryFile out;
  EXPECT_EQ(answer(restore +
                   "index x m 1 0\nnew_array a []i64 2 x x\nset a x 1\nindex y m 0 1\nset a y 0\n"
                   "store " +
                   out.path() + " a\n"),
            "%%% OK\n%%% OK\n%%% OK\n%%% OK\n%%% OK\n%%% OK\n");
  ByteSource stored(out.path());
  EXPECT_THAT(read_value(stored, {DType::i64, 1}).as_i64s(), ElementsAre(2, 4));
  EXPECT_EQ(
      answer(restore + "index x m 0 2\ncall mint t\nnew p \"(i64, Token)\" x t\nproject z p 0\ntype p\n"),
      "%%% OK\n%%% OK\nruntime: N\n%%% OK\n%%% OK\n%%% OK\n(i64, Token)\n");
  const std::pair<const char*, const char*> wrong[] = {
      {"index x m 1", "2 indices expected but 1 values provided."},
      {"index x m 2 0", "Invalid index `2` on dimension 1."},
      {"index x m 0 -1", "Invalid index `-1` on dimension 2."},
      {"index x m 0 1x", "Invalid index `1x` on dimension 2."},
      {"index m m 0 0", "Variable already exists: m"},
      {"new_array a []i64 1 m", "Variable m has type [][]i64, expected i64"},
      {"new_array a []i64 2", "Expected 2 values, but got 0"},
      {"new_array a [][]i64 2", "Expected 2 valid dimensions"},
      {"new_array a []i64 -3", "Expected 1 valid dimensions"},
      {"new_array a [][]i64 4611686018427387904 4611686018427387904", "Expected 2 valid dimensions"},
      {"new_array a i64 1", "Not an array type"},
      {"set m m 0 0", "Wrong input type.  Expected i64, got [][]i64."},
      {"new p \"(i64, Token)\" m", "2 fields expected but 1 values provided."},
      {"new p \"(i64, Token)\" m m", "Field 0 mismatch: expected type i64, got [][]i64"},
      {"new p i64 m", "Not a record type"},
      {"project x m 0", "Not a record type"},
      {"shape q", "Unknown variable: q"},
      {"zip z []i64 m", "Cannot zip to this array type"},
      {"unzip m z", "Cannot unzip this array type"},
  };
  for (const auto& [line, message] : wrong) {
    EXPECT_EQ(answer(restore + line + "\n"), "%%% OK\n" + failure(message)) << line;
  }
}

TEST(FutharkServer, AnswersEveryMistakeWithAFailure) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "Empty line"},
      {"dance", "Unknown command: dance"},
      {"\"unclosed", "Empty line"},
      {"call", "Insufficient command args: call takes at least 2, found 0"},
      {"call nothing x", "Unknown entry point: nothing"},
      {"call boom x", "boom: went\\x0a%%% OK\\x0aoff"},
      {"inputs nothing", "Unknown entry point: nothing"},
      {"kind Nothing", "Unknown type Nothing"},
      {"rank i64", "Not an array type"},
      {"elemtype Token", "Not an array type"},
      {"fields []i64", "Not a record type"},
      {"variants Token", "Not a sum type"},
      {"construct x Token Variant", "Not a sum type"},
      {"variant x", "Unknown variable: x"},
      {"destruct x", "Unknown variable: x"},
      {"restore /nowhere/x x i64", "Failed to open /nowhere/x: No such file or directory"},
      {"restore /nowhere/x x", "Insufficient command args: x has no type"},
      {"store /nowhere/x", "Failed to open /nowhere/x: No such file or directory"},
      {"store /nowhere/x q", "Unknown variable: q"},
      {"set_tuning_param p 1", "Failed to set tuning parameter p to 1: this program has none"},
      {"tuning_param_class p", "Unknown tuning parameter: p"},
  };
  for (const auto& [line, message] : wrong) {
    EXPECT_EQ(answer(line + std::string("\n")), failure(message)) << line;
  }
}

TEST(FutharkServer, LeavesNoVariableOfAFileThatIsBroken) {
  const TemporaryFile in("1i64 2i32");
  EXPECT_THAT(answer("restore " + in.path() + " x i64 y i64\n"),
              HasSubstr("Failed to restore variable y. Possibly malformed data in " + in.path()));
  EXPECT_THAT(answer("restore " + in.path() + " x i64 y i64\ntype x\n"), HasSubstr("Unknown variable: x"));
  EXPECT_THAT(answer("restore " + in.path() + " x i64\n"), HasSubstr("Expected EOF after reading 1 values"));
  EXPECT_THAT(answer("restore " + in.path() + " x i64 x i32\n"), HasSubstr("Variable already exists: x"));
}

/// Clients hold the file open and read what is written there.
TEST(FutharkServer, StoresIntoTheFileThatIsThere) {
  const TemporaryFile in("7i64");
  const TemporaryFile out("something longer than the value that is to stand here");
  std::ifstream held(out.path(), std::ios::binary);
  EXPECT_EQ(answer("restore " + in.path() + " x i64\nstore " + out.path() + " x\n"), "%%% OK\n");
  const std::string seen{std::istreambuf_iterator<char>(held), {}};
  EXPECT_EQ(seen.size(), 15U);
  EXPECT_EQ(seen, out.content());
}

TEST(FutharkServer, BoundsTheLengthOfLines) {
  ServerOptions options;
  options.max_line_bytes = 16;
  EXPECT_EQ(transcript(std::string(1000, 'x') + "\nkind i64\n", options),
            "%%% OK\n" + failure("Line longer than 16 bytes") + "%%% OK\nprimitive\n%%% OK\n");
}

TEST(FutharkServer, EndsWhenNobodyListens) {
  struct Full : std::streambuf {
    int sync() override { return -1; }
    int overflow(int) override { return traits_type::eof(); }
  } full;
  std::ostream out(&full);
  std::istringstream in("types\ntypes\n");
  Server(small_program()).run(in, out);
  EXPECT_FALSE(out);
}

TEST(FutharkServer, TellsTheLogOfEveryCommand) {
  std::vector<std::string> log;
  ServerOptions options;
  options.log = [&](std::string_view line) { log.emplace_back(line); };
  (void)transcript("kind i64\ndance\n", options);
  EXPECT_THAT(log, ElementsAre(::testing::StartsWith("kind i64 ("),
                               ::testing::EndsWith(" ms): Unknown command: dance")));
}

/// Whatever bytes come: an answer a line, and the server lives.
TEST(FutharkServer, SurvivesGarbage) {
  std::uint64_t state = 12345;
  const auto next = [&] { return state = state * 6364136223846793005ULL + 1442695040888963407ULL; };
  const char* const commands[] = {"call",  "restore", "store", "free",  "new",      "project",
                                  "index", "set",     "kind",  "type",  "rank",     "zip",
                                  "unzip", "fields",  "shape", "clear", "new_array"};
  std::string lines;
  constexpr int kLines = 500;
  for (int i = 0; i < kLines; ++i) {
    lines += commands[(next() >> 33) % std::size(commands)];
    for (std::uint64_t n = (next() >> 33) % 30; n > 0; --n) {
      const char c = static_cast<char>(next() >> 56);
      lines += c == '\n' || c == '/' ? ' ' : c;  // no paths: nothing is to be written anywhere
    }
    lines += "\n";
  }
  std::istringstream in(lines);
  std::ostringstream out;
  Server server(small_program());
  const auto before = std::filesystem::current_path();
  const auto folder =
      std::filesystem::temp_directory_path() / ("reprise-garbage-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  std::filesystem::current_path(folder);
  server.run(in, out);
  std::filesystem::current_path(before);
  std::filesystem::remove_all(folder);
  std::istringstream printed(out.str());
  int n_ok = 0;
  for (std::string line; std::getline(printed, line);) {
    n_ok += line == "%%% OK" ? 1 : 0;
  }
  EXPECT_EQ(n_ok, kLines + 1);
}

}  // namespace
}  // namespace reprise::engine::futhark
