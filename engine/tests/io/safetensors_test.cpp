#include "engine/io/safetensors.h"

#include <gmock/gmock.h>

#include <limits>
#include <random>

#include "engine/core/digest.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

std::string length_field(std::uint64_t length) {
  std::string field;
  for (int i = 0; i < 8; ++i) {
    field += static_cast<char>(length >> (8 * i) & 0xff);
  }
  return field;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return length_field(header.size()) + header + std::string(data_bytes, 'd');
}

SafetensorsFile parse(const std::string& file) {
  return SafetensorsFile::parse(bytes_of(file), "f");
}

TEST(Safetensors, NamesOfAllTypes) {
  for (const std::string name :
       {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}) {
    const auto dtype = safetensors_dtype_named(name);
    ASSERT_TRUE(dtype) << name;
    EXPECT_EQ(safetensors_name_of(*dtype), name);
  }
  EXPECT_FALSE(safetensors_dtype_named("f32"));
  EXPECT_FALSE(safetensors_dtype_named("F8_E4M3"));
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirBytes) {
  const std::string file = file_of(
      R"({"late":{"dtype":"I16","shape":[2,2],"data_offsets":[4,12]},"__metadata__":{"k":"v","l":""},)"
      R"("empty":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]},)"
      R"("scalar":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}}   )",
      12);
  const SafetensorsFile parsed = parse(file);
  ASSERT_EQ(parsed.tensors().size(), 3U);
  EXPECT_EQ(parsed.tensors()[0].name, "scalar");
  EXPECT_EQ(parsed.tensors()[1].name, "empty");
  EXPECT_EQ(parsed.tensors()[2].name, "late");
  EXPECT_TRUE(parsed.at("scalar").shape.empty());
  EXPECT_EQ(parsed.at("scalar").data.size(), 4U);
  EXPECT_EQ(parsed.at("empty").data.size(), 0U);
  EXPECT_EQ(parsed.at("late").dtype, DType::i16);
  EXPECT_EQ(parsed.at("late").shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(parsed.at("late").data.data(), bytes_of(file).data() + parsed.data_begin() + 4);
  EXPECT_EQ(parsed.metadata(), (std::map<std::string, std::string>{{"k", "v"}, {"l", ""}}));
  EXPECT_EQ(parsed.bytes().size(), file.size());
  EXPECT_EQ(parsed.data_begin(), file.size() - 12);
}

TEST(Safetensors, NoTensorsIsAFile) {
  EXPECT_TRUE(parse(file_of("{}", 0)).tensors().empty());
}

TEST(Safetensors, MissingTensorNamesFileAndTensor) {
  const std::string file = file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1);
  const SafetensorsFile parsed = parse(file);
  EXPECT_EQ(parsed.find("b"), nullptr);
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { static_cast<void>(parsed.at("b")); }, &code),
            "f: tensor 'b': expected to be there, found 1 other tensors");
  EXPECT_EQ(code, ErrorCode::not_found);
}

TEST(Safetensors, OddHeaderLengthLeavesDataUnalignedAndSaysSo) {
  const std::string header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  for (std::size_t padding = 0; padding < 8; ++padding) {
    const std::string file = file_of(header + std::string(padding, ' '), 4);
    const SafetensorsTensor tensor = parse(file).at("a");
    EXPECT_TRUE(tensor.aligned_to(1));
    EXPECT_EQ(tensor.aligned_to(4), reinterpret_cast<std::uintptr_t>(file.data() + file.size()) % 4 == 0);
  }
}

/// A header that breaks one rule, the bytes of data behind it, and the line that must come.
struct BadHeader {
  std::string header;
  std::size_t data_bytes;
  std::string line;
};

void expect_refused(const std::vector<BadHeader>& cases) {
  for (const BadHeader& bad : cases) {
    ErrorCode code{};
    EXPECT_EQ(error_of([&] { parse(file_of(bad.header, bad.data_bytes)); }, &code), "f: " + bad.line)
        << bad.header;
    EXPECT_EQ(code, ErrorCode::invalid_data) << bad.header;
  }
}

TEST(SafetensorsErrors, LengthField) {
  const auto line_for = [](const std::string& file) { return error_of([&] { parse(file); }); };
  EXPECT_EQ(line_for(""), "f: header length: expected 8 bytes, found a file of 0");
  EXPECT_EQ(line_for("1234567"), "f: header length: expected 8 bytes, found a file of 7");
  EXPECT_EQ(line_for(length_field(0) + "{}"), "f: header length: expected 1 to 100000000, found 0");
  EXPECT_EQ(line_for(length_field(100'000'001) + "{}"),
            "f: header length: expected 1 to 100000000, found 100000001");
  EXPECT_EQ(line_for(length_field(~std::uint64_t{0}) + "{}"),
            "f: header length: expected 1 to 100000000, found 18446744073709551615");
  EXPECT_EQ(line_for(length_field(3) + "{}"),
            "f: header length: expected at most the 2 bytes that follow, found 3");
}

