#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/core/digest.h"
#include "engine/io/safetensors.h"
#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;
using Shape64 = std::vector<std::int64_t>;

/// `capture` written, read and compared, and written once more from what was read.
void expect_round_trip(const Capture& capture) {
  const ScratchFolder folder;
  const std::string id = write_capture(capture, folder / "call.safetensors");
  const Capture read = read_capture(folder / "call.safetensors");
  expect_same(capture, read);
  EXPECT_EQ(read.id, id);
  EXPECT_EQ(write_capture(read, folder / "again"), id);
  EXPECT_TRUE(read_raw(folder / "again") == read_raw(folder / "call.safetensors"));
  EXPECT_TRUE(looks_like_capture(folder / "again"));
}

struct RoundTripCase {
  const char* model;
  DType kv_precision;
};

class CaptureRoundTrip : public ::testing::TestWithParam<RoundTripCase> {};

TEST_P(CaptureRoundTrip, EveryFieldOfARecordedCallComesBack) {
  for (const bool sampled : {false, true}) {
    for (const std::int64_t n_cached : {0, 1, 8}) {
      for (const bool kv_rows : {true, false}) {
        SCOPED_TRACE(::testing::Message()
                     << "sampled " << sampled << " cached " << n_cached << " rows " << kv_rows);
        Call call(GetParam().model, 9, 4, n_cached);
        call.placement.kv_precision = GetParam().kv_precision;
        call.options.kv_rows = kv_rows;
        if (sampled) {
          call.sampled(std::numeric_limits<std::uint64_t>::max());
        }
        const Capture capture = call.record();
        ASSERT_EQ(capture.n_cached, n_cached);
        ASSERT_EQ(capture.n_prompt(), 9);
        ASSERT_EQ(capture.n_generated(), 4);
        ASSERT_EQ(capture.kv.has_value(), kv_rows && n_cached > 0);
        if (capture.kv) {
          ASSERT_EQ(capture.kv->dtype, GetParam().kv_precision);
        }
        expect_round_trip(capture);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, CaptureRoundTrip,
                         ::testing::Values(RoundTripCase{kMicrogpt, DType::f32},
                                           RoundTripCase{kMicrogpt, DType::f16},
                                           RoundTripCase{kMicrogpt, DType::bf16},
                                           RoundTripCase{kLlama, DType::f32},
                                           RoundTripCase{kLlama, DType::bf16},
                                           RoundTripCase{"synthetic:qwen3-tiny", DType::int8}));

TEST(CaptureFile, KeepsARequestBitByBit) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  Capture capture = Call().record();
  for (const SamplingParameters& sampling : std::vector<SamplingParameters>{
           {1.1F, 0.7F, 0, 0.1F, 0.3F, 0},
           {std::nextafter(1.0F, 2.0F), tiny, std::numeric_limits<std::int64_t>::max(),
            std::nextafter(1.0F, 0.0F), tiny, std::numeric_limits<std::uint64_t>::max()},
           {std::numeric_limits<float>::max(), std::numeric_limits<float>::min(), 1, tiny, 1.0F,
            (std::uint64_t{1} << 53) + 1},
           {1e-7F, -0.0F, 50, 0.999999F, 0.3333333F, 10000000000000000000U}}) {
    capture.request.sampling = sampling;
    expect_round_trip(capture);
  }
  capture.request.max_new_tokens = std::numeric_limits<std::int64_t>::max();
  capture.request.eos_ids = {0, 299, std::numeric_limits<TokenId>::max()};
  expect_round_trip(capture);
}

TEST(CaptureFile, KeepsEveryOtherFieldToo) {
  Capture capture = Call(kLlama, 6, 3, 2).record();
  capture.model.spec = "a folder/with \"quotes\" and \xc3\xa9";
  capture.model.files = {{"model-00001-of-00002.safetensors", std::string(64, 'a')},
                         {"b", std::string(64, '0')}};
  capture.model.tokenizer_sha256 = std::string(64, 'f');
  capture.model.parameters = std::numeric_limits<std::int64_t>::max();
  capture.placement = {"reference", "scalar", "mixed", false, capture.placement.kv_precision, 1024, "fast"};
  capture.origin.build = {"n", "v", "c", true, "co", "-f \"x\"", "Debug"};
  capture.origin.machine_json = R"({"cores": [1, 2.5, null], "nested": {"a": "\u00e9"}})";
  capture.origin.created = "";
  capture.origin.policy = "nth:10";
  for (const FinishReason reason : {FinishReason::eos, FinishReason::length, FinishReason::context_full}) {
    capture.finish_reason = reason;
    expect_round_trip(capture);
  }
  capture.steps.token_seconds = {0.1, 1e-300, 5e-324};
  capture.steps.logsumexp = {-0.0, std::nextafter(1.0, 2.0), -1e300};
  expect_round_trip(capture);
}

TEST(CaptureFile, KeepsCallsWithoutTopLogitsAndWithAllOfThem) {
  for (const std::int64_t n_top : {0, 1, 300, 1000}) {
    Call call;
    call.options.n_top = n_top;
    const Capture capture = call.record();
    EXPECT_EQ(capture.steps.n_top, std::min<std::int64_t>(n_top, 300));  // the vocabulary has 300
    expect_round_trip(capture);
  }
}

TEST(CaptureFile, PathsThatAreNotUtf8BecomeReadable) {
  Capture capture = Call().record();
  capture.model.spec = "models/caf\xe9";
  capture.model.name = "caf\xe9";
  const ScratchFolder folder;
  write_capture(capture, folder / "call");
  const Capture read = read_capture(folder / "call");
  EXPECT_EQ(read.model.spec, "models/caf\xef\xbf\xbd");
  EXPECT_EQ(read.model.name, "caf\xef\xbf\xbd");
}

TEST(CaptureFile, IsASafetensorsFileThatEndsWithItsOwnDigest) {
  const ScratchFolder folder;
  const Capture capture = Call(kLlama, 7, 3, 5).record();
  const std::string id = write_capture(capture, folder / "call");
  const std::string bytes = read_raw(folder / "call");
  const SafetensorsFile file = SafetensorsFile::open(folder / "call");
  const SafetensorsTensor& last = file.tensors().back();
  EXPECT_EQ(last.name, "digest.sha256");
  EXPECT_EQ(last.dtype, DType::u8);
  EXPECT_EQ(last.shape, Shape64{32});
  EXPECT_EQ(text_of(last.data), bytes.substr(bytes.size() - 32));
  const Sha256Digest digest = sha256(bytes_of(std::string_view(bytes).substr(0, bytes.size() - 32)));
  EXPECT_TRUE(std::ranges::equal(last.data, digest));
  EXPECT_EQ(id, to_hex(digest).substr(0, 16));
  for (const SafetensorsTensor& tensor : file.tensors()) {
    EXPECT_TRUE(tensor.aligned_to(size_of(tensor.dtype))) << tensor.name;
  }
}

/// Names, types and shapes are the format other programs rely on; so is every metadata entry.
TEST(CaptureFile, HasTheDocumentedTensorsAndMetadata) {
  const ScratchFolder folder;
  Call call(kLlama, 7, 3, 5);
  call.placement.kv_precision = DType::f16;
  call.sampled(std::numeric_limits<std::uint64_t>::max());
  write_capture(call.record(), folder / "call");
  const SafetensorsFile file = SafetensorsFile::open(folder / "call");
  std::map<std::string, std::pair<DType, Shape64>> found;
  for (const SafetensorsTensor& tensor : file.tensors()) {
    found[tensor.name] = {tensor.dtype, tensor.shape};
  }
  const std::map<std::string, std::pair<DType, Shape64>> expected = {
      {"prompt_ids", {DType::i64, {7}}},          {"generated_ids", {DType::i64, {3}}},
      {"steps.logits_xxh3", {DType::u64, {3}}},   {"steps.top_ids", {DType::i64, {3, 4}}},
      {"steps.top_logits", {DType::f32, {3, 4}}}, {"steps.logsumexp", {DType::f64, {3}}},
      {"steps.seconds", {DType::f64, {3}}},       {"kv.keys", {DType::f16, {3, 3, 5, 16}}},
      {"kv.values", {DType::f16, {3, 3, 5, 16}}}, {"digest.sha256", {DType::u8, {32}}}};
  EXPECT_EQ(found, expected);
  const auto& metadata = file.metadata();
  EXPECT_EQ(metadata.at("format"), "reprise.capture");
  EXPECT_EQ(metadata.at("version"), "1.0");
  EXPECT_EQ(metadata.at("requires"), R"(["kv_rows"])");
  EXPECT_EQ(metadata.at("model_config"), model_of(kLlama)->config_json());
  EXPECT_EQ(metadata.at("created"), "2024-05-06T07:08:09Z");
  EXPECT_EQ(nlohmann::json::parse(metadata.at("request")).at("seed"), "18446744073709551615");
  EXPECT_EQ(
      nlohmann::json::parse(metadata.at("result")),
      nlohmann::json::parse(
          R"({"n_cached": 5, "n_prompt": 7, "n_generated": 3, "n_top": 4, "finish_reason": "length"})"));
}

TEST(CaptureFile, WithoutRowsRequiresNothing) {
  const ScratchFolder folder;
  Call call(kMicrogpt, 7, 3, 5);
  call.options.kv_rows = false;
  write_capture(call.record(), folder / "call");
  const SafetensorsFile file = SafetensorsFile::open(folder / "call");
  EXPECT_EQ(file.metadata().at("requires"), "[]");
  EXPECT_EQ(file.find("kv.keys"), nullptr);
  EXPECT_EQ(file.find("kv.values"), nullptr);
}

TEST(CaptureFile, DifferentCallsHaveDifferentIds) {
  const ScratchFolder folder;
  Capture capture = Call().record();
  const std::string id = write_capture(capture, folder / "call");
  EXPECT_EQ(write_capture(capture, folder / "call"), id);
  capture.request.sampling.seed ^= 1;
  EXPECT_NE(write_capture(capture, folder / "call"), id);
  EXPECT_THAT(folder.names(), ElementsAre("call"));
}

}  // namespace
}  // namespace reprise::engine
