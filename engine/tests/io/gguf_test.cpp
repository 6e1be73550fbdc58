#include "engine/io/gguf.h"

#include <gmock/gmock.h>

#include <limits>

#include "engine/tests/io/gguf_test_support.h"
#include "engine/tests/support/data.h"

namespace reprise::engine {
namespace {

using Shape64 = std::vector<std::int64_t>;
using ::testing::ElementsAre;

TEST(Gguf, TensorTypesHaveTheNumbersOfGgml) {
  const std::vector<std::pair<DType, std::uint32_t>> numbers = {
      {DType::f32, 0},   {DType::f16, 1},   {DType::int4, 2}, {DType::q4_1, 3},
      {DType::q5_0, 6},  {DType::q5_1, 7},  {DType::int8, 8}, {DType::q4_k, 12},
      {DType::q5_k, 13}, {DType::q6_k, 14}, {DType::i8, 24},  {DType::i16, 25},
      {DType::i32, 26},  {DType::i64, 27},  {DType::f64, 28}, {DType::bf16, 30}};
  std::size_t known = 0;
  for (std::uint32_t type = 0; type < 100; ++type) {
    known += dtype_of_ggml_type(type) ? 1 : 0;
  }
  EXPECT_EQ(known, numbers.size());
  for (const auto& [dtype, number] : numbers) {
    EXPECT_EQ(ggml_type_of(dtype), number);
    EXPECT_EQ(dtype_of_ggml_type(number), dtype);
  }
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64, DType::boolean}) {
    ErrorCode code{};
    EXPECT_EQ(error_of([&] { static_cast<void>(ggml_type_of(dtype)); }, &code),
              "gguf: tensor type: expected one that ggml has, found " + std::string(name_of(dtype)));
    EXPECT_EQ(code, ErrorCode::unsupported);
  }
}

