#include <gmock/gmock.h>

#include <algorithm>
#include <bit>

#include "engine/io/gguf.h"
#include "engine/tests/io/gguf_test_support.h"
#include "engine/tests/support/data.h"

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;

TEST(GgufWriter, BytesOfATinyFile) {
  GgufWriter writer;
  writer.set_text("k", "v");
  writer.add("a", DType::i8, {3}, bytes_of("AAA"));
  writer.add("b", DType::i16, {2, 1}, bytes_of("BbBb"));
  const std::string expected = gguf_file({gguf_pair("k", 8, gguf_text("v"))},
                                         {gguf_tensor("a", {3}, 24, 0), gguf_tensor("b", {1, 2}, 25, 32)},
                                         "AAA" + std::string(29, '\0') + "BbBb" + std::string(28, '\0'));
  EXPECT_EQ(text_of(writer.to_bytes()), expected);
  EXPECT_EQ(writer.size_bytes(), expected.size());
}

TEST(GgufWriter, EmptyFileIsValid) {
  const std::vector<std::byte> bytes = GgufWriter().to_bytes();
  EXPECT_EQ(text_of(bytes), gguf_header(0, 0) + std::string(8, '\0'));
  EXPECT_TRUE(GgufFile::parse(bytes, "f").tensors().empty());
}

TEST(GgufWriter, EverySetter) {
  GgufWriter writer;
  const std::vector<std::string> texts = {"a", "", "\xc3\xa9"};
  const std::vector<std::int32_t> i32s = {-1, 2};
  const std::vector<float> f32s = {0.1F, -2};
  writer.set_text("text", "");
  writer.set_u32("u32", 0xffffffff);
  writer.set_u64("u64", 1ULL << 40);
  writer.set_f32("f32", 0.1F);
  writer.set_flag("yes", true);
  writer.set_flag("no", false);
  writer.set_texts("texts", texts);
  writer.set_i32s("i32s", i32s);
  writer.set_f32s("f32s", f32s);
  writer.set_texts("none", {});
  const std::string expected = gguf_file(
      {gguf_pair("text", 8, gguf_text("")), gguf_pair("u32", 4, u32(0xffffffff)),
       gguf_pair("u64", 10, u64(1ULL << 40)), gguf_pair("f32", 6, u32(std::bit_cast<std::uint32_t>(0.1F))),
       gguf_pair("yes", 7, "\1"), gguf_pair("no", 7, std::string(1, '\0')),
       gguf_pair("texts", 9, gguf_array(8, 3, gguf_text("a") + gguf_text("") + gguf_text("\xc3\xa9"))),
       gguf_pair("i32s", 9, gguf_array(5, 2, u32(0xffffffff) + u32(2))),
       gguf_pair("f32s", 9, gguf_array(6, 2, u32(std::bit_cast<std::uint32_t>(0.1F)) + u32(0xc0000000))),
       gguf_pair("none", 9, gguf_array(8, 0, ""))},
      {}, "");
  EXPECT_EQ(text_of(writer.to_bytes()), expected);
}

/// The values and tensors of `file` written anew.
GgufWriter rewritten(const GgufFile& file) {
  GgufWriter writer;
  for (const auto& [key, value] : file.metadata()) {
    writer.set(key, value);
  }
  for (const GgufTensor& tensor : file.tensors()) {
    writer.add(tensor.name, tensor.dtype, tensor.shape, tensor.data);
  }
  return writer;
}

TEST(GgufWriter, ValuesOfEveryTypeComeBack) {
  const std::string original = gguf_file(pairs_of_every_type(), {}, "");
  const std::vector<std::byte> bytes = rewritten(parse_gguf(original)).to_bytes();
  EXPECT_EQ(text_of(bytes), original);
  const GgufFile file = GgufFile::parse(bytes, "f");
  EXPECT_EQ(file.metadata().size(), pairs_of_every_type().size());
}

TEST(GgufWriter, TensorsOfEveryTypeComeBack) {
  GgufWriter writer;
  std::vector<std::string> data;
  std::vector<DType> dtypes;
  for (std::uint32_t type = 0; type <= 30; ++type) {
    if (const auto dtype = dtype_of_ggml_type(type)) {
      dtypes.push_back(*dtype);
      data.emplace_back(bytes_of(*dtype, 768), static_cast<char>('a' + data.size()));
    }
  }
  for (std::size_t i = 0; i < dtypes.size(); ++i) {
    writer.add(std::string(name_of(dtypes[i])), dtypes[i], {3, 1, 256}, bytes_of(data[i]));
  }
  writer.add("scalar", DType::i8, {}, bytes_of("s"));
  writer.add("empty", DType::int8, {0, 32}, std::span<const std::byte>());
  const std::vector<std::byte> bytes = writer.to_bytes();
  EXPECT_EQ(writer.size_bytes(), bytes.size());
  const GgufFile file = GgufFile::parse(bytes, "f");
  ASSERT_EQ(file.tensors().size(), dtypes.size() + 2);
  for (std::size_t i = 0; i < dtypes.size(); ++i) {
    const GgufTensor& tensor = file.tensors()[i];
    EXPECT_EQ(tensor.name, name_of(dtypes[i]));
    EXPECT_EQ(tensor.dtype, dtypes[i]);
    EXPECT_EQ(tensor.shape, (std::vector<std::int64_t>{3, 1, 256}));
    EXPECT_EQ(text_of(tensor.data), data[i]);
    EXPECT_EQ((tensor.data.data() - bytes.data()) % 32, 0) << tensor.name;
  }
  EXPECT_EQ(text_of(file.at("scalar").data), "s");
  EXPECT_EQ(file.at("empty").shape, (std::vector<std::int64_t>{0, 32}));
}

