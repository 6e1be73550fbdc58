#include "harness/profile/profile_replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/tests/capture/capture_fixtures.h"

namespace reprise::harness {
namespace {

using engine::Call;
using engine::Capture;
using engine::kLlama;
using engine::kMicrogpt;
using engine::model_of;

constexpr std::int64_t kPrompt = 11;
constexpr std::int64_t kGenerated = 5;

ReplayProfile profiled(const Capture& capture, const engine::Placement& placement, int n_runs = 3,
                       const std::optional<Roofline>& roofline = {}) {
  WeightPool pool;
  EngineReplay replay(capture, model_of(capture.model.spec), {placement, {}}, pool);
  EXPECT_TRUE(replay.verify().agrees());
  return profile_replay(replay, roofline, {.n_runs = n_runs});
}

/// "phase kernel" to its calls.
std::map<std::string, std::int64_t> calls_of(const CostProfile& profile) {
  std::map<std::string, std::int64_t> calls;
  for (const CostCentre& centre : profile.centres) {
    calls[centre.phase + " " + centre.name] = centre.calls;
  }
  return calls;
}

const CostCentre& centre_of(const CostProfile& profile, const std::string& phase, const std::string& name) {
  for (const CostCentre& centre : profile.centres) {
    if (centre.phase == phase && centre.name == name) {
      return centre;
    }
  }
  ADD_FAILURE() << "no centre " << phase << " " << name;
  return profile.centres.front();
}

/// microgpt-tiny, a forward pass: embedding, its norm; in each of 2 layers 2 norms, 6 matrices (q, k, v, o,
/// up, down), storing, attention, relu; the head. The prompt is one pass, each token after the first another.
TEST(ProfileReplay, CountsTheKernelsOfMicrogpt) {
  const ReplayProfile result = profiled(Call(kMicrogpt, kPrompt, kGenerated).record(), {.threads = 1});
  const std::map<std::string, std::int64_t> pass = {{"embed", 1},          {"rms_norm", 1 + 2 * 2},
                                                    {"linear", 2 * 6 + 1}, {"store_kv", 2},
                                                    {"attention", 2},      {"relu", 2}};
  std::map<std::string, std::int64_t> expected;
  for (const auto& [name, calls] : pass) {
    expected["prefill " + name] = calls;
    expected["decode " + name] = calls * (kGenerated - 1);
  }
  EXPECT_EQ(calls_of(result.profile), expected);
  EXPECT_EQ(result.n_operations, 25 * kGenerated);
}

/// llama-tiny, a forward pass: embedding; in each of 3 layers 2 norms, 7 matrices, 2 rotations, storing,
/// attention, swiglu; the final norm and the head.
TEST(ProfileReplay, CountsTheKernelsOfLlamaWithACachedPrefix) {
  const ReplayProfile result = profiled(Call(kLlama, kPrompt, kGenerated, 8).record(), {.threads = 2});
  const std::map<std::string, std::int64_t> pass = {
      {"embed", 1},    {"rms_norm", 3 * 2 + 1}, {"linear", 3 * 7 + 1}, {"rope", 3 * 2},
      {"store_kv", 3}, {"attention", 3},        {"swiglu", 3}};
  std::map<std::string, std::int64_t> expected;
  for (const auto& [name, calls] : pass) {
    expected["prefill " + name] = calls;
    expected["decode " + name] = calls * (kGenerated - 1);
  }
  EXPECT_EQ(calls_of(result.profile), expected);
  EXPECT_EQ(result.n_operations, 45 * kGenerated);
}

/// One matrix product y = W x over `n` tokens, by the definition in kernels/cost.h: weights, inputs, outputs
/// and a residual once each, two flops a multiply-add and one for each residual.
struct Product {
  std::int64_t n_out;
  std::int64_t n_in;
  bool residual;
};

engine::Cost cost_by_hand(const std::vector<Product>& products, std::int64_t n, std::int64_t weight_bytes) {
  engine::Cost cost;
  for (const Product& p : products) {
    const std::int64_t residual = p.residual ? n * p.n_out : 0;
    cost.bytes += p.n_out * p.n_in * weight_bytes + 4 * (n * p.n_in + n * p.n_out + residual);
    cost.flops += 2 * n * p.n_out * p.n_in + residual;
  }
  return cost;
}

TEST(ProfileReplay, BytesAndFlopsOfMatricesAreThoseCountedByHand) {
  const std::vector<Product> microgpt_layer = {{36, 36, false}, {36, 36, false},  {36, 36, false},
                                               {36, 36, true},  {144, 36, false}, {36, 144, true}};
  const std::vector<Product> llama_layer = {{96, 96, false}, {48, 96, false},  {48, 96, false},
                                            {96, 96, true},  {200, 96, false}, {200, 96, false},
                                            {96, 200, true}};
  struct Case {
    const char* model;
    std::vector<Product> layer;
    std::int64_t n_layers;
    Product head;
    std::int64_t weight_bytes;
  };
  for (const Case& c : {Case{kMicrogpt, microgpt_layer, 2, {300, 36, false}, 4},
                        Case{kLlama, llama_layer, 3, {320, 96, false}, 2}}) {
    SCOPED_TRACE(c.model);
    for (const std::int64_t n_cached : {0, 8}) {
      const ReplayProfile result =
          profiled(Call(c.model, kPrompt, kGenerated, n_cached).record(), {.threads = 1}, 1);
      const auto pass = [&](std::int64_t n) {
        const engine::Cost layer = cost_by_hand(c.layer, n, c.weight_bytes);
        const engine::Cost head = cost_by_hand({c.head}, 1, c.weight_bytes);  // of the last token alone
        return engine::Cost{c.n_layers * layer.bytes + head.bytes, c.n_layers * layer.flops + head.flops};
      };
      const CostCentre& prefill = centre_of(result.profile, "prefill", "linear");
      EXPECT_EQ(prefill.bytes, pass(kPrompt - n_cached).bytes);
      EXPECT_EQ(prefill.flops, pass(kPrompt - n_cached).flops);
      const CostCentre& decode = centre_of(result.profile, "decode", "linear");
      EXPECT_EQ(decode.bytes, (kGenerated - 1) * pass(1).bytes);
      EXPECT_EQ(decode.flops, (kGenerated - 1) * pass(1).flops);
    }
  }
}

/// Without a cache every step processes all positions so far.
TEST(ProfileReplay, WithoutACacheDecodingPaysForEveryPosition) {
  const ReplayProfile result =
      profiled(Call(kMicrogpt, kPrompt, kGenerated, 8).record(), {.kv_cache = false, .threads = 1});
  std::int64_t positions = 0;
  for (std::int64_t step = 1; step < kGenerated; ++step) {
    positions += kPrompt + step;
  }
  // Storing keys and values: 2 layers, 2 rows of 36 for each position, f32 read and f32 written.
  EXPECT_EQ(centre_of(result.profile, "prefill", "store_kv").bytes, 2 * 2 * 36 * 8 * kPrompt);
  EXPECT_EQ(centre_of(result.profile, "decode", "store_kv").bytes, 2 * 2 * 36 * 8 * positions);
  EXPECT_EQ(result.n_operations, 25 * kGenerated);
}

TEST(ProfileReplay, CentresAndTheRestAreTheWallTime) {
  for (const int n_runs : {1, 2, 5}) {
    const ReplayProfile result = profiled(Call(kLlama, kPrompt, kGenerated, 4).record(), {.threads = 2},
                                          n_runs, Roofline{10e9, 100e9});
    double seconds = result.profile.unattributed_seconds;
    double fraction = result.profile.unattributed_seconds / result.profile.wall_seconds;
    for (const CostCentre& centre : result.profile.centres) {
      EXPECT_GT(centre.seconds, 0) << centre.name;
      EXPECT_TRUE(centre.roofline_fraction.has_value());
      seconds += centre.seconds;
      fraction += centre.fraction;
    }
    EXPECT_GT(result.profile.wall_seconds, 0);
    EXPECT_GE(result.profile.unattributed_seconds, 0);  // kernels of one call do not overlap
    EXPECT_NEAR(seconds, result.profile.wall_seconds, 1e-12);
    EXPECT_NEAR(fraction, 1, 1e-9);
    EXPECT_GT(result.overhead.fraction, -1);
  }
}

/// Runs one at a time: each a whole profile, of the same kernels.
TEST(ObserveRun, IsAProfileOfItsOwn) {
  const Capture capture = Call(kMicrogpt, kPrompt, kGenerated, 4).record();
  WeightPool pool;
  EngineReplay replay(capture, model_of(kMicrogpt), {{.threads = 1}, {}}, pool);
  replay.verify();
  const ObservedRun first = observe_run(replay);
  const ObservedRun second = observe_run(replay);
  for (const ObservedRun* run : {&first, &second}) {
    EXPECT_EQ(run->n_operations, 25 * kGenerated);
    const CostProfile profile = run->builder.build(run->wall_seconds);
    EXPECT_GT(profile.wall_seconds, 0);
    EXPECT_GE(profile.unattributed_seconds, 0);
  }
  EXPECT_EQ(calls_of(first.builder.build(1)), calls_of(second.builder.build(1)));
}

TEST(ProfileReplay, SharesAreOfTheCeilingsForAsManyThreads) {
  const Capture capture = Call(kLlama, kPrompt, kGenerated).record();
  // Storing keys is reading and writing alone.
  Roofline roofline{64e9, 1e12};
  roofline.points = {{Limit::read, 1, 16e9, "load"}, {Limit::f32_fma, 1, 1e12, "multiply-add"}};
  for (const auto& [threads, ceiling] : {std::pair{1, 16e9}, std::pair{2, 64e9}}) {
    const ReplayProfile result = profiled(capture, {.threads = threads}, 1, roofline);
    const CostCentre& stores = centre_of(result.profile, "decode", "store_kv");
    EXPECT_DOUBLE_EQ(*stores.roofline_fraction, stores.bytes_per_second / ceiling);
    EXPECT_EQ(stores.roofline_limit, Limit::read);
  }
}

/// Products with matrices in blocks are compared with the peak of integer dot products, all else with f32's.
TEST(ProfileReplay, MatricesInBlocksAreIntegerProducts) {
  const Roofline roofline{1e30, 1e12, {}, 4e12};  // reading is no limit
  const ReplayProfile result = profiled(Call("synthetic:qwen3-tiny", kPrompt, kGenerated).record(),
                                        {.precision = "int8", .threads = 1}, 1, roofline);
  const CostCentre& linear = centre_of(result.profile, "prefill", "linear");
  EXPECT_EQ(linear.roofline_limit, Limit::int8_dot);
  EXPECT_NEAR(*linear.roofline_fraction / (linear.flops_per_second / 4e12), 1, 1e-9);
  const CostCentre& attention = centre_of(result.profile, "prefill", "attention");
  EXPECT_EQ(attention.roofline_limit, Limit::f32_fma);
}

ReplayProfile profiled_with_timeline(const Capture& capture, const engine::Placement& placement,
                                     int n_runs = 1) {
  WeightPool pool;
  EngineReplay replay(capture, model_of(capture.model.spec), {placement, {}}, pool);
  EXPECT_TRUE(replay.verify().agrees());
  return profile_replay(replay, {}, {.n_runs = n_runs, .with_timeline = true});
}

TEST(ProfileReplay, ATimelineHasAnEventForEachOperation) {
  for (const char* const model : {kMicrogpt, kLlama}) {
    const ReplayProfile result =
        profiled_with_timeline(Call(model, kPrompt, kGenerated, 4).record(), {.threads = 2});
    ASSERT_TRUE(result.timeline.has_value());
    EXPECT_EQ(static_cast<std::int64_t>(result.timeline->size()), result.n_operations);
    EXPECT_EQ(problem_of(*result.timeline), "");
    EXPECT_EQ(result.timeline->events.start_seconds.at(0), 0);
  }
}

/// Of several runs the profile and the timeline are the same one's.
TEST(ProfileReplay, EventsOfACentreAddUpToIt) {
  for (const int n_runs : {1, 4}) {
    const ReplayProfile result =
        profiled_with_timeline(Call(kLlama, kPrompt, kGenerated, 4).record(), {.threads = 1}, n_runs);
    const TimelineEvents& events = result.timeline.value().events;
    std::map<std::pair<std::string, std::string>, CostCentre> sums;
    for (std::size_t i = 0; i < result.timeline->size(); ++i) {
      CostCentre& sum = sums[{std::string(phase_of_token(events.token[i])), result.timeline->kernel(i)}];
      sum.calls += 1;
      sum.seconds += events.seconds[i];
      sum.bytes += events.bytes[i];
      sum.flops += events.flops[i];
    }
    EXPECT_EQ(sums.size(), result.profile.centres.size());
    for (const CostCentre& centre : result.profile.centres) {
      SCOPED_TRACE(centre.phase + " " + centre.name);
      const CostCentre& sum = sums[{centre.phase, centre.name}];
      EXPECT_EQ(sum.calls, centre.calls);
      EXPECT_DOUBLE_EQ(sum.seconds, centre.seconds);
      EXPECT_EQ(sum.bytes, centre.bytes);
      EXPECT_EQ(sum.flops, centre.flops);
    }
  }
}

using Layers = std::vector<std::optional<std::int64_t>>;

/// Of each token, the layers that its events lie in, one after the other.
std::map<std::int64_t, Layers> layers_by_token(const TimelineEvents& events) {
  std::map<std::int64_t, Layers> layers;
  for (std::size_t i = 0; i < events.token.size(); ++i) {
    Layers& own = layers[events.token[i]];
    if (own.empty() || own.back() != events.layer[i]) {
      own.push_back(events.layer[i]);
    }
  }
  return layers;
}

/// Outside of layers the embedding, and at the end the last norm and the head.
TEST(ProfileReplay, EveryTokenPassesEveryLayer) {
  const std::optional<std::int64_t> none;
  for (const auto& [model, passed] :
       {std::pair{kMicrogpt, Layers{none, 0, 1, none}}, std::pair{kLlama, Layers{none, 0, 1, 2, none}}}) {
    for (const bool kv_cache : {true, false}) {
      const ReplayProfile result = profiled_with_timeline(Call(model, kPrompt, kGenerated).record(),
                                                          {.kv_cache = kv_cache, .threads = 1});
      const TimelineEvents& events = result.timeline.value().events;
      EXPECT_TRUE(std::is_sorted(events.token.begin(), events.token.end()));
      std::map<std::int64_t, Layers> expected;
      for (std::int64_t token = 0; token < kGenerated; ++token) {
        expected[token] = passed;
      }
      EXPECT_EQ(layers_by_token(events), expected) << model;
    }
  }
}

/// Each token of decode attends to one position more; the head has a row for the last token alone.
TEST(ProfileReplay, EventsHaveTheShapesOfTheirOperations) {
  const ReplayProfile result =
      profiled_with_timeline(Call(kLlama, kPrompt, kGenerated, 8).record(), {.threads = 1});
  const TimelineEvents& events = result.timeline.value().events;
  for (std::size_t i = 0; i < result.timeline->size(); ++i) {
    const std::string& kernel = result.timeline->kernel(i);
    const bool is_head = kernel == "linear" && !events.layer[i];
    const std::int64_t n_tokens = events.token[i] == 0 && !is_head ? kPrompt - 8 : 1;
    if (kernel != "rms_norm") {  // the last norm is of the last token alone, too
      EXPECT_EQ(events.rows[i], n_tokens) << kernel << " of token " << events.token[i];
    }
    if (kernel == "attention") {
      EXPECT_EQ(events.terms[i], kPrompt + events.token[i]);
    } else if (is_head) {
      EXPECT_EQ(events.columns[i], 320);
      EXPECT_EQ(events.terms[i], 96);
    }
  }
}

/// There the launches are fewer than the operations, and copies and waiting are events as well.
TEST(ProfileReplay, ATimelineOfAGpuHasItsLayersToo) {
  const ReplayProfile result =
      profiled_with_timeline(Call(kLlama, 3, 2).record(), {.backend = "hip-emulated"});
  const Timeline& timeline = result.timeline.value();
  EXPECT_EQ(problem_of(timeline), "");
  for (std::int64_t token = 0; token < 2; ++token) {
    std::set<std::optional<std::int64_t>> layers;
    for (std::size_t i = 0; i < timeline.size(); ++i) {
      if (timeline.events.token[i] == token) {
        layers.insert(timeline.events.layer[i]);
      }
    }
    EXPECT_EQ(layers, (std::set<std::optional<std::int64_t>>{std::nullopt, 0, 1, 2}));
  }
  EXPECT_EQ(*std::max_element(timeline.events.token.begin(), timeline.events.token.end()), 1);
}

TEST(ProfileReplay, WithoutAskingThereIsNoTimeline) {
  const Capture capture = Call(kMicrogpt, 3, 2).record();
  EXPECT_FALSE(profiled(capture, {.threads = 1}, 1).timeline.has_value());
  WeightPool pool;
  EngineReplay replay(capture, model_of(kMicrogpt), {{.threads = 1}, {}}, pool);
  replay.verify();
  EXPECT_FALSE(observe_run(replay).timeline.has_value());
  EXPECT_TRUE(observe_run(replay, true).timeline.has_value());
}

TEST(ProfileReplay, OneTokenHasNoDecoding) {
  const ReplayProfile result = profiled(Call(kMicrogpt, kPrompt, 1).record(), {.threads = 1}, 1);
  for (const CostCentre& centre : result.profile.centres) {
    EXPECT_EQ(centre.phase, "prefill");
  }
  EXPECT_EQ(result.n_operations, 25);
}

/// Profiling leaves no observer behind, and changes no bit.
TEST(ProfileReplay, LeavesTheReplayAsItWas) {
  const Capture capture = Call(kMicrogpt, kPrompt, kGenerated, 8).record();
  WeightPool pool;
  EngineReplay replay(capture, model_of(kMicrogpt), {{.threads = 1}, {}}, pool);
  replay.verify();
  profile_replay(replay, {}, {.n_runs = 1});
  const std::int64_t before = replay.n_dispatches();
  replay.restore();
  EXPECT_EQ(replay.n_dispatches(), before);
  EXPECT_TRUE(replay.run().verified);
  EXPECT_EQ(replay.n_dispatches(), before + 25 * kGenerated);
}

TEST(ProfileReplayDeathTest, NeedsAVerifiedReplayAndARun) {
  const Capture capture = Call(kMicrogpt, 3, 2).record();
  WeightPool pool;
  EngineReplay replay(capture, model_of(kMicrogpt), {{.threads = 1}, {}}, pool);
  EXPECT_DEATH(profile_replay(replay, {}, {.n_runs = 1}), "check failed: verifier_ != nullptr");
  replay.verify();
  EXPECT_DEATH(profile_replay(replay, {}, {.n_runs = 0}), "check failed: options.n_runs >= 1");
}

}  // namespace
}  // namespace reprise::harness
