// The generate call on the committed goldens: what comes out, why it ends, what it reports, what it refuses.
#include "engine/generate/generate.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/core/monotonic.h"
#include "engine/generate/token_sampler.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/data.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::golden_folder;
using reprise::testing::FileTensor;
using reprise::testing::ModelFolder;
using reprise::testing::Random;
using reprise::testing::random_config;
using reprise::testing::random_model;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using Ids = std::vector<TokenId>;

GenerateRequest request_of(Ids prompt_ids, std::int64_t max_new_tokens = 128) {
  GenerateRequest request;
  request.prompt_ids = std::move(prompt_ids);
  request.max_new_tokens = max_new_tokens;
  return request;
}

/// A committed golden: a model, a prompt, and its greedy continuation.
struct Golden {
  explicit Golden(const std::string& name) : model(Model::open((golden_folder() / name).string())) {
    std::ifstream file(golden_folder() / name / "golden.json");
    const auto json = nlohmann::json::parse(file);
    prompt_ids = json["prompt_ids"].get<Ids>();
    greedy_ids = json["greedy_ids"].get<Ids>();
  }
  [[nodiscard]] Session session(const Placement& placement = {}, SessionOptions options = {}) const {
    return {model, placement, options};
  }
  [[nodiscard]] GenerateRequest request(std::int64_t max_new_tokens) const {
    return request_of(prompt_ids, max_new_tokens);
  }
  [[nodiscard]] Ids greedy(std::size_t n) const { return {greedy_ids.begin(), greedy_ids.begin() + n}; }

  std::shared_ptr<const Model> model;
  Ids prompt_ids;
  Ids greedy_ids;
};

class Events final : public GenerateObserver {
 public:
  struct Kept {
    std::int64_t step;
    TokenId id;
    TokenId drawn;
    std::vector<float> logits;
    double seconds;
  };
  void on_token(const TokenEvent& event) override {
    kept.push_back(
        {event.step, event.id, event.drawn, {event.logits.begin(), event.logits.end()}, event.seconds});
  }
  [[nodiscard]] Ids drawn() const {
    Ids ids;
    for (const Kept& event : kept) {
      ids.push_back(event.drawn);
    }
    return ids;
  }
  std::vector<Kept> kept;
};

class GoldenCalls : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(GoldenCalls, GreedyIds) {
  const auto [name, backend] = GetParam();
  const Golden golden(name);
  Session session = golden.session({.backend = backend});
  const GenerateResult result = generate(session, golden.request(std::ssize(golden.greedy_ids)));
  EXPECT_EQ(result.generated_ids, golden.greedy_ids);
  EXPECT_EQ(result.finish_reason, FinishReason::length);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenCalls,
                         ::testing::Combine(::testing::Values("qwen3", "llama", "gpt2", "microgpt"),
                                            ::testing::Values("reference", "cpu")),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
                         });

TEST(Generate, EndsAtAnyOfTheEosIdsWhichIsPartOfTheResult) {
  const Golden golden("qwen3");
  Session session = golden.session();
  GenerateRequest request = golden.request(40);
  request.eos_ids = {5, 82, 18};  // the golden goes 127 110 18 82
  const GenerateResult result = generate(session, request);
  EXPECT_THAT(result.generated_ids, ElementsAre(127, 110, 18));
  EXPECT_EQ(result.finish_reason, FinishReason::eos);
  request.max_new_tokens = 3;
  EXPECT_EQ(generate(session, request).finish_reason, FinishReason::eos) << "on the last token allowed too";
  request.max_new_tokens = 2;
  EXPECT_EQ(generate(session, request).finish_reason, FinishReason::length);
}

TEST(Generate, EosIdsOfThePromptDoNotEndTheCall) {
  const Golden golden("qwen3");
  Session session = golden.session();
  GenerateRequest request = golden.request(2);
  request.eos_ids = {golden.prompt_ids.back()};
  EXPECT_THAT(generate(session, request).generated_ids, ElementsAre(127, 110));
}

