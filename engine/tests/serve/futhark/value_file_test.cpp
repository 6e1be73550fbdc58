/// Files of Futhark values: what the format says byte by byte, round trips, and files that are broken.
#include "engine/serve/futhark/value_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "engine/tests/serve/futhark/temporary_file.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine::futhark {
namespace {

using ::reprise::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;

std::string written(const Value& value) {
  std::string bytes;
  write_value(value, [&](std::span<const std::byte> part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  return bytes;
}

Array read(const std::string& content, const std::string& type) {
  const TemporaryFile file(content);
  ByteSource source(file.path());
  Array array = read_value(source, *array_type_named(type));
  EXPECT_TRUE(at_end(source)) << content;
  return array;
}

template <class T>
std::vector<T> elements(const Array& array) {
  std::vector<T> values(array.bytes().size() / sizeof(T));
  std::memcpy(values.data(), array.bytes().data(), array.bytes().size());
  return values;
}

TEST(FutharkTypes, AreNamedAsFutharkNamesThem) {
  EXPECT_EQ(name_of(ArrayType{DType::f32, 2}), "[][]f32");
  EXPECT_EQ(array_type_named("[]i64"), (ArrayType{DType::i64, 1}));
  EXPECT_EQ(array_type_named("bool"), (ArrayType{DType::boolean, 0}));
  for (const char* name : {"", "[]", "[2]i64", "bf16", "int8", "Params", "[][][][][][][][][]u8"}) {
    EXPECT_EQ(array_type_named(name), std::nullopt) << name;
  }
}

TEST(FutharkBinary, IsWrittenAsTheFormatSays) {
  EXPECT_EQ(written(Array::of_i64(-2)), "b\2\0 i64\xfe\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(written(Array::of_i64s(std::vector<std::int64_t>{7})),
            "b\2\1 i64\1\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0"s);
  const float x = 1.5F;
  const Array row(DType::f32, {1, 1}, SharedBytes::copy_of(std::as_bytes(std::span(&x, 1))));
  EXPECT_EQ(written(row), "b\2\2 f32\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\xc0\x3f"s);
}

TEST(FutharkBinary, ReadsEveryTypeBackAsWritten) {
  for (const char* type :
       {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f16", "f32", "f64", "bool"}) {
    const DType element = array_type_named(type)->element;
    const auto bytes = SharedBytes::zeros_with(6 * size_of(element), [](std::span<std::byte> out) {
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<std::byte>(i % 2);
      }
    });
    const Array array(element, {2, 3}, bytes);
    const Array again = read(" \n\t" + written(array), "[][]"s + type);
    EXPECT_THAT(again.extents(), ElementsAre(2, 3));
    EXPECT_EQ(written(again), written(array)) << type;
  }
}

TEST(FutharkBinary, KeepsTheExtentsOfEmptyArrays) {
  const Array empty(DType::f32, {3, 0, 5}, {});
  EXPECT_THAT(read(written(empty), "[][][]f32").extents(), ElementsAre(3, 0, 5));
}

TEST(FutharkBinary, RefusesWhatIsBroken) {
  const std::string scalar = "b\2\0 i64\1\0\0\0\0\0\0\0"s;
  const std::string huge = "b\2\1 i64\0\0\0\0\0\0\0\x10"s;
  const std::string overflowing = "b\2\2 i64\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40"s;
  const std::string negative = "b\2\1 i64\xff\xff\xff\xff\xff\xff\xff\xff"s;
  const std::string zero_times_huge = "b\2\2 i64\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"s;
  const struct {
    std::string content;
    const char* type;
    const char* message;
  } cases[] = {
      {"", "i64", "found the end"},
      {"b", "i64", "version: expected 1 bytes, found 0"},
      {"b\1\0 i64", "i64", "version: expected 2, found 1"},
      {"b\2", "i64", "rank: expected 1 bytes"},
      {"b\2\1 i64", "i64", "rank: expected 0 for i64, found 1"},
      {"b\2\0 i6"s, "i64", "type: expected 4 bytes, found 3"},
      {"b\2\0 i32\1\0\0\0"s, "i64", "expected \" i64\", found \" i32\""},
      {"b\2\0\0\1\2\3"s, "i64", "found \"\\x00\\x01\\x02\\x03\""},
      {scalar.substr(0, 14), "i64", "expected 8 bytes for a scalar, found 7"},
      {"b\2\1 i64\1\0\0"s, "[]i64", "extents: expected 8 bytes, found 3"},
      {huge, "[]i64", "expected an array that fits memory"},
      {overflowing, "[][]i64", "expected an array that fits memory"},
      {negative, "[]i64", "found [-1]"},
      {zero_times_huge, "[][]i64", "found [0][-1]"},
      {"b\2\1 i64\0\0\0\0\0\1\0\0"s, "[]i64", "expected 8796093022208 bytes for [1099511627776], found 0"},
  };
  for (const auto& [content, type, message] : cases) {
    const Error error = error_of([&, &content = content, &type = type] { (void)read(content, type); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_data);
    EXPECT_THAT(error.what(), HasSubstr(message));
  }
}

TEST(FutharkBinary, RefusesEveryCutOfAValue) {
  const std::string whole = written(Array::of_i64s(std::vector<std::int64_t>{1, 2, 3}));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_EQ(error_of([&] { (void)read(whole.substr(0, n), "[]i64"); }).code(), ErrorCode::invalid_data)
        << n;
  }
}

TEST(FutharkText, ReadsValuesAsPeopleWriteThem) {
  EXPECT_EQ(read("-12i64", "i64").as_i64(), -12);
  EXPECT_EQ(read("  1_000 -- a thousand\n-- done\n", "i64").as_i64(), 1000);
  EXPECT_THAT(read("[1, 2i64,3]", "[]i64").as_i64s(), ElementsAre(1, 2, 3));
  EXPECT_THAT(read("[]", "[]i64").as_i64s(), ElementsAre());
  EXPECT_THAT(read("empty([0][2]i64)", "[][]i64").extents(), ElementsAre(0, 2));
  const Array matrix = read("[[1.5, -2f32], [f32.inf, -f32.inf], [1e3, 0.25f32]]", "[][]f32");
  EXPECT_THAT(matrix.extents(), ElementsAre(3, 2));
  EXPECT_THAT(elements<float>(matrix), ElementsAre(1.5F, -2.0F, HUGE_VALF, -HUGE_VALF, 1000.0F, 0.25F));
  EXPECT_THAT(elements<std::uint16_t>(read("[1f16, -0.5]", "[]f16")), ElementsAre(0x3c00, 0xb800));
  EXPECT_THAT(elements<std::uint8_t>(read("[true, false]", "[]bool")), ElementsAre(1, 0));
  EXPECT_THAT(elements<std::int8_t>(read("[-128, 0x7f, 0b11]", "[]i8")), ElementsAre(-128, 127, 3));
}

TEST(FutharkText, RefusesWhatIsNoValue) {
  const struct {
    std::string content;
    const char* type;
    const char* message;
  } cases[] = {
      {"x", "i64", "an element of type i64, found \"x\""},
      {"128", "i8", "found \"128\""},
      {"-1", "u8", "found \"-1\""},
      {"1.5", "i64", "found \"1.5\""},
      {"1e999", "f32", "found \"1e999\""},
      {"[1, 2", "[]i64", "\",\" or \"]\", found the end"},
      {"[1 2]", "[]i64", "\",\" or \"]\", found \"2\""},
      {"[[1], [2, 3]]", "[][]i64", "rows of 1 elements, as before, found one of 2"},
      {"[[1], 2]", "[][]i64", "expected \"[\", found \"2\""},
      {"[1]", "i64", "found \"[\""},
      {"empty([2]i64)", "[]i64", "extents with a 0, found [2]"},
      {"empty([0]i32)", "[]i64", "expected \"i64\", found \"i32\""},
      {std::string(200, '1'), "i64", "expected a value"},
  };
  for (const auto& [content, type, message] : cases) {
    const Error error = error_of([&, &content = content, &type = type] { (void)read(content, type); });
    EXPECT_THAT(error.what(), HasSubstr(message)) << content;
  }
}

TEST(FutharkFiles, HoldValuesOneAfterTheOther) {
  const TemporaryFile file(written(Array::of_i64(1)) + " 2i64 " + written(Array::of_i64(3)) + "\n");
  ByteSource source(file.path());
  for (const std::int64_t expected : {1, 2, 3}) {
    EXPECT_FALSE(at_end(source));
    EXPECT_EQ(read_value(source, {DType::i64, 0}).as_i64(), expected);
  }
  EXPECT_TRUE(at_end(source));
}

TEST(FutharkFiles, MustBeRegularFiles) {
  EXPECT_EQ(error_of([] { ByteSource source("/nowhere/x"); }).code(), ErrorCode::not_found);
  EXPECT_THAT(error_of([] { ByteSource source("/dev/null"); }).what(), HasSubstr("found a device"));
  EXPECT_EQ(error_of([] { ByteSource source("/"); }).code(), ErrorCode::io);
}

}  // namespace
}  // namespace reprise::engine::futhark
