/// Captures written as Futhark's data.in and read back, and files that hold something else.
#include "engine/serve/futhark/data_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/capture/recorder.h"
#include "engine/serve/futhark/value_file.h"
#include "engine/tests/serve/futhark/temporary_file.h"
#include "engine/tests/serve/futhark/tiny_qwen.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine::futhark {
namespace {

using ::reprise::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A call at `element` whose first n_cached prompt tokens were cached before.
Capture captured(const TinyQwen& qwen, DType element, std::int64_t n_cached, GenerateRequest request,
                 bool kv_rows = true) {
  Placement placement = qwen_placement(element);
  placement.threads = 1;
  Session session(qwen.model(), placement, {});
  if (n_cached > 0) {
    session.append(std::span(request.prompt_ids).first(static_cast<std::size_t>(n_cached)));
  }
  RecorderOptions options;
  options.kv_rows = kv_rows;
  Recorder recorder(session, request, options);
  const GenerateResult result = generate(session, request, &recorder);
  EXPECT_EQ(result.n_cached, n_cached);
  return *recorder.finish(session, result, {}, "");
}

GenerateRequest request_for(std::int64_t n) {
  GenerateRequest request;
  request.prompt_ids = {3, 14, 15, 9, 26, 5};
  request.max_new_tokens = n;
  return request;
}

/// Performs the call of a data.in.
std::vector<TokenId> generated(const DataIn& data) {
  auto request = request_of(data.inputs);
  Placement placement = qwen_placement(data.element);
  placement.threads = 1;
  Session& session = data.inputs.cache->session(*data.inputs.params, placement, data.inputs.xsat);
  request->prompt_ids.insert(request->prompt_ids.begin(), session.history().begin(), session.history().end());
  return generate(session, *request).generated_ids;
}

TEST(FutharkDataIn, DrawsAgainWhatWasCaptured) {
  for (const DType element : {DType::f32, DType::f16}) {
    const TinyQwen qwen(31, element);
    for (const std::int64_t n_cached : {0, 4}) {
      for (const bool kv_rows : {true, false}) {
        const Capture capture = captured(qwen, element, n_cached, request_for(12), kv_rows);
        const TemporaryFile file;
        write_data_in(capture, qwen.model(), element, file.path());
        const DataIn data = read_data_in(file.path());
        EXPECT_EQ(data.element, element);
        EXPECT_EQ(data.inputs.xsat, kv_rows ? n_cached : 0);
        check_same_weights(data, qwen.model());
        EXPECT_EQ(generated(data), capture.steps.generated_ids) << name_of(element) << n_cached << kv_rows;
      }
    }
  }
}

TEST(FutharkDataIn, SaysWhichEndCame) {
  const TinyQwen qwen(32);
  const Capture whole = captured(qwen, DType::f32, 0, request_for(8));
  GenerateRequest request = request_for(8);
  request.eos_ids = {1, whole.steps.generated_ids[4]};
  const Capture capture = captured(qwen, DType::f32, 0, request);
  const TemporaryFile file;
  write_data_in(capture, qwen.model(), DType::f32, file.path());
  const DataIn data = read_data_in(file.path());
  EXPECT_EQ(data.inputs.eos_token_id, capture.steps.generated_ids.back());
  EXPECT_EQ(generated(data), capture.steps.generated_ids);
}

TEST(FutharkDataIn, RefusesCallsThatGenCannotMake) {
  const TinyQwen qwen(33);
  const TemporaryFile file;
  const auto refusal = [&](const Capture& capture) {
    return std::string(
        error_of([&] { write_data_in(capture, qwen.model(), DType::f32, file.path()); }).what());
  };
  Capture capture = captured(qwen, DType::f32, 0, request_for(3));
  capture.request.sampling.temperature = 1;
  EXPECT_THAT(refusal(capture), HasSubstr("draws the likeliest token, as gen does, found another"));
  capture.request.sampling.temperature = 0;
  capture.request.forced_ids = {1};
  EXPECT_THAT(refusal(capture), HasSubstr("found forced ids"));
  capture.request.forced_ids.clear();
  capture.finish_reason = FinishReason::eos;
  capture.steps.generated_ids.back() = 0;
  EXPECT_THAT(refusal(capture), HasSubstr("expected another end than token 0"));
}

TEST(FutharkDataIn, ComparesWeights) {
  const TinyQwen qwen(34);
  const TinyQwen other(35);
  const TemporaryFile file;
  write_data_in(captured(qwen, DType::f32, 0, request_for(2)), qwen.model(), DType::f32, file.path());
  EXPECT_THAT(error_of([&] { check_same_weights(read_data_in(file.path()), other.model()); }).what(),
              HasSubstr("expected the weights of the data, found others: attn_k differs"));
}

TEST(FutharkDataIn, NamesWhatIsMissing) {
  const TinyQwen qwen(36);
  const TemporaryFile whole;
  write_data_in(captured(qwen, DType::f32, 2, request_for(2)), qwen.model(), DType::f32, whole.path());
  const std::string content = whole.content();
  const auto refusal = [&](const std::string& bytes) {
    const TemporaryFile file(bytes);
    const Error error = error_of([&] { (void)read_data_in(file.path()); });
    EXPECT_THAT(error.what(), HasSubstr(file.path()));
    return std::string(error.what());
  };
  EXPECT_THAT(refusal(""), HasSubstr("xsat: text value: expected a value of type i64, found the end"));
  EXPECT_THAT(refusal(content.substr(0, 15)), HasSubstr("xs: "));
  EXPECT_THAT(refusal(content.substr(0, 200)), HasSubstr("Params.attn_k: binary value: elements: expected"));
  EXPECT_THAT(refusal(content.substr(0, content.size() - 1)), HasSubstr("max_new_tokens: "));
  EXPECT_THAT(refusal(content + "1i64"), HasSubstr("expected the end after max_new_tokens, found more"));
}

}  // namespace
}  // namespace reprise::engine::futhark
