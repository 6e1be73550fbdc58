/// The programs qwen-f32 and qwen-f16: the tokens of this engine, with the values and the rules of fuchat's.
#include "engine/serve/futhark/qwen_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/tests/serve/futhark/tiny_qwen.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine::futhark {
namespace {

using ::reprise::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kNone = -1;  // no token: never ends a call

/// A program and how a client drives it: variables are this struct's members.
struct Client {
  Program program;
  Value params;
  Value cache;

  explicit Client(const TinyQwen& qwen, DType element = DType::f32, std::int64_t n_positions = 90)
      : program(make_qwen_program(options(element))),
        params(record("Params", qwen.fields(element))),
        cache(init(qwen.config(), n_positions)) {}

  static QwenOptions options(DType element) {
    QwenOptions options;
    options.element = element;
    options.placement = qwen_placement(element);
    options.placement.threads = 1;
    return options;
  }

  Value call(std::string_view name, const std::vector<Value>& inputs) const {
    const auto entry = std::ranges::find(program.entry_points, name, &EntryPoint::name);
    return entry->call(inputs);
  }
  [[nodiscard]] Value record(std::string_view name, std::vector<Value> fields) const {
    const auto kind =
        std::ranges::find_if(program.records, [&](const auto& k) { return k.type->name == name; });
    return kind->make(std::move(fields));
  }
  [[nodiscard]] Value init(const ModelConfig& c, std::int64_t n_positions) const {
    return call("init", {Array::of_i64(c.n_layers), Array::of_i64(c.n_kv_heads), Array::of_i64(n_positions),
                         Array::of_i64(c.head_dim)});
  }
  [[nodiscard]] static std::vector<Value> fields_of(const Value& value) {
    const auto& record = *std::get<std::shared_ptr<Record>>(value);
    std::vector<Value> fields;
    for (std::size_t i = 0; i < record.type().fields.size(); ++i) {
      fields.push_back(record.field(i));
    }
    return fields;
  }