TEST(Generate, EndsWhenTheContextIsFull) {
  const Golden golden("microgpt");  // 16 positions, a prompt of 3
  Session session = golden.session();
  const GenerateResult result = generate(session, golden.request(100));
  EXPECT_EQ(result.finish_reason, FinishReason::context_full);
  ASSERT_EQ(result.generated_ids.size(), 14U) << "13 more positions, and the token drawn after the last";
  EXPECT_EQ(Ids(result.generated_ids.begin(), result.generated_ids.begin() + 12), golden.greedy_ids);
  EXPECT_EQ(session.history().size(), 16U);
}

TEST(Generate, APromptAsLongAsTheContextGivesOneToken) {
  const Golden golden("microgpt");
  for (const bool kv_cache : {true, false}) {
    Session session = golden.session({.kv_cache = kv_cache});
    const GenerateResult result = generate(session, request_of(Ids(16, 1), 5));
    EXPECT_EQ(result.generated_ids.size(), 1U);
    EXPECT_EQ(result.finish_reason, FinishReason::context_full);
  }
}

TEST(Generate, TheSessionMayHoldLessThanTheModelButNeverMore) {
  const Golden golden("microgpt");
  Session small = golden.session({}, {.n_positions = 5});
  EXPECT_EQ(small.n_positions(), 5);
  const GenerateResult result = generate(small, golden.request(100));
  EXPECT_EQ(result.generated_ids, golden.greedy(3));
  EXPECT_EQ(result.finish_reason, FinishReason::context_full);
  EXPECT_EQ(golden.session({}, {.n_positions = 1000}).n_positions(), 16);
  EXPECT_EQ(golden.session().n_positions(), 16);
}

/// Wants no more once it was asked `n_asked` times.
class Stopping final : public GenerateObserver {
 public:
  explicit Stopping(int n_asked) : left_(n_asked) {}
  void on_token(const TokenEvent& /*event*/) override {}
  bool wants_more() override { return left_-- > 0; }

 private:
  int left_;
};

TEST(Generate, AnObserverThatWantsNoMoreEndsTheCall) {
  const Golden golden("qwen3");
  Session session = golden.session();
  Stopping stopping(3);
  const GenerateResult result = generate(session, golden.request(40), &stopping);
  EXPECT_EQ(result.generated_ids, golden.greedy(3));
  EXPECT_EQ(result.finish_reason, FinishReason::stopped);
  EXPECT_EQ(generate(session, golden.request(6)).generated_ids, golden.greedy(6)) << "the session goes on";
  Stopping at_the_end(6);
  EXPECT_EQ(generate(session, golden.request(6), &at_the_end).finish_reason, FinishReason::length);
}

TEST(Generate, AnObserverCanStopBetweenTheChunksOfAPrompt) {
  const Golden golden("qwen3");
  Session session = golden.session({}, {.prefill_chunk = 2});
  ASSERT_GT(golden.prompt_ids.size(), 4U);
  Stopping stopping(2);
  const GenerateResult result = generate(session, golden.request(6), &stopping);
  EXPECT_THAT(result.generated_ids, ElementsAre());
  EXPECT_EQ(result.finish_reason, FinishReason::stopped);
  EXPECT_GT(result.total_seconds, 0);
  EXPECT_EQ(session.history(), Ids(golden.prompt_ids.begin(), golden.prompt_ids.begin() + 4))
      << "what was processed stays cached";
  EXPECT_EQ(generate(session, golden.request(6)).generated_ids, golden.greedy(6));
}

std::string message(Session& session, const GenerateRequest& request) {
  ErrorCode code{};
  const Ids history = session.history();
  const std::string line = error_of([&] { generate(session, request); }, &code);
  EXPECT_EQ(code, ErrorCode::invalid_argument);
  EXPECT_EQ(session.history(), history) << "a refused call leaves the session as it was";
  return line;
}

