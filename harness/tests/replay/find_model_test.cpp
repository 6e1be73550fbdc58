#include "harness/replay/find_model.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/data.h"

namespace reprise::harness {
namespace {

using engine::Call;
using engine::Capture;
using engine::error_of;
using engine::ScratchFolder;
using engine::write_raw;

std::string golden(const char* name) {
  return (testing::golden_folder() / name).string();
}

void copy_model(const char* name, const std::filesystem::path& to) {
  std::filesystem::copy(golden(name), to, std::filesystem::copy_options::recursive);
}

Capture captured(const char* name) {
  return Call(golden(name), 5, 2).record();
}

/// A capture whose hint leads nowhere, and folders as REPRISE_MODELS names them.
class FindModel : public ::testing::Test {
 protected:
  FindModel() {
    std::filesystem::create_directories(folder_ / "a");
    std::filesystem::create_directories(folder_ / "b");
    lost_.model.spec = (folder_ / "gone").string();
  }
  std::shared_ptr<const engine::Model> find(const Capture& capture, const std::string& explicit_model = "") {
    return ModelFinder(explicit_model, {folder_ / "a", folder_ / "none", folder_ / "b"}).find(capture);
  }

  ScratchFolder folder_;
  Capture lost_ = captured("qwen3");
};

TEST_F(FindModel, NamesBothDigestsWhereTheWeightsChanged) {
  copy_model("qwen3", folder_ / "gone");
  std::fstream weights(folder_ / "gone/model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  weights.seekp(-4, std::ios::end);
  weights.put('\x01');
  weights.close();
  const std::string other = engine::Model::open((folder_ / "gone").string())->identity().sha256;
  ErrorCode code{};
  const std::string message = error_of([&] { find(lost_); }, &code);
  EXPECT_NE(message.find("expected digest " + lost_.model.sha256), std::string::npos) << message;
  EXPECT_NE(message.find("found digest " + other), std::string::npos) << message;
}

TEST_F(FindModel, NamesDigestAndPlacesWhenThereIsNone) {
  copy_model("gpt2", folder_ / "a/other");
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { find(lost_); }, &code),
            "model qwen3 (qwen3): expected digest " + lost_.model.sha256 + " in " +
                (folder_ / "gone").string() + ", " + (folder_ / "a").string() + ", " +
                (folder_ / "none").string() + ", " + (folder_ / "b").string() +
                ", found no such model; name it with --model");
  EXPECT_EQ(code, ErrorCode::not_found);
  lost_.model.spec = "two\nlines";
  lost_.model.name = "also\r\ntwo";
  EXPECT_THAT(error_of([&] { find(lost_); }), ::testing::HasSubstr("two\\x0alines"));
}

TEST_F(FindModel, ByTheHint) {
  const Capture capture = captured("qwen3");
  EXPECT_EQ(find(capture)->spec(), golden("qwen3"));
  const Capture synthetic = Call(engine::kMicrogpt).record();
  EXPECT_EQ(find(synthetic)->spec(), engine::kMicrogpt);
}

TEST_F(FindModel, InAFolderUnderAnyName) {
  for (const char* name : {"qwen3", "llama", "gpt2", "microgpt"}) {
    copy_model(name, folder_ / "b" / (std::string("renamed-") + name));
  }
  for (const char* name : {"qwen3", "llama", "gpt2", "microgpt"}) {
    Capture capture = captured(name);
    capture.model.spec = "nowhere";
    EXPECT_EQ(find(capture)->spec(), (folder_ / "b" / (std::string("renamed-") + name)).string());
  }
}

TEST_F(FindModel, PassesOverWhatIsNoModelOrAnother) {
  write_raw(folder_ / "a/file", "text");
  std::filesystem::create_directory(folder_ / "a/empty");
  copy_model("qwen3", folder_ / "a/broken");
  write_raw(folder_ / "a/broken/config.json", "{");
  copy_model("qwen3", folder_ / "a/cut");
  std::filesystem::resize_file(folder_ / "a/cut/model.safetensors", 1000);
  copy_model("qwen3", folder_ / "a/changed");
  std::string weights = engine::read_raw(folder_ / "a/changed/model.safetensors");
  weights.back() = static_cast<char>(weights.back() ^ 1);
  write_raw(folder_ / "a/changed/model.safetensors", weights);
  copy_model("gpt2", folder_ / "a/other");
  copy_model("qwen3", folder_ / "b/right");
  EXPECT_EQ(find(lost_)->spec(), (folder_ / "b/right").string());
  lost_.model.spec = (folder_ / "a/changed").string();  // the hint leads to what is another model by now
  EXPECT_EQ(find(lost_)->spec(), (folder_ / "b/right").string());
}

TEST_F(FindModel, TheExplicitModelIsUsedWhateverItIs) {
  const Capture capture = captured("qwen3");
  EXPECT_EQ(find(capture, golden("gpt2"))->spec(), golden("gpt2"));
  EXPECT_THAT(error_of([&] { find(capture, "nowhere"); }),
              ::testing::StartsWith("nowhere: model: expected "));
}

TEST_F(FindModel, CapturesShareOneOpenedModel) {
  copy_model("qwen3", folder_ / "b/model");
  ModelFinder finder("", {folder_ / "a", folder_ / "b"});
  const auto first = finder.find(lost_);
  const Capture hinted = captured("qwen3");
  const auto by_hint = finder.find(hinted);
  EXPECT_EQ(finder.find(lost_), first);
  EXPECT_EQ(finder.find(hinted), by_hint);
  EXPECT_EQ(by_hint->identity().sha256, first->identity().sha256);
  ModelFinder named(golden("qwen3"), {});
  EXPECT_EQ(named.find(lost_), named.find(hinted));
}

}  // namespace
}  // namespace reprise::harness