TEST(GgufWriter, AlignmentKeyRulesTheFileWhereverItIsSet) {
  for (const std::uint32_t alignment : {8U, 24U, 128U}) {
    GgufWriter writer;
    writer.add("a", DType::i8, {1}, bytes_of("A"));
    writer.add("b", DType::i8, {9}, bytes_of("BBBBBBBBB"));
    writer.set_u32("general.alignment", alignment);
    const std::vector<std::byte> bytes = writer.to_bytes();
    EXPECT_EQ(writer.size_bytes(), bytes.size());
    EXPECT_EQ(bytes.size() % alignment, 0U);
    const GgufFile file = GgufFile::parse(bytes, "f");
    EXPECT_EQ(file.alignment(), alignment);
    EXPECT_EQ(file.at("b").data.data() - file.at("a").data.data(), alignment);
    EXPECT_EQ(text_of(file.at("b").data), "BBBBBBBBB");
  }
}

TEST(GgufWriter, TensorsCanBeMadeWhenTheyAreWritten) {
  GgufWriter writer;
  std::vector<std::size_t> sizes;
  const auto fill = [&](std::span<std::byte> out) {
    sizes.push_back(out.size());
    std::ranges::fill(out, std::byte{static_cast<unsigned char>('0' + out.size())});
  };
  writer.add("a", DType::f32, {2}, fill);
  writer.add("plain", DType::i8, {1}, bytes_of("P"));
  writer.add("b", DType::i8, {3}, fill);
  EXPECT_TRUE(sizes.empty());
  const std::vector<std::byte> bytes = writer.to_bytes();
  EXPECT_THAT(sizes, ElementsAre(8U, 3U));
  const GgufFile file = GgufFile::parse(bytes, "f");
  EXPECT_EQ(text_of(file.at("a").data), "88888888");
  EXPECT_EQ(text_of(file.at("plain").data), "P");
  EXPECT_EQ(text_of(file.at("b").data), "333");
  EXPECT_EQ(writer.to_bytes(), bytes);  // and again
}

TEST(GgufWriter, WhatAFillLeavesAloneIsZero) {
  GgufWriter writer;
  writer.add("full", DType::i8, {4},
             [](std::span<std::byte> out) { std::ranges::fill(out, std::byte{'x'}); });
  writer.add("half", DType::i8, {4}, [](std::span<std::byte> out) { out.front() = std::byte{'y'}; });
  const std::vector<std::byte> bytes = writer.to_bytes();
  EXPECT_EQ(text_of(GgufFile::parse(bytes, "f").at("half").data), std::string("y\0\0\0", 4));
}

