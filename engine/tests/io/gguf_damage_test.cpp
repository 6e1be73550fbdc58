#include <gmock/gmock.h>

#include <random>

#include "engine/io/gguf.h"
#include "engine/tests/io/gguf_test_support.h"
#include "engine/tests/io/requested_bytes.h"

namespace reprise::engine {
namespace {

constexpr std::uint64_t kHuge = ~std::uint64_t{0};

/// A file that breaks one rule, and the line that must come.
struct Bad {
  std::string file;
  std::string line;
  ErrorCode code = ErrorCode::invalid_data;
};

void expect_refused(const std::vector<Bad>& cases) {
  for (const Bad& bad : cases) {
    ErrorCode code{};
    EXPECT_EQ(error_of([&] { parse_gguf(bad.file); }, &code), "f: " + bad.line);
    EXPECT_EQ(code, bad.code) << bad.line;
  }
}

std::string file_of_pair(const std::string& pair) {
  return gguf_file({pair}, {}, "");
}
std::string file_of_tensor(const std::string& tensor, std::size_t data_bytes = 64) {
  return gguf_file({}, {tensor}, std::string(data_bytes, 'd'));
}

TEST(GgufErrors, Header) {
  const std::string end = "found the end of the file after ";
  const std::string counts = ": expected at most 0, for which the ";
  expect_refused({
      {"", "header: magic: expected 4 bytes, " + end + "0"},
      {"GGU", "header: magic: expected 4 bytes, " + end + "3"},
      {"GGML" + u32(3), "header: magic: expected 'GGUF', found 'GGML'"},
      {std::string("\x80\n\0\1", 4), "header: magic: expected 'GGUF', found '\\x80\\x0a\\x00\\x01'"},
      {"GGUF\3", "header: version: expected 4 bytes, " + end + "1"},
      {gguf_header(0, 0, 0), "header: version: expected 2 or 3, found 0", ErrorCode::unsupported},
      {gguf_header(0, 0, 1), "header: version: expected 2 or 3, found 1", ErrorCode::unsupported},
      {gguf_header(0, 0, 4), "header: version: expected 2 or 3, found 4", ErrorCode::unsupported},
      {gguf_header(0, 0, 0x03000000),
       "header: version: expected a little-endian file, found a big-endian one of version 3",
       ErrorCode::unsupported},
      {gguf_header(0, 0, 0x02000000),
       "header: version: expected a little-endian file, found a big-endian one of version 2",
       ErrorCode::unsupported},
      {gguf_header(0, 0, 0x01000000), "header: version: expected 2 or 3, found 16777216",
       ErrorCode::unsupported},
      {"GGUF" + u32(3) + "1234567", "header: number of tensors: expected 8 bytes, " + end + "7"},
      {gguf_header(kHuge, 0),
       "header: number of tensors" + counts + "8 bytes that follow suffice, found 18446744073709551615"},
      {gguf_header(1, 0), "header: number of tensors" + counts + "8 bytes that follow suffice, found 1"},
      {gguf_header(0, 0).substr(0, 23), "header: number of metadata pairs: expected 8 bytes, " + end + "7"},
      {gguf_header(0, kHuge), "header: number of metadata pairs" + counts +
                                  "0 bytes that follow suffice, found 18446744073709551615"},
      {gguf_header(0, 2) + gguf_pair("k", 0, "\1") + std::string(13, '\0'),
       "header: number of metadata pairs: expected at most 1, for which the 27 bytes that follow suffice, "
       "found 2"},
  });
}

TEST(GgufErrors, Keys) {
  expect_refused({
      {file_of_pair(gguf_pair("", 0, "\1")), "metadata pair 0: key: expected 1 to 65535 bytes, found 0"},
      {file_of_pair(gguf_pair(std::string(65'536, 'k'), 0, "\1")),
       "metadata pair 0: key: expected 1 to 65535 bytes, found 65536"},
      {file_of_pair(u64(kHuge) + "key"),
       "metadata pair 0: key: expected 1 to 65535 bytes, found 18446744073709551615"},
      {gguf_header(0, 1) + u64(100) + "kkkkkkkkkk",
       "metadata pair 0: key: expected 100 bytes, found the end of the file after 10"},
      {file_of_pair(gguf_pair("a\xff\n", 0, "\1")),
       "metadata pair 0: key: expected UTF-8, found 'a\\xff\\x0a'"},
      {file_of_pair(gguf_pair("\xc0\xaf", 0, "\1")),
       "metadata pair 0: key: expected UTF-8, found '\\xc0\\xaf'"},
      {file_of_pair(gguf_pair("\xed\xa0\x80", 0, "\1")),
       "metadata pair 0: key: expected UTF-8, found '\\xed\\xa0\\x80'"},
      {file_of_pair(gguf_pair("\xe2\x82", 0, "\1")),
       "metadata pair 0: key: expected UTF-8, found '\\xe2\\x82'"},
      {gguf_file({gguf_pair("k", 0, "\1"), gguf_pair("j", 0, "\1"), gguf_pair("k", 4, u32(1))}, {}, ""),
       "metadata pair 2: key: expected each to stand once, found 'k' again"},
  });
}

/// An array in an array in ..., of one element each, the innermost a u8.
std::string nested(int depth) {
  std::string value;
  for (int i = 1; i < depth; ++i) {
    value += gguf_array(9, 1, "");
  }
  return value + gguf_array(0, 1, "\1");
}

TEST(GgufErrors, Values) {
  const std::string k = "key 'k': ";
  const std::string head = gguf_header(0, 1);
  expect_refused({
      {file_of_pair(gguf_pair("k", 13, u64(0))), k + "type: expected 0 to 12, found 13"},
      {file_of_pair(gguf_pair("k", 0xffffffff, u64(0))), k + "type: expected 0 to 12, found 4294967295"},
      {head + gguf_pair("k", 10, "1234567"),
       k + "value: expected 8 bytes, found the end of the file after 7"},
      {head + gguf_pair("k", 8, u64(4) + "abc"),
       k + "value: expected 4 bytes, found the end of the file after 3"},
      {head + gguf_pair("k", 8, u64(kHuge) + "abc"),
       k + "value: expected 18446744073709551615 bytes, found the end of the file after 3"},
      {file_of_pair(gguf_pair("k", 7, "\2")), k + "value: expected a bool of 0 or 1, found 2"},
      {file_of_pair(gguf_pair("k", 7, "\xff")), k + "value: expected a bool of 0 or 1, found 255"},
      {file_of_pair(gguf_pair("k", 9, gguf_array(7, 4, std::string("\0\1\3\1", 4)))),
       k + "value: expected a bool of 0 or 1, found 3"},
      {file_of_pair(gguf_pair("k", 9, gguf_array(9, 1, gguf_array(7, 1, "\4")))),
       k + "value: expected a bool of 0 or 1, found 4"},
      {file_of_pair(gguf_pair("k", 9, gguf_array(13, 0, ""))),
       k + "element type: expected 0 to 12, found 13"},
      {head + gguf_pair("k", 9, gguf_array(0, 4, "abc")),
       k + "element count: expected at most 3, for which the 3 bytes that follow suffice, found 4"},
      {head + gguf_pair("k", 9, gguf_array(4, kHuge, u64(0))),
       k + "element count: expected at most 2, for which the 8 bytes that follow suffice, found "
           "18446744073709551615"},
      {head + gguf_pair("k", 9, gguf_array(8, 2, gguf_text("a"))),
       k + "element count: expected at most 1, for which the 9 bytes that follow suffice, found 2"},
      {head + gguf_pair("k", 9, gguf_array(8, 1, u64(3) + "ab")),
       k + "element: expected 3 bytes, found the end of the file after 2"},
      {head + gguf_pair("k", 9, gguf_array(9, 2, gguf_array(0, 1, "a"))),
       k + "element count: expected at most 1, for which the 13 bytes that follow suffice, found 2"},
      {file_of_pair(gguf_pair("k", 9, nested(5))),
       k + "element type: expected arrays nested at most 4 deep, found a deeper one"},
      {file_of_pair(gguf_pair("k", 9, nested(100'000))),
       k + "element type: expected arrays nested at most 4 deep, found a deeper one"},
  });
  const std::string deepest = file_of_pair(gguf_pair("k", 9, nested(4)));
  EXPECT_EQ(parse_gguf(deepest).find_value("k")->count, 1U);
}

TEST(GgufErrors, Alignment) {
  const std::string rule =
      "key 'general.alignment': expected a u32 that is a multiple of 8 up to 16777216, found ";
  std::vector<Bad> cases = {
      {file_of_pair(gguf_pair("general.alignment", 5, u32(32))), rule + "i32"},
      {file_of_pair(gguf_pair("general.alignment", 10, u64(32))), rule + "u64"},
      {file_of_pair(gguf_pair("general.alignment", 8, gguf_text("32"))), rule + "string"},
      {file_of_pair(gguf_pair("general.alignment", 9, gguf_array(4, 1, u32(32)))), rule + "array"},
  };
  for (const std::uint32_t alignment : {0U, 1U, 4U, 12U, (1U << 24) + 8, 0xfffffff8U}) {
    cases.push_back(
        {file_of_pair(gguf_pair("general.alignment", 4, u32(alignment))), rule + std::to_string(alignment)});
  }
  expect_refused(cases);
}

TEST(GgufErrors, NamesAndShapes) {
  const std::string t = "tensor 't': ";
  const std::string max = "9223372036854775807";
  expect_refused({
      {file_of_tensor(gguf_tensor("", {1}, 0, 0)), "tensor 0: name: expected 1 to 64 bytes, found 0"},
      {file_of_tensor(gguf_tensor(std::string(65, 'n'), {1}, 0, 0)),
       "tensor 0: name: expected 1 to 64 bytes, found 65"},
      {file_of_tensor(gguf_tensor("\xf5", {1}, 0, 0)), "tensor 0: name: expected UTF-8, found '\\xf5'"},
      {gguf_file({}, {gguf_tensor("t", {1}, 0, 0), gguf_tensor("t", {1}, 0, 32)}, std::string(64, 'd')),
       "tensor 1: name: expected each to stand once, found 't' again"},
      {file_of_tensor(gguf_tensor("t", {1, 1, 1, 1, 1}, 0, 0)), t + "rank: expected at most 4, found 5"},
      {file_of_tensor(gguf_text("t") + u32(0xffffffff)), t + "rank: expected at most 4, found 4294967295"},
      {gguf_header(1, 0) + gguf_text("t") + u32(4) + u64(1) + "1234",
       t + "shape: expected 8 bytes, found the end of the file after 4"},
      {file_of_tensor(gguf_tensor("t", {kHuge}, 0, 0)),
       t + "shape: expected extents of at most 2^63 - 1, found 18446744073709551615"},
      {file_of_tensor(gguf_tensor("t", {48}, 2, 0)),
       t + "shape: expected an innermost extent that 32 divides, for int4, found [48]"},
      {file_of_tensor(gguf_tensor("t", {16, 2}, 8, 0)),
       t + "shape: expected an innermost extent that 32 divides, for int8, found [2, 16]"},
      {file_of_tensor(gguf_tensor("t", {128, 2}, 12, 0)),
       t + "shape: expected an innermost extent that 256 divides, for q4_k, found [2, 128]"},
      {file_of_tensor(gguf_tensor("t", {}, 8, 0)),
       t + "shape: expected an innermost extent that 32 divides, for int8, found []"},
      // Products that wrap to the right size in 64 bits.
      {file_of_tensor(gguf_tensor("t", {4, 1ULL << 62}, 0, 0)),
       t + "shape: expected less than 2^63 bytes, found f32 [4611686018427387904, 4]"},
      {file_of_tensor(gguf_tensor("t", {(1ULL << 62) + 1}, 0, 0)),
       t + "shape: expected less than 2^63 bytes, found f32 [4611686018427387905]"},
      {file_of_tensor(gguf_tensor("t", {1ULL << 32, 1ULL << 32, 0}, 24, 0)),
       t + "shape: expected less than 2^63 bytes, found i8 [0, 4294967296, 4294967296]"},
      {file_of_tensor(gguf_tensor("t", {1ULL << 60}, 2, 0)),
       t + "shape: expected less than 2^63 bytes, found int4 [1152921504606846976]"},
      {file_of_tensor(gguf_tensor("t", {(1ULL << 63) - 1}, 24, 0)),
       t + "data: expected " + max + " bytes at offset 0, found 64 bytes of data"},
  });
}

TEST(GgufErrors, TensorTypes) {
  const std::string read =
      "tensor 't': type: expected one of F32 F16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K I8 I16 I32 I64 F64 "
      "BF16, found ";
  const std::vector<std::pair<std::uint32_t, std::string>> unread = {
      {4, "Q4_2 (4)"},           {9, "Q8_1 (9)"},       {10, "Q2_K (10)"},   {11, "Q3_K (11)"},
      {15, "Q8_K (15)"},         {16, "IQ2_XXS (16)"},  {20, "IQ4_NL (20)"}, {23, "IQ4_XS (23)"},
      {29, "IQ1_M (29)"},        {31, "Q4_0_4_4 (31)"}, {34, "TQ1_0 (34)"},  {35, "TQ2_0 (35)"},
      {39, "MXFP4 (39)"},        {40, "NVFP4 (40)"},    {41, "Q1_0 (41)"},   {42, "42"},
      {4294967295, "4294967295"}};
  for (const auto& [type, name] : unread) {
    expect_refused({{file_of_tensor(gguf_tensor("t", {256}, type, 0)), read + name, ErrorCode::unsupported}});
  }
}

TEST(GgufErrors, Places) {
  const std::string t = "tensor 't': ";
  const auto two = [](std::uint64_t first, std::uint64_t second) {
    return gguf_file({}, {gguf_tensor("t", {10}, 0, first), gguf_tensor("u", {10}, 0, second)},
                     std::string(256, 'd'));
  };
  expect_refused({
      {file_of_tensor(gguf_tensor("t", {1}, 0, 4)),
       t + "offset: expected a multiple of the alignment, 32, found 4"},
      {gguf_file({gguf_pair("general.alignment", 4, u32(64))}, {gguf_tensor("t", {1}, 0, 32)},
                 std::string(64, 'd'), 64),
       t + "offset: expected a multiple of the alignment, 64, found 32"},
      {file_of_tensor(gguf_tensor("t", {17}, 0, 0)),
       t + "data: expected 68 bytes at offset 0, found 64 bytes of data"},
      {file_of_tensor(gguf_tensor("t", {9}, 0, 32)),
       t + "data: expected 36 bytes at offset 32, found 64 bytes of data"},
      {file_of_tensor(gguf_tensor("t", {1}, 0, 96)),
       t + "data: expected 4 bytes at offset 96, found 64 bytes of data"},
      {file_of_tensor(gguf_tensor("t", {0}, 0, 96)),
       t + "data: expected 0 bytes at offset 96, found 64 bytes of data"},
      {file_of_tensor(gguf_tensor("t", {8}, 0, kHuge - 31)),
       t + "data: expected 32 bytes at offset 18446744073709551584, found 64 bytes of data"},
      // Cut inside the padding before the data.
      {gguf_header(1, 0) + gguf_tensor("t", {1}, 24, 0),
       t + "data: expected 1 bytes at offset 0, found 0 bytes of data"},
      {two(0, 0), "tensor 'u': offset: expected at least 40, where 't' ends, found 0"},
      {two(0, 32), "tensor 'u': offset: expected at least 40, where 't' ends, found 32"},
      {two(64, 32), "tensor 't': offset: expected at least 72, where 'u' ends, found 64"},
  });
  const std::string apart = two(64, 0);
  EXPECT_EQ(parse_gguf(apart).tensors().size(), 2U);
}

std::string small_valid_file() {
  std::vector<std::string> pairs = pairs_of_every_type();
  pairs.push_back(gguf_pair("general.alignment", 4, u32(8)));
  return gguf_file(
      pairs,
      {gguf_tensor("a", {3, 2}, 1, 0), gguf_tensor("b", {32, 1, 1, 1}, 8, 16), gguf_tensor("c", {}, 24, 56)},
      std::string(57, 'd'), 8);
}

/// Reads a value by the access that fits its type; an f64 may be too large for the f32 of an array.
void touch(const std::string& key, const GgufValue& value, const GgufFile& file) {
  const GgufType type = value.type == GgufType::array ? value.element_type : value.type;
  if (type == GgufType::string) {
    EXPECT_EQ(value.type == GgufType::array ? file.texts(key).size() : 1, value.count);
  } else if (value.type == GgufType::boolean) {
    static_cast<void>(file.flag(key));
  } else if (value.type != GgufType::array) {
    static_cast<void>(file.number(key));
  } else if (type != GgufType::boolean && type != GgufType::array && type != GgufType::f64) {
    EXPECT_EQ(file.numbers(key).size(), value.count);
  }
}

void touch(const GgufFile& file) {
  for (const auto& [key, value] : file.metadata()) {
    touch(key, value, file);
    const std::string copy(text_of(value.data));
    EXPECT_EQ(copy.size(), value.data.size());
  }
  for (const GgufTensor& tensor : file.tensors()) {
    std::int64_t n = 1;
    for (const std::int64_t extent : tensor.shape) {
      n *= extent;
    }
    EXPECT_EQ(tensor.data.size(), bytes_of(tensor.dtype, n));
    const std::string copy(text_of(tensor.data));
    EXPECT_EQ(copy.size(), tensor.data.size());
  }
}

/// Parses damaged bytes: an Error is right; so is a result whose every byte can be touched. The copy has
/// exactly the file's size, so that the address sanitizer sees any read beyond it. Returns whether it parsed.
bool survives(const std::string& file) {
  const std::vector<std::byte> exact(bytes_of(file).begin(), bytes_of(file).end());
  const std::size_t before = requested_bytes();
  bool parsed = false;
  try {
    const GgufFile result = GgufFile::parse(exact, "f");
    EXPECT_LE(requested_bytes() - before, 64 * file.size());
    parsed = true;
    touch(result);
  } catch (const Error& error) {
    EXPECT_LE(requested_bytes() - before, 64 * file.size() + 4096);
    EXPECT_EQ(std::string(error.what()).find_first_of("\n\r"), std::string::npos) << error.what();
  }
  return parsed;
}

TEST(GgufFuzz, EveryTruncationIsRefused) {
  const std::string file = small_valid_file();
  ASSERT_TRUE(survives(file));
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(survives(file.substr(0, length))) << length;
  }
  EXPECT_TRUE(survives(file + "x"));
}

TEST(GgufFuzz, EveryByteChangedIsReadOrRefused) {
  const std::string file = small_valid_file();
  int refused = 0;
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const unsigned change : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 128U, 255U}) {
      std::string damaged = file;
      damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ change);
      refused += survives(damaged) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 5'000);  // what passes are other keys and names, numbers, texts and data
}

TEST(GgufFuzz, SeededMutationsAreReadOrRefused) {
  const std::string file = small_valid_file();
  std::mt19937_64 random(11);
  const std::vector<std::uint64_t> interesting = {
      0,   1,   2,      7,          8,          9,          12,         13,        31,   32,
      255, 256, 65'535, 1ULL << 31, 1ULL << 32, 1ULL << 62, 1ULL << 63, kHuge - 7, kHuge};
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = file;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % damaged.size();
      const std::string number = little_endian(interesting[random() % interesting.size()], 8);
      switch (random() % 4) {
        case 0:
          damaged[at] = static_cast<char>(random());
          break;
        case 1:
          damaged.replace(at, std::min<std::size_t>(8, damaged.size() - at), number);
          break;
        case 2:
          damaged.insert(at, number.substr(0, 1 + random() % 8));
          break;
        default:
          damaged.erase(at, 1 + random() % 16);
          break;
      }
    }
    survives(damaged);
  }
}

}  // namespace
}  // namespace reprise::engine