TEST(Gguf, ReadsScalarsOfEveryType) {
  for (const std::uint32_t version : {2U, 3U}) {
    const std::string bytes = gguf_file(pairs_of_every_type(), {}, "", 32, version);
    const GgufFile file = parse_gguf(bytes);
    EXPECT_EQ(file.version(), version);
    EXPECT_EQ(file.alignment(), 32U);
    EXPECT_EQ(file.path(), "f");
    EXPECT_EQ(file.bytes().data(), bytes_of(bytes).data());
    EXPECT_EQ(file.integer("u8"), 254);
    EXPECT_EQ(file.integer("i8"), -2);
    EXPECT_EQ(file.integer("u16"), 65'534);
    EXPECT_EQ(file.integer("i16"), -2);
    EXPECT_EQ(file.integer("u32"), 4'294'967'294);
    EXPECT_EQ(file.integer("i32"), -2);
    EXPECT_EQ(file.integer("i64"), -2);
    EXPECT_EQ(file.number("u16"), 65'534.0);
    EXPECT_EQ(file.number("i64"), -2.0);
    EXPECT_EQ(file.number("u64"), 18'446'744'073'709'551'616.0);  // rounded to nearest
    EXPECT_EQ(file.number("f32"), 1.5);
    EXPECT_EQ(file.number("f64"), -1.5);
    EXPECT_TRUE(file.flag("bool"));
    EXPECT_EQ(file.text("string"), "text \xc3\xa9");
    EXPECT_THAT(file.texts("array.string"), ElementsAre("a", "", "\xff\n"));
    EXPECT_THAT(file.texts("empty.8"), ElementsAre());
    EXPECT_THAT(file.integers("empty.5"), ElementsAre());
  }
}

TEST(Gguf, KeysKeepTheirOrderAndValuesPointIntoTheFile) {
  const std::string bytes = gguf_file({gguf_pair("z", 8, gguf_text("zz")), gguf_pair("a", 4, u32(7)),
                                       gguf_pair("m", 9, gguf_array(3, 2, "1234"))},
                                      {}, "");
  const GgufFile file = parse_gguf(bytes);
  ASSERT_EQ(file.metadata().size(), 3U);
  EXPECT_EQ(file.metadata()[0].first, "z");
  EXPECT_EQ(file.metadata()[1].first, "a");
  EXPECT_EQ(file.metadata()[2].first, "m");
  EXPECT_EQ(file.text("z").data(), bytes.data() + bytes.find("zz"));
  const GgufValue* array = file.find_value("m");
  ASSERT_NE(array, nullptr);
  EXPECT_EQ(array->type, GgufType::array);
  EXPECT_EQ(array->element_type, GgufType::i16);
  EXPECT_EQ(array->count, 2U);
  EXPECT_EQ(text_of(array->data).data(), bytes.data() + bytes.find("1234"));
  EXPECT_EQ(array->data.size(), 4U);
  EXPECT_EQ(file.find_value("b"), nullptr);
  EXPECT_TRUE(file.has("a"));
  EXPECT_FALSE(file.has("aa"));
}

TEST(Gguf, ArraysOfEveryNumberType) {
  const std::vector<std::pair<std::uint32_t, std::string>> integers = {{0, "\x01\xff"},
                                                                       {1, "\x01\x7f"},
                                                                       {2, little_endian(0xfffe0001, 4)},
                                                                       {3, u32(0x80000001)},
                                                                       {4, u64(0xfffffffe00000001)},
                                                                       {5, u64(0x8000000000000001)},
                                                                       {10, u64(1) + u64(1ULL << 62)},
                                                                       {11, u64(1) + u64(1ULL << 63)}};
  const std::vector<std::int64_t> second = {255,
                                            127,
                                            65'534,
                                            -32'768,
                                            4'294'967'294,
                                            -2'147'483'648,
                                            std::int64_t{1} << 62,
                                            std::numeric_limits<std::int64_t>::min()};
  std::vector<std::string> pairs = {gguf_pair("f32", 9, gguf_array(6, 2, u32(0x3fc00000) + u32(0x7f800000))),
                                    gguf_pair("f64", 9, gguf_array(12, 1, u64(0x3fb999999999999a)))};
  for (const auto& [type, elements] : integers) {
    pairs.push_back(gguf_pair(std::to_string(type), 9, gguf_array(type, 2, elements)));
  }
  const std::string bytes = gguf_file(pairs, {}, "");
  const GgufFile file = parse_gguf(bytes);
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const std::string key = std::to_string(integers[i].first);
    EXPECT_THAT(file.integers(key), ElementsAre(1, second[i]));
    EXPECT_THAT(file.numbers(key), ElementsAre(1.0F, static_cast<float>(second[i])));
  }
  EXPECT_THAT(file.numbers("f32"), ElementsAre(1.5F, std::numeric_limits<float>::infinity()));
  EXPECT_THAT(file.numbers("f64"), ElementsAre(0.1F));  // 0.1 rounds to the nearest f32
}

TEST(Gguf, AbsentKeysTakeTheGivenValue) {
  const std::string bytes = gguf_file(pairs_of_every_type(), {}, "");
  const GgufFile file = parse_gguf(bytes);
  EXPECT_EQ(file.text("string", "none"), "text \xc3\xa9");
  EXPECT_EQ(file.text("no", "none"), "none");
  EXPECT_EQ(file.integer("i8", 5), -2);
  EXPECT_EQ(file.integer("no", 5), 5);
  EXPECT_EQ(file.number("f32", 0.25), 1.5);
  EXPECT_EQ(file.number("no", 0.25), 0.25);
  EXPECT_TRUE(file.flag("bool", false));
  EXPECT_TRUE(file.flag("no", true));
  EXPECT_EQ(error_of([&] { static_cast<void>(file.integer("string", 5)); }),
            "f: key 'string': expected an integer, found string");
}

TEST(GgufErrors, TypedAccess) {
  std::vector<std::string> pairs = pairs_of_every_type();
  pairs.push_back(gguf_pair("big", 9, gguf_array(10, 2, u64(1) + u64(1ULL << 63))));
  pairs.push_back(gguf_pair("wide", 9, gguf_array(12, 1, u64(0x7fefffffffffffff))));
  const std::string bytes = gguf_file(pairs, {}, "");
  const GgufFile file = parse_gguf(bytes);
  const auto line_for = [&](auto&& get, ErrorCode expected = ErrorCode::invalid_data) {
    ErrorCode code{};
    const std::string line = error_of([&] { static_cast<void>(get()); }, &code);
    EXPECT_EQ(code, expected) << line;
    return line;
  };
  const std::string others = std::to_string(pairs.size()) + " other keys";
  EXPECT_EQ(line_for([&] { return file.text("no\n"); }, ErrorCode::not_found),
            "f: key 'no\\x0a': expected to be there, found " + others);
  EXPECT_EQ(line_for([&] { return file.texts("no"); }, ErrorCode::not_found),
            "f: key 'no': expected to be there, found " + others);
  EXPECT_EQ(line_for([&] { return file.text("u32"); }), "f: key 'u32': expected string, found u32");
  EXPECT_EQ(line_for([&] { return file.integer("f32"); }), "f: key 'f32': expected an integer, found f32");
  EXPECT_EQ(line_for([&] { return file.integer("bool"); }), "f: key 'bool': expected an integer, found bool");
  EXPECT_EQ(line_for([&] { return file.integer("u64"); }),
            "f: key 'u64': expected an integer below 2^63, found 18446744073709551614");
  EXPECT_EQ(line_for([&] { return file.number("string"); }),
            "f: key 'string': expected a number, found string");
  EXPECT_EQ(line_for([&] { return file.number("array.6"); }),
            "f: key 'array.6': expected a number, found array of f32");
  EXPECT_EQ(line_for([&] { return file.flag("u8"); }), "f: key 'u8': expected bool, found u8");
  EXPECT_EQ(line_for([&] { return file.texts("string"); }),
            "f: key 'string': expected array of string, found string");
  EXPECT_EQ(line_for([&] { return file.texts("array.array"); }),
            "f: key 'array.array': expected array of string, found array of array");
  EXPECT_EQ(line_for([&] { return file.integers("array.6"); }),
            "f: key 'array.6': expected an array of integers, found array of f32");
  EXPECT_EQ(line_for([&] { return file.integers("i32"); }),
            "f: key 'i32': expected an array of integers, found i32");
  EXPECT_EQ(line_for([&] { return file.integers("big"); }),
            "f: key 'big': expected an integer below 2^63, found 9223372036854775808 as element 1");
  EXPECT_EQ(line_for([&] { return file.numbers("array.7"); }),
            "f: key 'array.7': expected an array of numbers, found array of bool");
  EXPECT_EQ(
      line_for([&] { return file.numbers("wide"); }),
      "f: key 'wide': expected numbers in the range of f32, found 1.7976931348623157e+308 as element 0");
}

/// 256 bytes, each its own index, so that a tensor's first byte tells where its data stands.
std::string counted_data() {
  std::string data(256, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<char>(i);
  }
  return data;
}

int first_byte(const GgufTensor& tensor) {
  return std::to_integer<int>(tensor.data.front());
}

TEST(Gguf, ReadsTensorsInAnyOrderWithGapsAndBytesBehind) {
  const std::string bytes =
      gguf_file({},
                {gguf_tensor("late", {3, 2}, 1, 192), gguf_tensor("scalar", {}, 0, 0),
                 gguf_tensor("blocks", {32, 2, 1, 1}, 8, 64), gguf_tensor("empty", {32, 0}, 2, 256)},
                counted_data());
  const GgufFile file = parse_gguf(bytes);
  ASSERT_EQ(file.tensors().size(), 4U);
  EXPECT_EQ(file.tensors()[0].name, "late");
  EXPECT_EQ(file.tensors()[3].name, "empty");
  EXPECT_EQ(file.at("late").dtype, DType::f16);
  EXPECT_EQ(file.at("late").shape, (Shape64{2, 3}));
  EXPECT_EQ(file.at("late").data.size(), 12U);
  EXPECT_EQ(first_byte(file.at("late")), 192);
  EXPECT_EQ(file.at("scalar").shape, Shape64{});
  EXPECT_EQ(file.at("scalar").data.size(), 4U);
  EXPECT_EQ(first_byte(file.at("scalar")), 0);
  EXPECT_EQ(file.at("blocks").dtype, DType::int8);
  EXPECT_EQ(file.at("blocks").shape, (Shape64{1, 1, 2, 32}));
  EXPECT_EQ(file.at("blocks").data.size(), 68U);
  EXPECT_EQ(first_byte(file.at("blocks")), 64);
  EXPECT_EQ(file.at("empty").shape, (Shape64{0, 32}));
  EXPECT_TRUE(file.at("empty").data.empty());
  EXPECT_EQ(file.find("none"), nullptr);
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { static_cast<void>(file.at("none")); }, &code),
            "f: tensor 'none': expected to be there, found 4 other tensors");
  EXPECT_EQ(code, ErrorCode::not_found);
}