TEST(Generate, RefusesWhatItCannotPerform) {
  const Golden golden("microgpt");  // 27 ids
  Session session = golden.session();
  generate(session, golden.request(1));
  EXPECT_EQ(message(session, {}), "request: prompt_ids: expected at least one token, found none");
  EXPECT_EQ(message(session, request_of(Ids(17, 0))),
            "request: prompt_ids: expected at most 16 tokens (the context), found 17");
  EXPECT_EQ(message(session, request_of({3, 27})),
            "request: prompt_ids[1]: expected a token id below 27, found 27");
  EXPECT_EQ(message(session, request_of({-1})),
            "request: prompt_ids[0]: expected a token id below 27, found -1");
  EXPECT_EQ(message(session, request_of({3}, 0)), "request: max_new_tokens: expected at least 1, found 0");
  EXPECT_EQ(message(session, request_of({3}, -4)), "request: max_new_tokens: expected at least 1, found -4");
  GenerateRequest request = request_of({3});
  request.forced_ids = {1, 2, 30};
  EXPECT_EQ(message(session, request), "request: forced_ids[2]: expected a token id below 27, found 30");
  request = request_of({3});
  request.sampling.top_p = 0;
  EXPECT_EQ(message(session, request), "request: top_p: expected a number above 0, at most 1, found 0");
}

TEST(Generate, ForcedIdsDriveDecodingWhateverIsDrawn) {
  const Golden golden("qwen3");
  Session session = golden.session();
  GenerateRequest request = golden.request(40);
  request.forced_ids = golden.greedy(6);
  Events events;
  EXPECT_EQ(generate(session, request, &events).generated_ids, golden.greedy(6));
  EXPECT_EQ(events.drawn(), golden.greedy(6)) << "each draw is made after the ids before it";

  request.forced_ids = {127, 3, 18, 82};  // 3 instead of 110
  Events diverted;
  const GenerateResult result = generate(session, request, &diverted);
  EXPECT_EQ(result.generated_ids, request.forced_ids);
  EXPECT_EQ(result.finish_reason, FinishReason::length);
  EXPECT_EQ(diverted.kept[1].id, 3);
  EXPECT_EQ(diverted.kept[1].drawn, 110);
  EXPECT_EQ(diverted.kept[1].logits, events.kept[1].logits);
  EXPECT_NE(diverted.kept[2].logits, events.kept[2].logits);
  Ids continued = golden.prompt_ids;
  continued.insert(continued.end(), {127, 3, 18});
  EXPECT_EQ(session.history(), continued);
}

TEST(Generate, ForcedCallsDoEqualWorkAndDoNotStopAtEos) {
  const Golden golden("qwen3");
  Session session = golden.session();
  GenerateRequest request = golden.request(6);
  const auto n_dispatches = [&] {
    session.truncate(0);
    const std::int64_t before = session.backend().n_dispatches();
    generate(session, request);
    return session.backend().n_dispatches() - before;
  };
  const std::int64_t free = n_dispatches();
  request.forced_ids = {9, 9, 9, 9, 9, 9};
  request.eos_ids = {9};
  EXPECT_EQ(n_dispatches(), free);
  EXPECT_EQ(generate(session, request).finish_reason, FinishReason::eos) << "the last one is";
  request.forced_ids = {1, 9, 1};
  const GenerateResult result = generate(session, request);
  EXPECT_EQ(result.generated_ids, request.forced_ids);
  EXPECT_EQ(result.finish_reason, FinishReason::length);
  request.max_new_tokens = 2;
  EXPECT_THAT(generate(session, request).generated_ids, ElementsAre(1, 9)) << "the fewer of both limits";
}

/// (n_cached, n_prompt) of a call, which shared_prefix() must have foretold.
std::pair<std::int64_t, std::int64_t> counts(Session& session, const GenerateRequest& request) {
  const std::int64_t foretold = shared_prefix(session, request);
  const GenerateResult result = generate(session, request);
  EXPECT_EQ(result.n_cached, foretold);
  return {result.n_cached, result.n_prompt};
}