TEST(GgufWriter, FileHasTheSameBytesAsMemory) {
  const ScratchFolder folder;
  GgufWriter writer;
  const std::string large(3'000'001, 'L');
  writer.set_text("k", "v");
  writer.add("large", DType::i8, {3'000'001}, bytes_of(large));
  writer.write(folder / "file");
  const GgufFile file = GgufFile::open(folder / "file");
  EXPECT_TRUE(text_of(file.bytes()) == text_of(writer.to_bytes()));
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(GgufWriter, FailingFillLeavesTheOldFile) {
  const ScratchFolder folder;
  write_raw(folder / "file", "old");
  GgufWriter writer;
  writer.add("t", DType::i8, {1}, [](std::span<std::byte>) { fail(ErrorCode::invalid_data, "cannot"); });
  EXPECT_EQ(error_of([&] { writer.write(folder / "file"); }), "cannot");
  EXPECT_EQ(read_raw(folder / "file"), "old");
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(GgufWriter, RefusesKeysWithOneLine) {
  GgufWriter writer;
  writer.set_u32("a", 1);
  const auto line_for = [&](const std::string& key) {
    ErrorCode code{};
    const std::string line = error_of([&] { writer.set_u64(key, 1); }, &code);
    EXPECT_EQ(code, ErrorCode::invalid_argument);
    return line;
  };
  EXPECT_EQ(line_for("a"), "gguf: key 'a': expected to be added once, found a second");
  EXPECT_EQ(line_for(""), "gguf: key '': expected 1 to 65535 bytes, found 0");
  EXPECT_EQ(line_for("\xff"), "gguf: key '\\xff': expected UTF-8, found other bytes");
  EXPECT_THAT(line_for(std::string(65'536, 'k')),
              ::testing::EndsWith("expected 1 to 65535 bytes, found 65536"));
  EXPECT_EQ(
      line_for("general.alignment"),
      "gguf: key 'general.alignment': expected a u32 that is a multiple of 8 up to 16777216, found u64");
  for (const std::uint32_t alignment : {0U, 4U, 12U, 1U << 25}) {
    EXPECT_EQ(error_of([&] { writer.set_u32("general.alignment", alignment); }),
              "gguf: key 'general.alignment': expected a u32 that is a multiple of 8 up to 16777216, found " +
                  std::to_string(alignment));
  }
  writer.set_u32("general.alignment", 8);
  EXPECT_EQ(error_of([&] { writer.set_u32("general.alignment", 16); }),
            "gguf: key 'general.alignment': expected to be added once, found a second");
  writer.set_u32(std::string(65'535, 'k'), 1);
  const std::vector<std::byte> bytes = writer.to_bytes();
  const GgufFile file = GgufFile::parse(bytes, "f");  // refused, not half added
  EXPECT_EQ(file.metadata().size(), 3U);
  EXPECT_EQ(file.alignment(), 8U);
}

TEST(GgufWriter, RefusesTensorsWithOneLine) {
  GgufWriter writer;
  writer.add("a", DType::i8, {1}, bytes_of("A"));
  const auto line_for = [&](const std::string& name) {
    ErrorCode code{};
    const std::string line = error_of([&] { writer.add(name, DType::i8, {1}, bytes_of("A")); }, &code);
    EXPECT_EQ(code, ErrorCode::invalid_argument);
    return line;
  };
  EXPECT_EQ(line_for("a"), "gguf: tensor 'a': expected to be added once, found a second");
  EXPECT_EQ(line_for(""), "gguf: tensor '': expected 1 to 63 bytes, found 0");
  EXPECT_THAT(line_for(std::string(64, 'n')), ::testing::EndsWith("': expected 1 to 63 bytes, found 64"));
  EXPECT_EQ(line_for("\xed\xa0\x80"), "gguf: tensor '\\xed\\xa0\\x80': expected UTF-8, found other bytes");
  EXPECT_EQ(error_of([&] {
              writer.add("r", DType::i8, {1, 1, 1, 1, 1}, bytes_of("A"));
            }),
            "gguf: tensor 'r': shape: expected at most 4 extents, found 5");
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { writer.add("u", DType::u8, {1}, bytes_of("A")); }, &code),
            "gguf: tensor 'u': type: expected one that ggml has, found u8");
  EXPECT_EQ(code, ErrorCode::unsupported);
  writer.add(std::string(63, 'n'), DType::i8, {1}, bytes_of("A"));
  EXPECT_EQ(GgufFile::parse(writer.to_bytes(), "f").tensors().size(), 2U);  // refused, not half added
}

TEST(GgufWriterDeathTest, BytesMustFitTheShape) {
  GgufWriter writer;
  EXPECT_DEATH(writer.add("a", DType::f32, {2}, bytes_of("1234567")), "check failed: .*data.size\\(\\)");
  EXPECT_DEATH(writer.add("a", DType::f32, {-1}, bytes_of("")), "check failed: extent >= 0");
  EXPECT_DEATH(writer.add("a", DType::int8, {2, 16}, std::span<const std::byte>()),
               "check failed: .*block_extent");
  EXPECT_DEATH(writer.add("a", DType::f64, {std::int64_t{1} << 61}, std::span<const std::byte>()),
               "check failed: size.has_value");
  EXPECT_DEATH(writer.set("k", {GgufType::u32, GgufType::u32, 1, bytes_of("123")}),
               "check failed: .*size_of");
  EXPECT_DEATH(writer.set("k", {GgufType::array, GgufType::u32, 2, bytes_of("1234")}),
               "check failed: .*count");
}

TEST(GgufWriterGolden, RealFilesWrittenAnewAreTheSameBytes) {
  for (const char* name : {"stories260K/stories260K-f32.gguf", "qwen3-synthetic/qwen3-synthetic-f32.gguf"}) {
    REPRISE_NEEDS_DATA(name);
    const GgufFile file = GgufFile::open(reprise::testing::external_data() / name);
    EXPECT_TRUE(text_of(rewritten(file).to_bytes()) == text_of(file.bytes())) << name;
  }
}

}  // namespace
}  // namespace reprise::engine