  std::vector<std::int64_t> gen(std::int64_t xsat, const std::vector<std::int64_t>& xs, std::int64_t n,
                                std::int64_t eos = kNone) {
    const Value out = call("gen", {Array::of_i64(xsat), Array::of_i64s(xs), params, cache, Array::of_i64(eos),
                                   Array::of_i64(n)});
    const std::vector<Value> fields = fields_of(out);
    cache = fields[1];
    return std::get<Array>(fields[0]).as_i64s();
  }
};

/// What the engine itself generates.
std::vector<std::int64_t> expected(const TinyQwen& qwen, const std::vector<std::int64_t>& prompt,
                                   std::int64_t n, DType element = DType::f32) {
  Placement placement = qwen_placement(element);
  placement.threads = 1;
  Session session(qwen.model(), placement, {});
  GenerateRequest request;
  request.prompt_ids.assign(prompt.begin(), prompt.end());
  request.max_new_tokens = n;
  const GenerateResult result = generate(session, request);
  return {result.generated_ids.begin(), result.generated_ids.end()};
}

const std::vector<std::int64_t> kPrompt = {3, 14, 15, 9, 26, 5};

TEST(QwenParams, AreLaidOutAsTheProgramHasThem) {
  for (const bool tied : {false, true}) {
    for (const DType element : {DType::f32, DType::f16}) {
      const TinyQwen qwen(2, element, tied);
      const auto type = params_type(element);
      const Params params(type, qwen.model());
      const std::vector<Value> fields = qwen.fields(element);
      for (std::size_t i = 0; i < kParamsFields; ++i) {
        EXPECT_TRUE(same(params.field(i), fields[i])) << type->fields[i].name << name_of(element) << tied;
      }
    }
  }
}

TEST(QwenParams, GiveBackWhatTheClientSentAlsoAfterACall) {
  const TinyQwen qwen(3);
  Client client(qwen);
  (void)client.gen(0, kPrompt, 2);
  const std::vector<Value> sent = qwen.fields(DType::f32);
  const std::vector<Value> given = Client::fields_of(client.params);
  for (std::size_t i = 0; i < kParamsFields; ++i) {
    EXPECT_TRUE(same(given[i], sent[i])) << i;
  }
}

TEST(QwenParams, BecomeAModelWithTheSameTensors) {
  for (const bool tied : {false, true}) {
    const TinyQwen qwen(4, DType::f16, tied);
    const auto type = params_type(DType::f16);
    const Params params(type, qwen.fields(DType::f16));
    const auto model = params.model();
    EXPECT_EQ(model->config().tied_head, tied);
    for (const TensorSpec& spec : tensors_of(qwen.config())) {
      const AnyTensorView ours = model->tensor(spec.slot, spec.layer);
      const AnyTensorView theirs = qwen.model()->tensor(spec.slot, spec.layer);
      ASSERT_EQ(ours.shape(), theirs.shape());
      if (ours.dtype() == theirs.dtype()) {  // norms are f32 here, f16 in the folder
        EXPECT_EQ(std::memcmp(ours.data(), theirs.data(), ours.size_bytes()), 0) << name_of(spec.slot);
      }
    }
    EXPECT_EQ(model->identity().sha256, Params(type, qwen.fields(DType::f16)).model()->identity().sha256);
  }
}

TEST(QwenParams, HaveShapesThatAgree) {
  const TinyQwen qwen(5);
  const Client client(qwen);
  const auto type = params_type(DType::f32);
  for (std::size_t i = 0; i < kParamsFields; ++i) {
    std::vector<Value> fields = qwen.fields(DType::f32);
    const Array& array = std::get<Array>(fields[i]);
    Extents extents = array.extents();
    extents.back() -= 1;
    const std::int64_t count = *count_of(extents, DType::f32);
    fields[i] =
        TinyQwen::array(DType::f32, extents, std::vector<float>(static_cast<std::size_t>(count), 1.0F));
    const Error error = error_of([&] { (void)client.record("Params", fields); });
    EXPECT_EQ(error.code(), ErrorCode::mismatch) << type->fields[i].name;
    EXPECT_THAT(error.what(), HasSubstr("Params: ")) << type->fields[i].name;
  }
  std::vector<Value> none = qwen.fields(DType::f32);
  none[0] = TinyQwen::array(DType::f32, {2, 0, 20, 6}, {});
  EXPECT_THAT(error_of([&] { (void)client.record("Params", none); }).what(),
              HasSubstr("attn_k: expected extents from 1"));
}

TEST(QwenGen, DrawsTheTokensOfTheEngine) {
  for (const DType element : {DType::f32, DType::f16}) {
    for (const bool tied : {false, true}) {
      const TinyQwen qwen(6, element, tied);
      Client client(qwen, element);
      EXPECT_EQ(client.gen(0, kPrompt, 30), expected(qwen, kPrompt, 30, element)) << name_of(element) << tied;
    }
  }
}

/// As fuchat's chat.py asks for them: the last token drawn is the first of the next call.
TEST(QwenGen, ContinuesInChunksAsOneLongCall) {
  const TinyQwen qwen(7);
  for (const std::int64_t chunk : {1, 5, 7}) {
    Client client(qwen);
    std::vector<std::int64_t> ids = kPrompt;
    std::size_t cached = 0;
    while (ids.size() < kPrompt.size() + 20) {
      const std::vector<std::int64_t> xs(ids.begin() + static_cast<std::ptrdiff_t>(cached), ids.end());
      const auto out = client.gen(static_cast<std::int64_t>(cached), xs, chunk);
      cached += xs.size() + out.size() - 1;
      ids.insert(ids.end(), out.begin(), out.end());
    }
    const std::vector<std::int64_t> drawn(ids.begin() + std::ssize(kPrompt),
                                          ids.begin() + std::ssize(kPrompt) + 20);
    EXPECT_EQ(drawn, expected(qwen, kPrompt, 20)) << chunk;
  }
}

TEST(QwenGen, DrawsTheSameWithoutAKvCache) {
  const TinyQwen qwen(25);
  Client client(qwen);
  QwenOptions options = Client::options(DType::f32);
  options.placement.kv_cache = false;
  client.program = make_qwen_program(options);
  const auto first = client.gen(0, kPrompt, 5);
  std::vector<std::int64_t> context = kPrompt;
  context.insert(context.end(), first.begin(), first.end());
  EXPECT_EQ(client.gen(10, {first.back()}, 8), expected(qwen, context, 8));
  client.cache = client.record("Cache", Client::fields_of(client.cache));
  EXPECT_THAT(error_of([&] { (void)client.gen(10, {1}, 1); }).what(),
              HasSubstr("expected a KV cache in f32, f16 or bf16 for keys and values that a client sent"));
}

TEST(QwenGen, GoesBackToAnEarlierPosition) {
  const TinyQwen qwen(8);
  Client client(qwen);
  (void)client.gen(0, {1, 2, 3, 4, 5, 6, 7, 8}, 6);
  EXPECT_EQ(client.gen(3, {30, 31}, 8), expected(qwen, {1, 2, 3, 30, 31}, 8));
  EXPECT_EQ(client.gen(0, kPrompt, 8), expected(qwen, kPrompt, 8));
}

/// while i < max && xsat + i < cs && (i == 0 ? 0 : last) != eos, with xsat what is cached at that point.
std::int64_t tokens_of_the_loop(std::int64_t xsat, std::int64_t n_new, std::int64_t cs, std::int64_t max) {
  std::int64_t i = 0;
  while (i < max && xsat + i < cs) {
    xsat += i == 0 ? n_new : 1;
    ++i;
  }
  return i;
}

TEST(QwenGen, EndsWhereTheProgramsLoopEnds) {
  const TinyQwen qwen(9);
  constexpr std::int64_t kPositions = 12;
  for (std::int64_t n_new = 1; n_new <= kPositions; ++n_new) {
    for (const std::int64_t max : {1, 2, 3, 100}) {
      Client client(qwen, DType::f32, kPositions);
      const std::vector<std::int64_t> xs(static_cast<std::size_t>(n_new), 4);
      const auto n = std::ssize(client.gen(0, xs, max));
      EXPECT_EQ(n, tokens_of_the_loop(0, n_new, kPositions, max)) << n_new << " " << max;
      const std::int64_t cached = n_new + n - 1;
      if (cached + 1 <= kPositions) {
        EXPECT_EQ(std::ssize(client.gen(cached, {5}, max)), tokens_of_the_loop(cached, 1, kPositions, max));
      }
    }
  }
}

TEST(QwenGen, EndsWithTheEndToken) {
  const TinyQwen qwen(10);
  const auto all = expected(qwen, kPrompt, 12);
  Client client(qwen);
  const std::int64_t eos = all[4];
  const auto first = std::ranges::find(all, eos) - all.begin();
  const std::vector<std::int64_t> upto(all.begin(), all.begin() + first + 1);
  EXPECT_EQ(client.gen(0, kPrompt, 12, eos), upto);
}

TEST(QwenGen, DrawsNothingWhereTheLoopDoesNotStart) {
  const TinyQwen qwen(11);
  Client client(qwen, DType::f32, 20);
  EXPECT_THAT(client.gen(0, kPrompt, 0), IsEmpty());
  EXPECT_THAT(client.gen(0, kPrompt, 5, 0), IsEmpty());  // what stands before the first token is 0
  EXPECT_THAT(client.gen(20, kPrompt, 5), IsEmpty());    // a full context
  EXPECT_EQ(client.gen(0, kPrompt, 5), expected(qwen, kPrompt, 5));
  EXPECT_THAT(client.gen(20, {1}, 5), IsEmpty());
  EXPECT_EQ(client.gen(6, {1}, 3), expected(qwen, {3, 14, 15, 9, 26, 5, 1}, 3));  // nothing was lost
}

TEST(QwenGen, LooksTokensUpAsTheProgramDoes) {
  const TinyQwen qwen(12);
  Client client(qwen);
  EXPECT_EQ(client.gen(0, {3, 1'000'000'000'000, 5}, 6), expected(qwen, {3, 60, 5}, 6));
}

TEST(QwenGen, RefusesWhatFutharkWould) {
  const TinyQwen qwen(13);
  Client client(qwen, DType::f32, 20);
  (void)client.gen(0, kPrompt, 3);  // 8 positions cached
  const auto refusal = [&](std::int64_t xsat, const std::vector<std::int64_t>& xs, std::int64_t n) {
    return std::string(error_of([&] { (void)client.gen(xsat, xs, n); }).what());
  };
  EXPECT_THAT(refusal(0, {}, 1), HasSubstr("gen: xs: expected from 1 to 20 tokens at position 0"));
  EXPECT_THAT(refusal(-1, {1}, 1), HasSubstr("found 1 at -1"));
  EXPECT_THAT(refusal(std::numeric_limits<std::int64_t>::min(), {1}, 1), HasSubstr("found 1 at -92233720"));
  EXPECT_THAT(refusal(8, std::vector<std::int64_t>(13, 1), 1), HasSubstr("expected from 1 to 12 tokens"));
  EXPECT_THAT(refusal(0, {1, -1}, 1), HasSubstr("gen: xs[1]: expected a token id, found -1"));
  EXPECT_THAT(refusal(0, {1}, -1), HasSubstr("max_new_tokens: expected at least 0, found -1"));
  EXPECT_THAT(refusal(9, {1}, 1),
              HasSubstr("xsat: expected at most 8 (positions this Cache holds), found 9"));
  EXPECT_EQ(client.gen(8, {7}, 4).size(), 4U);  // still usable
}

TEST(QwenGen, ConsumesTheCache) {
  const TinyQwen qwen(14);
  Client client(qwen);
  const Value before = client.cache;
  (void)client.gen(0, kPrompt, 3);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_THAT(error_of([&] { (void)std::get<std::shared_ptr<Record>>(before)->field(i); }).what(),
                HasSubstr("this Cache was consumed by a call; it can only be freed"));
  }
  EXPECT_THAT(error_of([&] { check_usable(before); }).what(), HasSubstr("consumed"));
  check_usable(client.cache);
}

