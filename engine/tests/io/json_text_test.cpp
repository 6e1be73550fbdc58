#include "engine/io/json_text.h"

#include "engine/io/printable.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

TEST(ParseJson, ReadsWhatTheLibraryReads) {
  const nlohmann::json value = parse_json(R"({"a": {"x": [1, 2.5, null]}, "b": {"x": "é"}})", "f");
  EXPECT_EQ(value["a"]["x"][1], 2.5);
  EXPECT_EQ(value["b"]["x"], "é");
  EXPECT_EQ(parse_json(R"({"a": {"x": 1}, "x": [{"x": 2}, {"x": 3}]})", "f")["x"][1]["x"], 3);
}

TEST(ParseJson, RefusesWithOneLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "f: expected JSON, found a syntax error at byte 1"},
      {R"({"a": 1,})", "f: expected JSON, found a syntax error at byte 9"},
      {"[1] 2", "f: expected JSON, found a syntax error at byte 5"},
      {"[\"\xff\"]", "f: expected JSON, found a syntax error at byte 3"},
      {std::string("{}\0[", 4), "f: expected JSON, found a zero byte at byte 2"},
      {"[1e999]", "f: expected JSON, found a number out of range"},
      {R"({"a": 1, "b": {"a": 1}, "a": 2})", "f: expected the key 'a' once in its object, found it twice"},
      {R"([{"x": {}}, {"y": {"k\n": 1, "k\n": 1}}])",
       "f: expected the key 'k\\x0a' once in its object, found it twice"},
  };
  for (const auto& [text, line] : cases) {
    ErrorCode code{};
    EXPECT_EQ(error_of([&] { parse_json(text, "f"); }, &code), line) << text;
    EXPECT_EQ(code, ErrorCode::invalid_data);
  }
}

TEST(ParseJson, DepthIsBounded) {
  EXPECT_EQ(parse_json("[[[]]]", "f", 3).size(), 1U);
  const std::string line = "f: expected JSON nested at most 3 deep, found deeper";
  EXPECT_EQ(error_of([] { parse_json("[[[[]]]]", "f", 3); }), line);
  EXPECT_EQ(error_of([] { parse_json(R"({"a":{"a":{"a":{}}}})", "f", 3); }), line);
  EXPECT_EQ(error_of([] { parse_json(std::string(5'000'000, '['), "f"); }),
            "f: expected JSON nested at most 64 deep, found deeper");
}

TEST(ParseJson, ManySiblingsTakeNoLongerThanTheirText) {
  // With time in proportion to the square of their number, this would not end.
  constexpr std::size_t kObjects = 300'000;
  std::string text = "[{}";
  for (std::size_t i = 1; i < kObjects; ++i) {
    text += ",{}";
  }
  text += "]";
  EXPECT_EQ(parse_json(text, "f").size(), kObjects);
  EXPECT_EQ(parse_ordered_json(text, "f").size(), kObjects);
}

TEST(ParseJson, IsTheLibrarysValue) {
  const std::string text =
      R"([null, true, -3, 18446744073709551615, 1.5, "s", [], {}, [[1], {"a": [{"b": {}}], "c": 2}], ""])";
  EXPECT_EQ(parse_json(text, "f"), nlohmann::json::parse(text));
  EXPECT_EQ(parse_ordered_json(text, "f"), nlohmann::ordered_json::parse(text));
  EXPECT_EQ(parse_json("7", "f"), 7);
}

TEST(ParseOrderedJson, KeepsTheOrderOfKeys) {
  EXPECT_EQ(parse_ordered_json(R"({"z": 1, "a": {"y": 2, "b": 3}})", "f").dump(),
            R"({"z":1,"a":{"y":2,"b":3}})");
  EXPECT_EQ(error_of([] { parse_ordered_json(R"({"a": 1, "a": 2})", "f"); }),
            "f: expected the key 'a' once in its object, found it twice");
}

TEST(ParseOrderedJson, ObjectsAreOfBoundedSize) {
  const auto object_of = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) {
      text += (i == 0 ? "{\"" : ",\"") + std::to_string(i) + "\":0";
    }
    return text + "}";
  };
  EXPECT_EQ(parse_ordered_json(object_of(1024), "f").size(), 1024U);
  EXPECT_EQ(error_of([&] { parse_ordered_json(object_of(1025), "f"); }),
            "f: expected at most 1024 keys in an object, found more");
}

TEST(ReadJsonFile, NamesTheFile) {
  const ScratchFolder folder;
  write_raw(folder / "config.json", "{");
  EXPECT_EQ(error_of([&] { read_json_file(folder / "config.json"); }),
            (folder / "config.json").string() + ": expected JSON, found a syntax error at byte 2");
}

TEST(Printable, IsShortAsciiOnOneLine) {
  EXPECT_EQ(printable("model.weight 'x'"), "model.weight 'x'");
  EXPECT_EQ(printable(std::string("a\nb\0c\x7f\xc3\xa9", 8)), "a\\x0ab\\x00c\\x7f\\xc3\\xa9");
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
}

}  // namespace
}  // namespace reprise::engine
