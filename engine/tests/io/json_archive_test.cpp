#include "engine/io/json_archive.h"

#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <limits>

#include "engine/io/json_text.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {

enum class Fruit { apple, pear };

template <>
struct JsonEnum<Fruit> {
  static constexpr std::array kNames = {std::pair{Fruit::apple, std::string_view("apple")},
                                        std::pair{Fruit::pear, std::string_view("pear")}};
};

struct Range {
  double low = 0;
  double high = 0;
  bool operator==(const Range&) const = default;
};

template <>
struct JsonPair<Range> {
  static constexpr double Range::*kFirst = &Range::low;
  static constexpr double Range::*kSecond = &Range::high;
};

namespace {

struct Inner {
  std::string name;
  std::optional<double> weight;
  bool operator==(const Inner&) const = default;
};

template <class Archive>
void fields(Archive& archive, Inner& inner) {
  archive("name", inner.name);
  archive("weight", inner.weight);
}

/// One field of every kind.
struct Everything {
  std::string text;
  bool flag = false;
  double number = 0;
  int count = 0;
  std::int8_t small = 0;
  std::int64_t large = 0;
  std::uint64_t largest = 0;
  Fruit fruit = Fruit::apple;
  Range range;
  std::vector<double> numbers;
  std::vector<std::vector<std::int64_t>> nested;
  std::vector<Inner> inners;
  std::map<std::string, Inner> named;
  std::map<std::string, std::vector<Range>> ranges;
  Inner inner;
  std::optional<Inner> maybe;
  std::optional<Fruit> maybe_fruit;
  std::optional<std::vector<std::string>> maybe_list;
  bool operator==(const Everything&) const = default;
};

template <class Archive>
void fields(Archive& archive, Everything& e) {
  archive("text", e.text);
  archive("flag", e.flag);
  archive("number", e.number);
  archive("count", e.count);
  archive("small", e.small);
  archive("large", e.large);
  archive("largest", e.largest);
  archive("fruit", e.fruit);
  archive("range", e.range);
  archive("numbers", e.numbers);
  archive("nested", e.nested);
  archive("inners", e.inners);
  archive("named", e.named);
  archive("ranges", e.ranges);
  archive("inner", e.inner);
  archive("maybe", e.maybe);
  archive("maybe_fruit", e.maybe_fruit);
  archive("maybe_list", e.maybe_list);
  archive.derived("is_flagged", e.flag);
}

Everything example() {
  Everything e;
  e.text = "q\"\\\n\té\xf0\x9f\x98\x80";
  e.flag = true;
  e.number = 0.1;
  e.count = std::numeric_limits<int>::max();
  e.small = 127;
  e.large = std::numeric_limits<std::int64_t>::max();
  e.largest = std::numeric_limits<std::uint64_t>::max();
  e.fruit = Fruit::pear;
  e.range = {-1.5, 1e300};
  e.numbers = {5e-324, -0.0, 1.7976931348623157e308, 1.0 / 3};
  e.nested = {{}, {1, 2}, {3}};
  e.inners = {{"a", 1.5}, {"b", std::nullopt}};
  e.named = {{"", {"c", -2.0}}, {"key with \"quotes\"", {"d", {}}}};
  e.ranges = {{"r", {{0, 0}, {1, 2}}}};
  e.inner = {"e", 0.25};
  e.maybe = Inner{"f", {}};
  e.maybe_fruit = Fruit::apple;
  e.maybe_list = std::vector<std::string>{"x", ""};
  return e;
}

Everything read_back(const std::string& text, UnknownFields unknown = UnknownFields::refused) {
  return from_json_value<Everything>(parse_json(text, "file"), "file", "", unknown);
}

/// What reading says of the example with one field replaced.
std::string refusal(const std::string& field, const nlohmann::json& value, const std::string& path = "") {
  nlohmann::json json = to_json_value(example());
  json[field] = value;
  ErrorCode code{};
  const std::string line = error_of([&] { from_json_value<Everything>(json, "file", path); }, &code);
  EXPECT_EQ(code, ErrorCode::invalid_data);
  return line;
}

TEST(JsonArchive, EveryWrongTypeHasItsMessage) {
  EXPECT_EQ(refusal("text", 1), "file: text: expected string, found number");
  EXPECT_EQ(refusal("text", nullptr), "file: text: expected string, found null");
  EXPECT_EQ(refusal("flag", 1), "file: flag: expected boolean, found number");
  EXPECT_EQ(refusal("number", "1"), "file: number: expected number, found string");
  EXPECT_EQ(refusal("number", nullptr), "file: number: expected number, found null");
  EXPECT_EQ(refusal("count", "1"), "file: count: expected whole number, found string");
  EXPECT_EQ(refusal("count", true), "file: count: expected whole number, found boolean");
  EXPECT_EQ(refusal("count", 1.0), "file: count: expected whole number, found 1.0");
  EXPECT_EQ(refusal("fruit", "plum"), "file: fruit: expected apple|pear, found plum");
  EXPECT_EQ(refusal("fruit", "a\nb"), "file: fruit: expected apple|pear, found a\\x0ab");
  EXPECT_EQ(refusal("fruit", 0), "file: fruit: expected string, found number");
  EXPECT_EQ(refusal("range", 1), "file: range: expected array of 2 numbers, found number");
  EXPECT_EQ(refusal("range", {1}), "file: range: expected array of 2 numbers, found 1 elements");
  EXPECT_EQ(refusal("range", {1, 2, 3}), "file: range: expected array of 2 numbers, found 3 elements");
  EXPECT_EQ(refusal("range", {1, "2"}), "file: range[1]: expected number, found string");
  EXPECT_EQ(refusal("range", {2, 1}), "file: range: expected the lower end first, found 2 before 1");
  EXPECT_EQ(refusal("numbers", nlohmann::json::object()), "file: numbers: expected array, found object");
  EXPECT_EQ(refusal("numbers", {1, nullptr}), "file: numbers[1]: expected number, found null");
  EXPECT_EQ(refusal("nested", {{1}, {2, "3"}}), "file: nested[1][1]: expected whole number, found string");
  EXPECT_EQ(refusal("inners", {1}), "file: inners[0]: expected object, found number");
  EXPECT_EQ(refusal("named", {1}), "file: named: expected object, found array");
  EXPECT_EQ(refusal("named", {{"a\nb", {{"name", 1}}}}),
            "file: named.a\\x0ab.name: expected string, found number");
  EXPECT_EQ(refusal("inner", "x"), "file: inner: expected object, found string");
  EXPECT_EQ(refusal("maybe", {{"name", "x"}, {"weight", "y"}}),
            "file: maybe.weight: expected number, found string");
  EXPECT_EQ(refusal("maybe_list", {"x", 1}), "file: maybe_list[1]: expected string, found number");
  EXPECT_EQ(refusal("is_flagged", "true"), "file: is_flagged: expected boolean, found string");
}

TEST(JsonArchive, NumbersOutOfRange) {
  EXPECT_EQ(refusal("count", -1), "file: count: expected whole number from 0 to 2147483647, found -1");
  EXPECT_EQ(refusal("count", 2147483648),
            "file: count: expected whole number from 0 to 2147483647, found 2147483648");
  EXPECT_EQ(refusal("small", 128), "file: small: expected whole number from 0 to 127, found 128");
  EXPECT_EQ(refusal("large", 9223372036854775808U),
            "file: large: expected whole number from 0 to 9223372036854775807, found 9223372036854775808");
  EXPECT_EQ(refusal("largest", -1),
            "file: largest: expected whole number from 0 to 18446744073709551615, found -1");
  EXPECT_EQ(refusal("largest", parse_json("18446744073709551616", "n")),
            "file: largest: expected whole number, found 1.8446744073709552e+19");
}

TEST(JsonArchive, MissingFieldsAreNothingButOptionalOnes) {
  for (const std::string field :
       {"text", "flag", "number", "count", "fruit", "range", "numbers", "named", "inner", "is_flagged"}) {
    nlohmann::json json = to_json_value(example());
    json.erase(field);
    EXPECT_THAT(error_of([&] { from_json_value<Everything>(json, "file"); }),
                ::testing::MatchesRegex("file: " + field + ": expected .*, found nothing"));
  }
  nlohmann::json json = to_json_value(example());
  Everything expected = example();
  expected.maybe.reset();
  expected.maybe_fruit.reset();
  expected.maybe_list.reset();
  json.erase("maybe");
  json.erase("maybe_list");
  json["maybe_fruit"] = nullptr;
  EXPECT_EQ(from_json_value<Everything>(json, "file"), expected);
  EXPECT_EQ(read_back(to_json_text(expected)), expected);
}

TEST(JsonArchive, DerivedFieldsMustFollow) {
  EXPECT_EQ(refusal("is_flagged", false), "file: is_flagged: expected true by the other fields, found false");
}

TEST(JsonArchive, DocumentsThatAreNoObjects) {
  EXPECT_EQ(error_of([] { read_back("[1]"); }), "file: document: expected object, found array");
  EXPECT_EQ(error_of([] { from_json_value<Inner>(nlohmann::json(1), "file", "a.b"); }),
            "file: a.b: expected object, found number");
  EXPECT_EQ(refusal("count", "x", "rows[3]"), "file: rows[3].count: expected whole number, found string");
}

TEST(JsonArchive, UnknownKeysAreAllowedOrRefusedAtAnyDepth) {
  const auto refused = [](const nlohmann::json& json) {
    return error_of([&] { from_json_value<Everything>(json, "file", "", UnknownFields::refused); });
  };
  const nlohmann::json good = to_json_value(example());
  nlohmann::json json = good;
  json["inner"]["wieght"] = 1;
  json["inners"][1]["extra\n"] = 1;
  EXPECT_EQ(from_json_value<Everything>(json, "file"), example());
  EXPECT_EQ(refused(json),
            "file: inners[1].extra\\x0a: expected one of the keys name, weight, found an unknown key");
  json["inners"] = good["inners"];
  EXPECT_EQ(refused(json), "file: inner.wieght: expected one of the keys name, weight, found an unknown key");
  json = good;
  json["named"][""]["x"] = 1;
  EXPECT_EQ(refused(json), "file: named..x: expected one of the keys name, weight, found an unknown key");
  json = good;
  json["txet"] = 1;
  EXPECT_THAT(refused(json),
              ::testing::MatchesRegex("file: txet: expected one of the keys .*text.*, found an unknown key"));
  EXPECT_EQ(from_json_value<Everything>(good, "file", "", UnknownFields::refused), example());
}

TEST(JsonArchive, AllowedKeysAreNotUnknown) {
  const auto json = nlohmann::json::parse(R"({"name": "x", "comment": 1})");
  Inner inner;
  JsonReader reader(json, "file", "", UnknownFields::refused);
  fields(reader, inner);
  EXPECT_EQ(error_of([&] { reader.finish(); }),
            "file: comment: expected one of the keys name, weight, found an unknown key");
  reader.allow("comment");
  reader.finish();
}

TEST(JsonArchive, RoundTripOfEveryKindOfField) {
  const Everything e = example();
  EXPECT_EQ(read_back(to_json_text(e)), e);
  EXPECT_TRUE(std::signbit(read_back(to_json_text(e)).numbers[1]));
  EXPECT_EQ(read_back(to_json_text(Everything{})), Everything{});
  EXPECT_EQ(to_json_text(read_back(to_json_text(e))), to_json_text(e));
}

/// Reading replaces what was there.
TEST(JsonArchive, ReadingReplacesContainersAndOptionals) {
  Everything target = example();
  const nlohmann::json json = to_json_value(Everything{});
  JsonReader reader(json, "file");
  fields(reader, target);
  EXPECT_EQ(target, Everything{});
}

TEST(JsonArchive, WritesFieldsInTheirOrder) {
  EXPECT_EQ(to_json_text(Inner{"x", {}}), R"({"name":"x","weight":null})");
  EXPECT_EQ(to_json_text(Inner{"\xff", 0.5}), "{\"name\":\"\xef\xbf\xbd\",\"weight\":0.5}");
  const auto json = to_json_value(example());
  EXPECT_EQ(json["fruit"], "pear");
  EXPECT_EQ(json["range"].dump(), "[-1.5,1e+300]");
  EXPECT_EQ(json["is_flagged"], true);
  EXPECT_EQ(json["large"].dump(), "9223372036854775807");
  EXPECT_EQ(json["largest"].dump(), "18446744073709551615");
}

TEST(JsonArchive, OnlyFiniteNumbersAreWritten) {
  Everything e = example();
  e.named["bad"].weight = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(error_of([&] { to_json_text(e); }), "named.bad.weight: expected a finite number, found nan");
  e = example();
  e.ranges["r"][1].high = std::numeric_limits<double>::infinity();
  EXPECT_EQ(error_of([&] { to_json_text(e); }), "ranges.r[1][1]: expected a finite number, found inf");
}

TEST(JsonArchiveDeathTest, ValuesOutsideTheirEnumerationAreABug) {
  Everything e = example();
  e.fruit = static_cast<Fruit>(7);
  EXPECT_DEATH(to_json_text(e), "value outside its enumeration");
}

}  // namespace
}  // namespace reprise::engine