TEST(Gguf, EveryTensorTypeHasTheBytesOfItsBlocks) {
  const std::vector<std::pair<std::uint32_t, std::size_t>> bytes_of_256 = {
      {0, 1024}, {1, 512},  {2, 144},  {3, 160},  {6, 176},   {7, 192},   {8, 272},   {12, 144},
      {13, 176}, {14, 210}, {24, 256}, {25, 512}, {26, 1024}, {27, 2048}, {28, 2048}, {30, 512}};
  for (const auto& [type, size] : bytes_of_256) {
    const std::string bytes = gguf_file({}, {gguf_tensor("t", {256}, type, 0)}, std::string(size, 'd'));
    EXPECT_EQ(parse_gguf(bytes).at("t").data.size(), size) << type;
    EXPECT_NE(error_of([&] { parse_gguf(bytes.substr(0, bytes.size() - 1)); }), "") << type;
  }
}

TEST(Gguf, AlignmentComesFromItsKey) {
  for (const std::size_t alignment : {8, 24, 64, 4096}) {
    const std::string bytes =
        gguf_file({gguf_pair("general.alignment", 4, u32(alignment))}, {gguf_tensor("t", {1}, 24, alignment)},
                  std::string(alignment, '-') + "t", alignment);
    const GgufFile file = parse_gguf(bytes);
    EXPECT_EQ(file.alignment(), alignment);
    EXPECT_EQ(text_of(file.at("t").data), "t");
  }
}