TEST(SafetensorsErrors, HeaderThatIsNotAnObject) {
  const std::string depth_bomb = R"({"a":)" + std::string(2'000'000, '[');
  const std::string object_bomb = [] {
    std::string text;
    for (int i = 0; i < 500'000; ++i) {
      text += R"({"a":)";
    }
    return text;
  }();
  expect_refused({
      {"[]", 0, "header: expected an object beginning with '{', found '['"},
      {" {}", 0, "header: expected an object beginning with '{', found ' '"},
      {"\n", 0, "header: expected an object beginning with '{', found '\\x0a'"},
      {"{", 0, "header: expected JSON, found a syntax error at byte 2, near '{'"},
      {"{]", 0, "header: expected JSON, found a syntax error at byte 2, near '{]'"},
      {"{}}", 0, "header: expected JSON, found a syntax error at byte 3, near '{}}'"},
      {"{\"\xff\":1}", 0, "header: expected JSON, found a syntax error at byte 3, near '\"\\xff'"},
      {std::string("{}\0\0", 4), 0, "header: expected JSON, found a zero byte at byte 2"},
      {depth_bomb, 0, "tensor 'a': expected an object, found an array"},
      {object_bomb, 0, "tensor 'a': expected the keys dtype, shape and data_offsets, found 'a'"},
  });
}

TEST(SafetensorsErrors, DuplicateKeys) {
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  expect_refused({
      {"{" + a + "," + a + "}", 1, "tensor 'a': expected to stand once, found a second"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "__metadata__: expected to stand once, found a second"},
      {R"({"__metadata__":{"k":"1","k":"1"}})", 0,
       "__metadata__: 'k': expected to stand once, found a second"},
      {R"({"a":{"dtype":"U8","dtype":"U8"}})", 0,
       "tensor 'a': dtype: expected to stand once, found a second"},
      {R"({"a":{"shape":[1],"shape":[1]}})", 0, "tensor 'a': shape: expected to stand once, found a second"},
  });
}

TEST(SafetensorsErrors, Metadata) {
  expect_refused({
      {R"({"__metadata__":[]})", 0, "__metadata__: expected an object, found an array"},
      {R"({"__metadata__":null})", 0, "__metadata__: expected an object, found null"},
      {R"({"__metadata__":{"k":1}})", 0, "__metadata__: 'k': expected a string, found 1"},
      {R"({"__metadata__":{"k":{}}})", 0, "__metadata__: 'k': expected a string, found an object"},
      {R"({"__metadata__":{"k":["v"]}})", 0, "__metadata__: 'k': expected a string, found an array"},
  });
}