TEST(Generate, ReportsWhatItFoundInTheCache) {
  const Golden golden("qwen3");  // a prompt of 24
  Session session = golden.session();
  using Counts = std::pair<std::int64_t, std::int64_t>;
  GenerateRequest request = golden.request(4);
  EXPECT_EQ(counts(session, request), Counts(0, 24));
  EXPECT_EQ(counts(session, request), Counts(23, 1)) << "the last token gives the logits, cached or not";

  Ids chat = golden.prompt_ids;  // the next turn: all but the last generated token is cached
  const Ids reply = golden.greedy(4);
  chat.insert(chat.end(), reply.begin(), reply.end());
  chat.push_back(7);
  EXPECT_EQ(session.history().size(), 27U);
  EXPECT_EQ(counts(session, request_of(chat, 1)), Counts(27, 2));
  EXPECT_EQ(session.history(), chat);

  request.prompt_ids[10] = (request.prompt_ids[10] + 1) % 128;
  EXPECT_EQ(counts(session, request), Counts(10, 14));
  request.prompt_ids.resize(5);
  EXPECT_EQ(counts(session, request), Counts(4, 1));
  request.prompt_ids[0] = (request.prompt_ids[0] + 1) % 128;
  EXPECT_EQ(counts(session, request), Counts(0, 5));
  EXPECT_EQ(session.history().size(), 8U) << "nothing of the calls before is left";

  Session uncached = golden.session({.kv_cache = false});
  EXPECT_EQ(counts(uncached, golden.request(4)), Counts(0, 24));
  EXPECT_EQ(counts(uncached, golden.request(4)), Counts(0, 24));
}

TEST(Generate, ReusedCallsGoOnAsFreshOnes) {
  const Golden golden("qwen3");
  Session session = golden.session();
  Ids prompt = golden.prompt_ids;
  for (std::size_t i = 0; i < 12; ++i) {  // one call a token
    const GenerateResult result = generate(session, request_of(prompt, 1));
    ASSERT_THAT(result.generated_ids, ElementsAre(golden.greedy_ids[i]));
    prompt.push_back(result.generated_ids.front());
  }
}

TEST(Generate, SecondsOfTokensAddUp) {
  const Golden golden("llama");
  Session session = golden.session();
  Events events;
  const GenerateResult result = generate(session, golden.request(12), &events);
  ASSERT_EQ(result.token_seconds.size(), 12U);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_GT(result.token_seconds[i], 0.0);
    EXPECT_EQ(events.kept[i].seconds, result.token_seconds[i]);
  }
  EXPECT_EQ(std::accumulate(result.token_seconds.begin(), result.token_seconds.end(), 0.0),
            result.total_seconds);
}

/// Takes its time, and knows how much it was.
class SlowObserver final : public GenerateObserver {
 public:
  void on_token(const TokenEvent& /*event*/) override {
    const double start = monotonic_seconds();
    double now = start;
    while (now < start + 0.002) {
      now = monotonic_seconds();
    }
    seconds += now - start;
  }
  double seconds = 0;
};

TEST(Generate, SecondsLeaveOutTheObserver) {
  const Golden golden("microgpt");
  Session session = golden.session();
  SlowObserver observer;
  const double start = monotonic_seconds();
  const GenerateResult result = generate(session, golden.request(8), &observer);
  EXPECT_LE(result.total_seconds + observer.seconds, monotonic_seconds() - start);
}

TEST(Generate, ObserverSeesTheLogitsOfEachStep) {
  const Golden golden("gpt2");
  Session session = golden.session();
  Events events;
  const GenerateResult result = generate(session, golden.request(10), &events);
  ASSERT_EQ(events.kept.size(), 10U);
  Ids text = golden.prompt_ids;
  text.insert(text.end(), result.generated_ids.begin(), result.generated_ids.end() - 1);
  Session other = golden.session();
  const TensorView<const float> rows = other.append(text, LogitsOf::all_tokens);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(events.kept[i].step, static_cast<std::int64_t>(i));
    EXPECT_EQ(events.kept[i].id, result.generated_ids[i]);
    const float* row = rows.row(std::ssize(golden.prompt_ids) - 1 + static_cast<std::int64_t>(i));
    ASSERT_THAT(events.kept[i].logits, ElementsAreArray(row, static_cast<std::size_t>(rows.extent(1))));
  }
}

