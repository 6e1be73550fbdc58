#include "engine/io/model_files.h"

#include "engine/core/digest.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

constexpr const char* kIndex = "model.safetensors.index.json";

/// A weight file in which every tensor is one byte, its last letter.
void write_shard(const std::filesystem::path& path, const std::vector<std::string>& tensors) {
  SafetensorsWriter writer;
  for (const std::string& name : tensors) {
    writer.add(name, DType::u8, {1}, bytes_of(name).last(1));
  }
  writer.write(path);
}

void write_two_shards(const ScratchFolder& folder) {
  write_shard(folder / "s1.safetensors", {"w.a", "w.b"});
  write_shard(folder / "s2.safetensors", {"w.c"});
  write_raw(folder / kIndex, R"({"metadata":{"total_size":3},"weight_map":)"
                             R"({"w.c":"s2.safetensors","w.b":"s1.safetensors","w.a":"s1.safetensors"}})");
}

TEST(WeightFiles, OneFile) {
  const ScratchFolder folder;
  write_shard(folder / "model.safetensors", {"w.a", "w.b"});
  const WeightFiles weights = WeightFiles::open(folder.path());
  EXPECT_EQ(text_of(weights.at("w.b").data), "b");
  EXPECT_EQ(weights.find("w.z"), nullptr);
  EXPECT_EQ(weights.tensors().size(), 2U);
  EXPECT_EQ(weights.files(), (std::vector<std::filesystem::path>{folder / "model.safetensors"}));
  EXPECT_EQ(weights.folder(), folder.path());
}

TEST(WeightFiles, ShardsAreSeenAsOne) {
  const ScratchFolder folder;
  write_two_shards(folder);
  WeightFiles opened = WeightFiles::open(folder.path());
  const std::vector<const SafetensorsTensor*> before = opened.tensors();
  const WeightFiles weights = std::move(opened);
  EXPECT_EQ(weights.tensors(), before);
  for (const std::string name : {"w.a", "w.b", "w.c"}) {
    EXPECT_EQ(text_of(weights.at(name).data), name.substr(2));
  }
  EXPECT_EQ(before.size(), 3U);
  EXPECT_EQ(weights.files(),
            (std::vector<std::filesystem::path>{folder / "s1.safetensors", folder / "s2.safetensors"}));
  const auto digests = weights.digests();
  ASSERT_EQ(digests.size(), 2U);
  EXPECT_EQ(digests[1].first, "s2.safetensors");
  EXPECT_EQ(digests[1].second, to_hex(sha256(bytes_of(read_raw(folder / "s2.safetensors")))));
}

TEST(WeightFiles, MissingTensorNamesFolderAndTensor) {
  const ScratchFolder folder;
  write_two_shards(folder);
  const WeightFiles weights = WeightFiles::open(folder.path());
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { static_cast<void>(weights.at("w.z")); }, &code),
            folder.path().string() + ": tensor 'w.z': expected to be there, found 3 other tensors");
  EXPECT_EQ(code, ErrorCode::not_found);
}

TEST(WeightFiles, SingleFileIsPreferred) {
  const ScratchFolder folder;
  write_two_shards(folder);
  write_shard(folder / "model.safetensors", {"only"});
  EXPECT_EQ(WeightFiles::open(folder.path()).tensors().size(), 1U);
}

TEST(WeightFiles, FolderWithoutWeights) {
  const ScratchFolder folder;
  const std::string line =
      ": expected a folder with model.safetensors or model.safetensors.index.json, found neither";
  EXPECT_EQ(error_of([&] { WeightFiles::open(folder.path()); }), folder.path().string() + line);
  EXPECT_EQ(error_of([&] { WeightFiles::open(folder / "none"); }), (folder / "none").string() + line);
}

TEST(WeightFiles, BadIndicesAreRefusedWithOneLine) {
  const std::string name = "expected the name of a file beside the index, found ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{", "expected JSON, found a syntax error at byte 2"},
      {"[]", "weight_map: expected an object of tensor and file names, found none"},
      {"{}", "weight_map: expected an object of tensor and file names, found none"},
      {R"({"weight_map":[1]})", "weight_map: expected an object of tensor and file names, found array"},
      {R"({"weight_map":{}})", "weight_map: expected an object of tensor and file names, found an empty one"},
      {R"({"weight_map":{"w.a":1}})", "weight_map: 'w.a': expected a file name, found number"},
      {R"({"weight_map":{"w.a":""}})", "weight_map: 'w.a': " + name + "''"},
      {R"({"weight_map":{"w.a":"."}})", "weight_map: 'w.a': " + name + "'.'"},
      {R"({"weight_map":{"w.a":".."}})", "weight_map: 'w.a': " + name + "'..'"},
      {R"({"weight_map":{"w.a":"/etc/passwd"}})", "weight_map: 'w.a': " + name + "'/etc/passwd'"},
      {R"({"weight_map":{"w.a":"..\\x"}})", "weight_map: 'w.a': " + name + "'..\\x'"},
      {R"({"weight_map":{"w.a":"s1.safetensors\u0000"}})",
       "weight_map: 'w.a': " + name + "'s1.safetensors\\x00'"},
      {R"({"weight_map":{"w.a":"s1.safetensors","w.a":"s2.safetensors"}})",
       "expected the key 'w.a' once in its object, found it twice"},
      {R"({"weight_map":{"w.a":"s1.safetensors","w.c":"s1.safetensors"}})",
       "weight_map: tensor 'w.c': expected in s1.safetensors, found in no file"},
      {R"({"weight_map":{"w.a":"s2.safetensors","w.b":"s1.safetensors"}})",
       "weight_map: tensor 'w.a': expected in s2.safetensors, found in s1.safetensors"},
  };
  for (const auto& [index, line] : cases) {
    const ScratchFolder folder;
    write_two_shards(folder);
    write_raw(folder / kIndex, index);
    EXPECT_EQ(error_of([&] { WeightFiles::open(folder.path()); }), (folder / kIndex).string() + ": " + line)
        << index;
  }
}

TEST(WeightFiles, ShardsThatAreMissingOrOverlapAreRefused) {
  const ScratchFolder folder;
  write_two_shards(folder);
  write_shard(folder / "s2.safetensors", {"w.c", "w.b"});
  EXPECT_EQ(error_of([&] { WeightFiles::open(folder.path()); }),
            (folder / "s2.safetensors").string() +
                ": tensor 'w.b': expected in one file, found in s1.safetensors too");
  std::filesystem::remove(folder / "s2.safetensors");
  EXPECT_EQ(error_of([&] { WeightFiles::open(folder.path()); }),
            (folder / "s2.safetensors").string() + ": cannot open: No such file or directory");
}

TEST(WeightFilesGolden, DigestOfASyntheticQwen3) {
  const auto folder = test_data() / "qwen3-synthetic";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no test data at " << folder;
  }
  const WeightFiles weights = WeightFiles::open(folder);
  EXPECT_EQ(weights.tensors().size(), 35U);
  const auto digests = weights.digests();
  ASSERT_EQ(digests.size(), 1U);
  EXPECT_EQ(digests[0].first, "model.safetensors");
  EXPECT_EQ(digests[0].second, "de60518d088464e23527d85d2d045b4d342c824292e14e18b32e8788fcebbc0f");
}

}  // namespace
}  // namespace reprise::engine