TEST(SafetensorsErrors, KeysAndTypesOfAnEntry) {
  const std::string types = "expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL";
  const std::string keys = "expected the keys dtype, shape and data_offsets";
  const std::string extents = "expected integers from 0 to 2^63 - 1";
  const std::string offsets = "expected two integers from 0 to 2^64 - 1";
  expect_refused({
      {R"({"a":1})", 0, "tensor 'a': expected an object, found 1"},
      {R"({"a\nb":"x"})", 0, "tensor 'a\\x0ab': expected an object, found the string 'x'"},
      {R"({"a":{}})", 0, "tensor 'a': " + keys + ", found no dtype"},
      {R"({"a":{"dtype":"U8","data_offsets":[0,0]}})", 0, "tensor 'a': " + keys + ", found no shape"},
      {R"({"a":{"dtype":"U8","shape":[0]}})", 0, "tensor 'a': " + keys + ", found no data_offsets"},
      {R"({"a":{"dtype":"U8","strides":[1]}})", 0, "tensor 'a': " + keys + ", found 'strides'"},
      {R"({"a":{"dtype":"F8_E4M3"}})", 0, "tensor 'a': dtype: " + types + ", found 'F8_E4M3'"},
      {R"({"a":{"dtype":"f32"}})", 0, "tensor 'a': dtype: " + types + ", found 'f32'"},
      {R"({"a":{"dtype":7}})", 0, "tensor 'a': dtype: expected a string, found 7"},
      {R"({"a":{"dtype":["F32"]}})", 0, "tensor 'a': dtype: expected a string, found an array"},
      {R"({"a":{"shape":4}})", 0, "tensor 'a': shape: expected an array of integers, found 4"},
      {R"({"a":{"shape":"4"}})", 0, "tensor 'a': shape: expected an array of integers, found the string '4'"},
      {R"({"a":{"shape":{}}})", 0, "tensor 'a': shape: expected an array of integers, found an object"},
      {R"({"a":{"shape":[-1]}})", 0, "tensor 'a': shape: " + extents + ", found -1"},
      {R"({"a":{"shape":[1.0]}})", 0, "tensor 'a': shape: " + extents + ", found 1.0"},
      {R"({"a":{"shape":[true]}})", 0, "tensor 'a': shape: " + extents + ", found true"},
      {R"({"a":{"shape":["1"]}})", 0, "tensor 'a': shape: " + extents + ", found the string '1'"},
      {R"({"a":{"shape":[[1]]}})", 0, "tensor 'a': shape: " + extents + ", found an array"},
      {R"({"a":{"shape":[9223372036854775808]}})", 0,
       "tensor 'a': shape: " + extents + ", found 9223372036854775808"},
      {R"({"a":{"shape":[99999999999999999999]}})", 0,
       "tensor 'a': shape: " + extents + ", found 99999999999999999999"},
      {R"({"a":{"shape":[1,1,1,1,1,1,1,1,1]}})", 0,
       "tensor 'a': shape: expected at most 8 extents, found more"},
      {R"({"a":{"data_offsets":[0]}})", 0, "tensor 'a': data_offsets: " + offsets + ", found 1"},
      {R"({"a":{"data_offsets":[0,1,2]}})", 0, "tensor 'a': data_offsets: " + offsets + ", found a third"},
      {R"({"a":{"data_offsets":[0,-1]}})", 0, "tensor 'a': data_offsets: " + offsets + ", found -1"},
      {R"({"a":{"data_offsets":null}})", 0,
       "tensor 'a': data_offsets: expected an array of integers, found null"},
  });
}

std::string entry(const std::string& name, const std::string& shape, const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":"F32","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}";
}

TEST(SafetensorsErrors, ShapesAndRanges) {
  const std::string overflow = "tensor 'a': shape: expected less than 2^63 bytes, found F32 ";
  expect_refused({
      {"{" + entry("a", "1", "4,0") + "}", 4,
       "tensor 'a': data_offsets: expected begin <= end, found [4, 0]"},
      {"{" + entry("a", "2", "0,8") + "}", 4,
       "tensor 'a': data_offsets: expected an end within the 4 bytes of data, found [0, 8]"},
      {"{" + entry("a", "1", "18446744073709551612,18446744073709551615") + "}", 4,
       "tensor 'a': data_offsets: expected an end within the 4 bytes of data, found [18446744073709551612, "
       "18446744073709551615]"},
      {"{" + entry("a", "2,3", "0,16") + "}", 16,
       "tensor 'a': data_offsets: expected 24 bytes for F32 [2, 3], found 16"},
      {"{" + entry("a", "", "0,0") + "}", 0,
       "tensor 'a': data_offsets: expected 4 bytes for F32 [], found 0"},
      {"{" + entry("a", "0", "0,4") + "}", 4,
       "tensor 'a': data_offsets: expected 0 bytes for F32 [0], found 4"},
      // Products that wrap to the right size in 64 bits.
      {"{" + entry("a", "4611686018427387904,4", "0,0") + "}", 0, overflow + "[4611686018427387904, 4]"},
      {"{" + entry("a", "4611686018427387905", "0,4") + "}", 4, overflow + "[4611686018427387905]"},
      {"{" + entry("a", "4294967296,4294967296,0", "0,0") + "}", 0, overflow + "[4294967296, 4294967296, 0]"},
      {"{" + entry("a", "0,4294967296,4294967296", "0,0") + "}", 0, overflow + "[0, 4294967296, 4294967296]"},
  });
}

TEST(SafetensorsErrors, DataMustBeCoveredExactly) {
  const std::string begin = ": data_offsets: expected to begin at ";
  const std::string where = ", where the tensors before it end, found ";
  expect_refused({
      {"{" + entry("a", "1", "0,4") + "," + entry("b", "1", "0,4") + "}", 4,
       "tensor 'b'" + begin + "4" + where + "0 (an overlap)"},
      {"{" + entry("b", "2", "4,12") + "," + entry("a", "2", "0,8") + "}", 12,
       "tensor 'b'" + begin + "8" + where + "4 (an overlap)"},
      {"{" + entry("a", "1", "0,4") + "," + entry("b", "1", "8,12") + "}", 12,
       "tensor 'b'" + begin + "4" + where + "8 (a gap)"},
      {"{" + entry("a", "1", "4,8") + "}", 8, "tensor 'a'" + begin + "0" + where + "4 (a gap)"},
      {"{" + entry("a", "0", "2,2") + "}", 2, "tensor 'a'" + begin + "0" + where + "2 (a gap)"},
      {"{" + entry("a", "1", "0,4") + "}", 6, "data: expected 4 bytes, which the tensors cover, found 6"},
      {"{}", 1, "data: expected 0 bytes, which the tensors cover, found 1"},
  });
}