TEST(Generate, EachTokenIsTheSamplersDrawAtItsPosition) {
  const Golden golden("llama");
  Session session = golden.session();
  GenerateRequest request = golden.request(20);
  request.sampling = {.repetition_penalty = 1.3F, .temperature = 1.5F, .top_k = 50, .seed = 4};
  Events events;
  const GenerateResult result = generate(session, request, &events);
  Ids context = golden.prompt_ids;
  for (std::size_t i = 0; i < 20; ++i) {
    ASSERT_EQ(result.generated_ids[i],
              sample_token(events.kept[i].logits, context, request.sampling, std::ssize(context)));
    context.push_back(result.generated_ids[i]);
  }
}

/// A model folder with one weight that is no number.
class NonFinite : public ::testing::Test {
 protected:
  NonFinite() {
    Random random(5);
    files_ = random_model(random_config("qwen3", false, random), 5);
    files_.config["tie_word_embeddings"] = false;
    files_.config["num_hidden_layers"] = 2;
    files_ = random_model(files_.config, 5);
  }
  /// The error of a call on the folder with one element changed: the same wherever it runs.
  std::string error_with(const std::string& tensor, std::size_t index, float value) {
    files_.tensors.at(tensor).set(index, value);
    files_.write(folder_.path());
    std::string error = error_at(tensor, {.backend = "reference"});
    for (const std::string_view isa : kernels::available_isas()) {
      EXPECT_EQ(error_at(tensor, {.isa = std::string(isa)}), error) << isa;
    }
    return error;
  }
  std::string error_at(const std::string& tensor, const Placement& placement) {
    SCOPED_TRACE(tensor + " on " + describe(placement));
    return error_of([&] {
      Session session(Model::open(folder_.path().string()), placement, {});
      generate(session, request_of({1, 2, 3}, 2));
    });
  }
  [[nodiscard]] std::string folder() const { return folder_.path().string(); }

  ScratchFolder folder_;
  ModelFolder files_;
};

TEST_F(NonFinite, NanInAMatrixIsNamed) {
  EXPECT_EQ(error_with("model.layers.1.self_attn.q_proj.weight", 4, NAN),
            folder() +
                ": logits after position 2: expected finite values, found nan or inf; "
                "weight q (layer 1): [4] is nan");
}

TEST_F(NonFinite, InfinityInAMatrixIsNamed) {
  EXPECT_EQ(error_with("lm_head.weight", 0, -INFINITY),
            folder() +
                ": logits after position 2: expected finite values, found nan or inf; "
                "weight head: [0] is -inf");
}

TEST_F(NonFinite, NanInAGainIsFoundWhenPlaced) {
  EXPECT_EQ(error_with("model.layers.0.post_attention_layernorm.weight", 1, NAN),
            folder() + ": ffn_norm (layer 0): expected finite weights, found [1] is nan");
}

/// Each weight is finite; a gate of either sign times its column is not.
TEST_F(NonFinite, OverflowWithoutACulprit) {
  const auto second_row = files_.config["hidden_size"].get<std::size_t>();
  FileTensor& gate = files_.tensors.at("model.layers.1.mlp.gate_proj.weight");
  gate.set(0, 1e30F);
  gate.set(second_row, -1e30F);
  FileTensor& up = files_.tensors.at("model.layers.1.mlp.up_proj.weight");
  up.set(0, 1e30F);
  EXPECT_EQ(error_with("model.layers.1.mlp.up_proj.weight", second_row, 1e30F),
            folder() + ": logits after position 2: expected finite values, found nan or inf");
}

}  // namespace
}  // namespace reprise::engine
