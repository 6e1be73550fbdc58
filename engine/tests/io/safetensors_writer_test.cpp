#include <gmock/gmock.h>

#include "engine/core/digest.h"
#include "engine/io/safetensors.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

using Shape64 = std::vector<std::int64_t>;

TEST(SafetensorsWriter, BytesOfATinyFile) {
  SafetensorsWriter writer;
  writer.set_metadata("k", "v");
  writer.add("a", DType::u8, {1}, bytes_of("A"));
  writer.add("b", DType::i16, {2, 1}, bytes_of("BbBb"));
  const std::string header =
      R"({"__metadata__":{"k":"v"},"b":{"dtype":"I16","shape":[2,1],"data_offsets":[0,4]},)"
      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}})";
  ASSERT_EQ(header.size(), 133U);
  EXPECT_EQ(text_of(writer.to_bytes()), std::string("\x88\0\0\0\0\0\0\0", 8) + header + "   " + "BbBbA");
}

TEST(SafetensorsWriter, EmptyFileIsValid) {
  const std::vector<std::byte> bytes = SafetensorsWriter().to_bytes();
  EXPECT_EQ(text_of(bytes), std::string("\x08\0\0\0\0\0\0\0", 8) + "{}      ");
  EXPECT_TRUE(SafetensorsFile::parse(bytes, "f").tensors().empty());
}

/// One tensor of each type, the narrowest first, so that only reordering can align them.
struct AllTypes {
  std::vector<std::string> data;
  SafetensorsWriter writer;

  AllTypes() {
    const std::vector<std::string_view> names = {"BOOL", "U8",  "I8",  "BF16", "F16", "U16", "I16",
                                                 "F32",  "U32", "I32", "F64",  "U64", "I64"};
    for (const std::string_view name : names) {
      data.emplace_back(3 * size_of(*safetensors_dtype_named(name)), static_cast<char>('a' + data.size()));
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      writer.add(std::string(names[i]), *safetensors_dtype_named(names[i]), {3, 1}, bytes_of(data[i]));
    }
  }
};

TEST(SafetensorsWriter, RoundTripOfEveryType) {
  AllTypes all;
  all.writer.add("scalar", DType::i8, {}, bytes_of("s"));
  all.writer.add("empty", DType::f32, {4, 0}, {});
  const std::vector<std::byte> bytes = all.writer.to_bytes();
  EXPECT_EQ(all.writer.size_bytes(), bytes.size());
  const SafetensorsFile file = SafetensorsFile::parse(bytes, "f");
  ASSERT_EQ(file.tensors().size(), 15U);
  EXPECT_EQ(file.data_begin() % 8, 0U);
  std::size_t i = 0;
  for (const std::string name :
       {"BOOL", "U8", "I8", "BF16", "F16", "U16", "I16", "F32", "U32", "I32", "F64", "U64", "I64"}) {
    const SafetensorsTensor& tensor = file.at(name);
    EXPECT_EQ(safetensors_name_of(tensor.dtype), name);
    EXPECT_EQ(tensor.shape, (Shape64{3, 1}));
    EXPECT_EQ(text_of(tensor.data), all.data[i++]);
    const auto offset = static_cast<std::size_t>(tensor.data.data() - bytes.data());
    EXPECT_EQ(offset % size_of(tensor.dtype), 0U) << name;
  }
  EXPECT_EQ(file.at("scalar").shape, Shape64{});
  EXPECT_EQ(text_of(file.at("scalar").data), "s");
  EXPECT_EQ(file.at("empty").shape, (Shape64{4, 0}));
}

TEST(SafetensorsWriter, NamesAndMetadataHoldAnyText) {
  SafetensorsWriter writer;
  const std::string odd = "q\"\\\n\té\xf0\x9f\x98\x80";
  writer.set_metadata(odd, odd + "1");
  writer.set_metadata(odd, odd + "2");
  writer.set_metadata("", "");
  writer.add(odd, DType::u8, {1}, bytes_of("x"));
  writer.add("", DType::u8, {1}, bytes_of("y"));
  const std::vector<std::byte> bytes = writer.to_bytes();
  const SafetensorsFile file = SafetensorsFile::parse(bytes, "f");
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"", ""}, {odd, odd + "2"}}));
  EXPECT_EQ(text_of(file.at(odd).data), "x");
  EXPECT_EQ(text_of(file.at("").data), "y");
}