TEST(SafetensorsErrors, OpenNamesThePath) {
  const ScratchFolder folder;
  write_raw(folder / "empty", "");
  EXPECT_EQ(error_of([&] { SafetensorsFile::open(folder / "empty"); }),
            (folder / "empty").string() + ": header length: expected 8 bytes, found a file of 0");
  EXPECT_EQ(error_of([&] { SafetensorsFile::open(folder / "none"); }),
            (folder / "none").string() + ": cannot open: No such file or directory");
}

std::string small_valid_file() {
  return file_of(R"({"__metadata__":{"k":"v"},"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},)"
                 R"("b":{"dtype":"I8","shape":[],"data_offsets":[12,13]}})",
                 13);
}

/// Parses damaged bytes: an Error is right; so is a result whose every byte can be touched. The copy has
/// exactly the file's size, so that the address sanitizer sees any read beyond it. Returns whether it parsed.
bool survives(const std::string& file) {
  const std::vector<std::byte> exact(bytes_of(file).begin(), bytes_of(file).end());
  try {
    const SafetensorsFile parsed = SafetensorsFile::parse(exact, "f");
    std::size_t covered = parsed.data_begin();
    unsigned sum = 0;
    for (const SafetensorsTensor& tensor : parsed.tensors()) {
      covered += tensor.data.size();
      for (const std::byte byte : tensor.data) {
        sum += std::to_integer<unsigned>(byte);
      }
    }
    EXPECT_LE(sum, 255 * exact.size());
    EXPECT_EQ(covered, exact.size());
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find_first_of("\n\r"), std::string::npos) << error.what();
    return false;
  }
}

TEST(SafetensorsFuzz, EveryTruncationIsRefused) {
  const std::string file = small_valid_file();
  ASSERT_TRUE(survives(file));
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(survives(file.substr(0, length))) << length;
  }
  EXPECT_FALSE(survives(file + "x"));
}

TEST(SafetensorsFuzz, EveryValueOfEveryHeaderByteIsReadOrRefused) {
  const std::string file = small_valid_file();
  int refused = 0;
  for (std::size_t i = 0; i < file.size() - 13; ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = file;
      damaged[i] = static_cast<char>(value);
      refused += survives(damaged) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 30'000);  // nearly all; what passes are other names, keys of metadata, and white space
}

TEST(SafetensorsFuzz, SeededMutationsAreReadOrRefused) {
  const std::string file = small_valid_file();
  const std::string alphabet = "{}[]\",:0123456789-eE.tfn \\u\xff";
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = file;
    for (auto edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = 8 + random() % (damaged.size() - 8);
      const char letter = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          damaged[at] = letter;
          break;
        case 1:
          damaged.insert(at, 1, letter);
          break;
        default:
          damaged.erase(at, 1);
          break;
      }
    }
    const std::string header = damaged.substr(8, std::min(damaged.size() - 8, file.size() - 8 - 13));
    survives(length_field(header.size()) + damaged.substr(8));
  }
}

TEST(SafetensorsGolden, OpensASyntheticQwen3) {
  const auto path = test_data() / "qwen3-synthetic/model.safetensors";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "no test data at " << path;
  }
  const SafetensorsFile file = SafetensorsFile::open(path);
  EXPECT_EQ(file.bytes().size(), 746'520U);
  EXPECT_EQ(file.data_begin(), 3608U);
  EXPECT_EQ(file.tensors().size(), 35U);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  const SafetensorsTensor& down = file.at("model.layers.1.mlp.down_proj.weight");
  EXPECT_EQ(down.dtype, DType::f32);
  EXPECT_EQ(down.shape, (std::vector<std::int64_t>{64, 160}));
  EXPECT_EQ(static_cast<std::size_t>(down.data.data() - file.bytes().data()), 3608U + 479'744U);
  EXPECT_TRUE(down.aligned_to(4));
  EXPECT_EQ(to_hex(sha256(file.bytes())), "de60518d088464e23527d85d2d045b4d342c824292e14e18b32e8788fcebbc0f");
}

}  // namespace
}  // namespace reprise::engine