TEST(QwenGen, NeedsACacheOfTheModelsShape) {
  const TinyQwen qwen(15);
  Client client(qwen);
  ModelConfig other = qwen.config();
  other.n_kv_heads = 1;
  client.cache = client.init(other, 30);
  EXPECT_THAT(
      error_of([&] { (void)client.gen(0, kPrompt, 3); }).what(),
      HasSubstr("gen: cache: expected 2 layers, 2 key-value heads of 6 by params, found [2][1][30][6]"));
}

TEST(QwenGen, ContinuesWithOtherParams) {
  const TinyQwen qwen(16);
  Client client(qwen);
  const auto first = client.gen(0, kPrompt, 4);
  client.params = client.record("Params", qwen.fields(DType::f32));
  std::vector<std::int64_t> context = kPrompt;
  context.insert(context.end(), first.begin(), first.end());
  EXPECT_EQ(client.gen(9, {first.back()}, 6), expected(qwen, context, 6));
}

TEST(QwenGen, LivesOnAfterWeightsThatAreNoNumbers) {
  const TinyQwen qwen(24);
  Client client(qwen);
  const Value good = client.params;
  for (const std::size_t field : {std::size_t{8}, std::size_t{9}}) {  // ffn_up, k_norm
    std::vector<Value> fields = qwen.fields(DType::f32);
    const Array& array = std::get<Array>(fields[field]);
    const std::vector<float> nans(array.bytes().size() / 4, std::numeric_limits<float>::quiet_NaN());
    fields[field] = TinyQwen::array(DType::f32, array.extents(), nans);
    client.params = client.record("Params", fields);
    const Error error = error_of([&] { (void)client.gen(0, kPrompt, 3); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_data);
    EXPECT_THAT(error.what(), HasSubstr("nan"));
  }
  client.params = good;
  EXPECT_EQ(client.gen(0, kPrompt, 5), expected(qwen, kPrompt, 5));
}

TEST(QwenCache, IsZerosWithRotaryAnglesAtFirst) {
  const TinyQwen qwen(17);
  for (const DType element : {DType::f32, DType::f16}) {
    const Client client(qwen, element, 7);
    const std::vector<Value> fields = Client::fields_of(client.cache);
    std::vector<float> cosine;
    std::vector<float> sine;
    for (int position = 0; position < 7; ++position) {
      for (int i = 0; i < 6; ++i) {
        const double angle = position * std::pow(1e6, -2.0 * (i % 3) / 6);
        cosine.push_back(static_cast<float>(std::cos(angle)));
        sine.push_back(static_cast<float>(std::sin(angle)));
      }
    }
    EXPECT_TRUE(same(fields[0], TinyQwen::array(element, {7, 6}, cosine)));
    EXPECT_TRUE(same(fields[2], TinyQwen::array(element, {7, 6}, sine)));
    const Array zeros = TinyQwen::array(element, {2, 2, 7, 6}, std::vector<float>(168, 0.0F));
    EXPECT_TRUE(same(fields[1], zeros));
    EXPECT_TRUE(same(fields[3], zeros));
  }
}

TEST(QwenCache, ComesBackFromItsArrays) {
  for (const DType element : {DType::f32, DType::f16}) {
    const TinyQwen qwen(18, element);
    Client client(qwen, element);
    const auto first = client.gen(0, kPrompt, 5);
    std::vector<std::int64_t> context = kPrompt;
    context.insert(context.end(), first.begin(), first.end());
    const std::vector<Value> fields = Client::fields_of(client.cache);
    EXPECT_FALSE(same(fields[1], fields[3]));
    client.cache = client.record("Cache", fields);
    const std::vector<Value> again = Client::fields_of(client.cache);
    EXPECT_TRUE(std::ranges::equal(fields, again, same));
    EXPECT_EQ(client.gen(10, {first.back()}, 8), expected(qwen, context, 8, element));
  }
}

TEST(QwenCache, HasShapesThatAgreeAndTheProgramsAngles) {
  const TinyQwen qwen(19);
  const Client client(qwen, DType::f32, 7);
  std::vector<Value> fields = Client::fields_of(client.cache);
  const auto refusal = [&](std::size_t field, const Array& array) {
    std::vector<Value> changed = fields;
    changed[field] = array;
    return std::string(error_of([&] { (void)client.record("Cache", changed); }).what());
  };
  EXPECT_THAT(refusal(0, TinyQwen::array(DType::f32, {6, 7}, std::vector<float>(42, 0.0F))),
              HasSubstr("Cache: cos: expected [7][6] by kcache, found [6][7]"));
  EXPECT_THAT(refusal(2, TinyQwen::array(DType::f32, {7, 6}, std::vector<float>(42, 0.5F))),
              HasSubstr("Cache: sin: expected rotary angles of theta 1000000"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal(0, TinyQwen::array(DType::f32, {7, 6}, std::vector<float>(42, nan))),
              HasSubstr("found nan"));
}

TEST(QwenCache, IsMadeOfSensibleExtents) {
  const TinyQwen qwen(20);
  const Client client(qwen);
  const auto refusal = [&](std::int64_t b, std::int64_t kvh, std::int64_t cs, std::int64_t dh) {
    return std::string(error_of([&] {
                         (void)client.call("init", {Array::of_i64(b), Array::of_i64(kvh), Array::of_i64(cs),
                                                    Array::of_i64(dh)});
                       }).what());
  };
  EXPECT_THAT(refusal(0, 1, 1, 2), HasSubstr("Cache: b: expected 1 to 4096, found 0"));
  EXPECT_THAT(refusal(1, -1, 1, 2), HasSubstr("Cache: kvh: "));
  EXPECT_THAT(refusal(1, 1, std::int64_t{1} << 40, 2), HasSubstr("Cache: cs: "));
  EXPECT_THAT(refusal(1, 1, 8, 3), HasSubstr("Cache: dh: expected an even number, found 3"));
  EXPECT_THAT(refusal(1, 1, 1 << 20, 1 << 10),
              HasSubstr("Cache: cs * dh: expected at most 268435456, found 1073741824"));
  EXPECT_THAT(refusal(4096, 1 << 26, 1 << 20, 1 << 8), HasSubstr("expected arrays that fit memory"));
}

TEST(QwenProgram, OffersParamsOfAModel) {
  const TinyQwen qwen(21);
  QwenOptions options = Client::options(DType::f32);
  options.model = qwen.model();
  Client client(qwen);
  client.program = make_qwen_program(options);
  client.params = client.call("params", {});
  client.cache = client.init(qwen.config(), 40);
  EXPECT_EQ(client.gen(0, kPrompt, 9), expected(qwen, kPrompt, 9));
}

TEST(QwenProgram, ListsTypesOnce) {
  EXPECT_THAT(make_qwen_program(Client::options(DType::f32)).types,
              ElementsAre("([]i64, Cache)", "Cache", "Params", "[][][][]f32", "[][][]f32", "[][]f32", "[]f32",
                          "[]i64", "i64"));
  EXPECT_THAT(make_qwen_program(Client::options(DType::f16)).types,
              ElementsAre("([]i64, Cache)", "Cache", "Params", "[][][][]f16", "[][][]f16", "[][]f16",
                          "[][]f32", "[]f32", "[]i64", "i64"));
}

TEST(QwenProgram, ReportsKernelsWhereAskedTo) {
  const TinyQwen qwen(22);
  for (const bool profile : {false, true}) {
    QwenOptions options = Client::options(DType::f32);
    options.profile = profile;
    Client client(qwen);
    client.program = make_qwen_program(options);
    const auto n_events = [&] { return nlohmann::json::parse(client.program.report())["events"].size(); };
    (void)client.gen(0, kPrompt, 2);
    const std::size_t n = n_events();
    EXPECT_EQ(n > 0, profile);
    client.program.pause_profiling(true);
    (void)client.gen(0, kPrompt, 2);
    EXPECT_EQ(n_events(), n);
    client.program.clear_profile();
    EXPECT_EQ(n_events(), 0U);
    client.program.pause_profiling(false);
    (void)client.gen(0, kPrompt, 2);
    EXPECT_EQ(n_events(), n);
  }
}

TEST(QwenTools, AddUpModulo64Bits) {
  const TinyQwen qwen(23);
  const Client client(qwen);
  const auto sum = [&](std::int64_t n) {
    return std::get<Array>(client.call("tool_sumN1_sum_of_first_n_integers", {Array::of_i64(n)})).as_i64();
  };
  const auto squares = [&](std::int64_t n) {
    return std::get<Array>(client.call("tool_sumN2_sum_of_squares_of_first_n_integers", {Array::of_i64(n)}))
        .as_i64();
  };
  std::int64_t a = 0;
  std::int64_t b = 0;
  for (std::int64_t n = -3; n < 100; ++n) {
    a += std::max<std::int64_t>(n, 0);
    b += n > 0 ? n * n : 0;
    EXPECT_EQ(sum(n), a);
    EXPECT_EQ(squares(n), b);
  }
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(sum(kLargest), -(std::int64_t{1} << 62));              // (2^63 - 1) 2^62
  EXPECT_EQ(sum(std::int64_t{1} << 33), (std::int64_t{1} << 32));  // 2^65 + 2^32
  // S(2n) = S(n) + sum of (n + k)^2 = 2 S(n) + n^3 + 2 n T(n), modulo 2^64.
  for (const std::int64_t n :
       {std::int64_t{1} << 40, (std::int64_t{1} << 62) - 1, std::int64_t{3'000'000'019}}) {
    const auto u = [](std::int64_t x) { return static_cast<std::uint64_t>(x); };
    EXPECT_EQ(u(squares(2 * n)), 2 * u(squares(n)) + u(n) * u(n) * u(n) + 2 * u(n) * u(sum(n))) << n;
  }
}

}  // namespace
}  // namespace reprise::engine::futhark