TEST(SafetensorsWriter, FileHasTheSameBytesAsMemory) {
  const ScratchFolder folder;
  AllTypes all;
  const std::string large(3'000'000, 'L');
  all.writer.add("large", DType::u8, {3'000'000}, bytes_of(large));
  all.writer.set_trailer_digest("digest");
  all.writer.write(folder / "file");
  const SafetensorsFile file = SafetensorsFile::open(folder / "file");
  EXPECT_TRUE(text_of(file.bytes()) == text_of(all.writer.to_bytes()));
  EXPECT_EQ(file.path(), folder / "file");
  EXPECT_THAT(folder.names(), testing::ElementsAre("file"));
  SafetensorsFile moved = SafetensorsFile::open(folder / "file");
  const SafetensorsFile target = std::move(moved);
  EXPECT_TRUE(text_of(target.at("large").data) == large);
}

TEST(SafetensorsWriter, TrailerIsTheDigestOfEverythingBeforeIt) {
  AllTypes all;
  all.writer.set_trailer_digest("digest");
  all.writer.add("after", DType::u8, {1}, bytes_of("z"));  // the order of the calls does not matter
  const std::vector<std::byte> bytes = all.writer.to_bytes();
  EXPECT_EQ(all.writer.size_bytes(), bytes.size());
  const SafetensorsFile file = SafetensorsFile::parse(bytes, "f");
  const SafetensorsTensor& last = file.tensors().back();
  EXPECT_EQ(last.name, "digest");
  EXPECT_EQ(last.dtype, DType::u8);
  EXPECT_EQ(last.shape, Shape64{32});
  const Sha256Digest expected = sha256(std::span(bytes).first(bytes.size() - 32));
  EXPECT_TRUE(std::ranges::equal(last.data, expected));
}

TEST(SafetensorsWriter, RefusesNamesWithOneLine) {
  SafetensorsWriter writer;
  writer.add("a", DType::u8, {1}, bytes_of("A"));
  writer.set_trailer_digest("digest");
  const auto line_for = [&](const std::string& name) {
    ErrorCode code{};
    const std::string line = error_of([&] { writer.add(name, DType::u8, {1}, bytes_of("A")); }, &code);
    EXPECT_EQ(code, ErrorCode::invalid_argument);
    return line;
  };
  EXPECT_EQ(line_for("a"), "safetensors: tensor 'a': expected to be added once, found a second");
  EXPECT_EQ(line_for("digest"), "safetensors: tensor 'digest': expected to be added once, found a second");
  EXPECT_EQ(line_for("__metadata__"),
            "safetensors: tensor '__metadata__': expected a name, found the format's own key");
  EXPECT_EQ(line_for("\xff"), "safetensors: '\\xff': expected UTF-8, found other bytes");
  EXPECT_EQ(error_of([&] { writer.set_metadata("k", "\xc3"); }),
            "safetensors: '\\xc3': expected UTF-8, found other bytes");
  EXPECT_EQ(error_of([&] { writer.add("r", DType::u8, Shape64(9, 1), bytes_of("A")); }),
            "safetensors: tensor 'r': shape: expected at most 8 extents, found 9");
  EXPECT_EQ(SafetensorsFile::parse(writer.to_bytes(), "f").tensors().size(), 2U);  // refused, not half added
}

TEST(SafetensorsWriterDeathTest, BytesMustFitTheShape) {
  SafetensorsWriter writer;
  EXPECT_DEATH(writer.add("a", DType::f32, {2}, bytes_of("1234567")), "check failed: .*data.size\\(\\)");
  EXPECT_DEATH(writer.add("a", DType::f32, {-1}, {}), "check failed: extent >= 0");
}

}  // namespace
}  // namespace reprise::engine