TEST(Gguf, LongestKeyAndName) {
  const std::string key(65'535, 'k');
  const std::string name(64, 'n');
  const std::string bytes = gguf_file({gguf_pair(key, 0, "\7")}, {gguf_tensor(name, {1}, 24, 0)}, "t");
  const GgufFile file = parse_gguf(bytes);
  EXPECT_EQ(file.integer(key), 7);
  EXPECT_EQ(text_of(file.at(name).data), "t");
}

TEST(Gguf, NoPairsAndNoTensorsIsAFile) {
  const std::string bytes = gguf_header(0, 0);
  EXPECT_TRUE(parse_gguf(bytes).tensors().empty());
  EXPECT_TRUE(parse_gguf(bytes).metadata().empty());
}

TEST(Gguf, ManyTexts) {
  constexpr std::size_t kTexts = 150'000;
  std::string elements;
  for (std::size_t i = 0; i < kTexts; ++i) {
    elements += gguf_text("token " + std::to_string(i));
  }
  const std::string bytes = gguf_file({gguf_pair("tokens", 9, gguf_array(8, kTexts, elements))}, {}, "");
  const std::vector<std::string_view> texts = parse_gguf(bytes).texts("tokens");
  ASSERT_EQ(texts.size(), kTexts);
  EXPECT_EQ(texts.front(), "token 0");
  EXPECT_EQ(texts.back(), "token 149999");
}

TEST(Gguf, OpensAFileAndCanBeMoved) {
  const ScratchFolder folder;
  write_raw(folder / "file",
            gguf_file({gguf_pair("k", 8, gguf_text("v"))}, {gguf_tensor("t", {1}, 24, 0)}, "t"));
  GgufFile opened = GgufFile::open(folder / "file");
  const GgufFile file = std::move(opened);
  EXPECT_EQ(file.path(), folder / "file");
  EXPECT_EQ(file.text("k"), "v");
  EXPECT_EQ(text_of(file.at("t").data), "t");
  write_raw(folder / "empty", "");
  EXPECT_EQ(
      error_of([&] { GgufFile::open(folder / "empty"); }),
      (folder / "empty").string() + ": header: magic: expected 4 bytes, found the end of the file after 0");
  EXPECT_EQ(error_of([&] { GgufFile::open(folder / "none"); }),
            (folder / "none").string() + ": cannot open: No such file or directory");
}

TEST(GgufGolden, Stories260K) {
  REPRISE_NEEDS_DATA("stories260K/stories260K-f32.gguf");
  const GgufFile file =
      GgufFile::open(reprise::testing::external_data() / "stories260K/stories260K-f32.gguf");
  EXPECT_EQ(file.version(), 3U);
  ASSERT_EQ(file.metadata().size(), 18U);
  EXPECT_EQ(file.metadata().front().first, "general.architecture");
  EXPECT_EQ(file.metadata().back().first, "tokenizer.ggml.unknown_token_id");
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.integer("llama.embedding_length"), 64);
  EXPECT_EQ(file.integer("llama.attention.head_count_kv"), 4);
  EXPECT_EQ(static_cast<float>(file.number("llama.attention.layer_norm_rms_epsilon")), 1e-5F);
  const auto tokens = file.texts("tokenizer.ggml.tokens");
  ASSERT_EQ(tokens.size(), 512U);
  EXPECT_EQ(tokens[0], "<unk>");
  EXPECT_EQ(tokens[3], "<0x00>");
  EXPECT_EQ(file.numbers("tokenizer.ggml.scores").size(), 512U);
  EXPECT_EQ(file.integers("tokenizer.ggml.token_type")[1], 3);
  ASSERT_EQ(file.tensors().size(), 47U);
  EXPECT_EQ(file.tensors().front().name, "token_embd.weight");
  const GgufTensor& down = file.at("blk.4.ffn_down.weight");
  EXPECT_EQ(down.dtype, DType::f32);
  EXPECT_EQ(down.shape, (Shape64{64, 172}));
  EXPECT_EQ(down.data.data() - file.bytes().data(), 14'048 + 952'064);
}

TEST(GgufGolden, SyntheticQwen3) {
  REPRISE_NEEDS_DATA("qwen3-synthetic/qwen3-synthetic-f32.gguf");
  const GgufFile file =
      GgufFile::open(reprise::testing::external_data() / "qwen3-synthetic/qwen3-synthetic-f32.gguf");
  ASSERT_EQ(file.metadata().size(), 20U);
  EXPECT_EQ(file.text("general.architecture"), "qwen3");
  EXPECT_EQ(file.number("qwen3.rope.freq_base"), 1e6);
  EXPECT_FALSE(file.flag("tokenizer.ggml.add_bos_token"));
  EXPECT_THAT(file.texts("tokenizer.ggml.merges"), ElementsAre("t h", "th e", "i n", "a n", "e r"));
  ASSERT_EQ(file.tensors().size(), 35U);
  EXPECT_EQ(file.at("token_embd.weight").shape, (Shape64{300, 64}));
  EXPECT_EQ(file.at("blk.0.attn_q.weight").shape, (Shape64{128, 64}));
  const GgufTensor& last = file.at("blk.2.ffn_down.weight");
  EXPECT_EQ(last.data.data() + last.data.size(), file.bytes().data() + file.bytes().size());
}

}  // namespace
}  // namespace reprise::engine
