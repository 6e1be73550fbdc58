// The numerics contract as a property: for random models and prompts, the bits of every logit of every step
// depend on the model, the request and the two precisions alone.
#include <gmock/gmock.h>

#include <iostream>

#include "engine/generate/generate.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/hip/modules.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/digest_observer.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::DigestObserver;
using reprise::testing::kArchitectures;
using reprise::testing::Random;
using reprise::testing::random_block_config;
using reprise::testing::random_config;
using reprise::testing::random_model;

std::string digest_of_call(Session& session, const GenerateRequest& request, GenerateResult& result) {
  DigestObserver observer;
  result = generate(session, request, &observer);
  EXPECT_EQ(observer.n_steps(), result.generated_ids.size());
  return observer.finish();
}

/// How much of the prompt the session holds before the call.
enum class Reuse { fresh, other, part, all, restored };
constexpr const char* kReuseNames[] = {"fresh", "other", "part", "all", "restored"};

/// Everything that must not change a bit.
struct Variant {
  std::string backend;
  std::string isa;
  int threads = 1;
  std::int64_t prefill_chunk = 256;
  bool kv_cache = true;
  Reuse reuse = Reuse::fresh;
  bool exact_capacity = false;
};

std::vector<std::string> isas() {
  const auto available = kernels::available_isas();
  return {available.begin(), available.end()};
}

std::vector<Variant> variants_of(const std::string& backend, const std::vector<std::string>& isas,
                                 const std::vector<int>& thread_counts) {
  std::vector<Variant> variants;
  for (const std::string& isa : isas) {
    for (const int threads : thread_counts) {
      for (const std::int64_t chunk : {1, 3, 7, 64, 1000}) {
        for (const bool kv_cache : {true, false}) {
          for (const Reuse reuse : {Reuse::fresh, Reuse::other, Reuse::part, Reuse::all, Reuse::restored}) {
            variants.push_back({backend, isa, threads, chunk, kv_cache, reuse, (variants.size() & 1U) != 0});
          }
        }
      }
    }
  }
  return variants;
}

/// On emulated GPUs, and on this machine's.
std::vector<Variant> gpu_variants() {
  std::vector<Variant> variants = variants_of("hip-emulated", {"wave32", "wave64"}, {1});
  for (const kernels::HipWorld* world : kernels::gpu_worlds().worlds) {
    for (int i = 0; i < world->device_count(); ++i) {
      const std::vector<Variant> more = variants_of("hip", {world->open_device(i)->info().architecture}, {1});
      variants.insert(variants.end(), more.begin(), more.end());
    }
  }
  return variants;
}

/// Models: narrow ones hide no assumption, wide ones are worth sharing among threads, and those of whole
/// blocks are computed with in int8 and int4.
enum class Width { narrow, wide, blocks };
constexpr const char* kWidthNames[] = {"", "_wide", "_blocks"};

/// One model and one request, performed in many ways.
class Case {
 public:
  Case(std::string_view architecture, Width width, std::uint64_t seed) : random_(seed) {
    const nlohmann::json config = width == Width::blocks
                                      ? random_block_config(architecture, random_)
                                      : random_config(architecture, width == Width::wide, random_);
    const DType stored = random_.pick(std::vector{DType::f32, DType::f16, DType::bf16});
    random_model(config, seed, stored).write(folder_ / "model");
    model_ = Model::open((folder_ / "model").string());
    // Long ones are taken in tiles and panels, with their tails; short ones token by token.
    const std::int64_t longest = std::min<std::int64_t>(model_->config().n_context - 8, 80);
    const std::int64_t n_prompt = random_.coin() ? random_.between(9, 22) : longest;
    request_.prompt_ids = random_.ids(n_prompt, model_->config().n_vocab);
    request_.max_new_tokens = random_.between(3, 6);
    if (random_.coin()) {
      request_.sampling = {.repetition_penalty = 1.1F, .temperature = 0.8F, .top_k = 12, .seed = seed};
    }
    described_ = config.dump() + " stored as " + std::string(name_of(stored));
  }

  /// Performs the reference call for these precisions; variants are compared with it.
  void set_precisions(const std::string& precision, DType kv_precision) {
    placement_ = {.backend = "reference", .precision = precision, .kv_precision = kv_precision};
    weights_.reset();
    donor_ = std::make_unique<Session>(model_, placement_, SessionOptions{});
    expected_ = digest_of_call(*donor_, request_, expected_result_);
    // Not of the call above: a session's own bits may not be what restores it.
    donor_->truncate(0);
    donor_->append(request_.prompt_ids);
  }

  void check(const Variant& variant) {
    Session session = session_for(variant);
    const std::int64_t n_cached = prepare(session, variant.reuse);
    GenerateResult result;
    const std::string digest = digest_of_call(session, request_, result);
    EXPECT_EQ(digest, expected_) << explain(session, variant);
    EXPECT_EQ(result.generated_ids, expected_result_.generated_ids) << explain(session, variant);
    EXPECT_EQ(result.finish_reason, expected_result_.finish_reason);
    EXPECT_EQ(result.n_cached, variant.kv_cache ? n_cached : 0) << explain(session, variant);
    EXPECT_EQ(result.n_cached + result.n_prompt, std::ssize(request_.prompt_ids));
    EXPECT_EQ(session.placement().isa, variant.isa);
  }

  Random& random() { return random_; }

 private:
  Session session_for(const Variant& variant) {
    Placement placement = placement_;
    placement.backend = variant.backend;
    placement.isa = variant.isa;
    placement.threads = variant.threads;
    placement.kv_cache = variant.kv_cache;
    SessionOptions options{.prefill_chunk = variant.prefill_chunk};
    if (variant.exact_capacity) {
      options.n_positions = std::ssize(request_.prompt_ids) + request_.max_new_tokens;
    }
    if (variant.backend != "cpu") {
      return {model_, placement, options};
    }
    if (weights_ == nullptr) {
      Session session(model_, placement, options);
      weights_ = session.weights();
      return session;
    }
    return {weights_, make_backend(placement), options};
  }

  /// Returns how many prompt tokens the session then holds that the call need not process.
  std::int64_t prepare(Session& session, Reuse reuse) {
    const std::span<const TokenId> prompt(request_.prompt_ids);
    const std::int64_t n_part = random_.between(1, std::ssize(prompt) - 1);
    const auto part = prompt.first(static_cast<std::size_t>(n_part));
    GenerateRequest earlier;
    earlier.max_new_tokens = 2;
    switch (reuse) {
      case Reuse::fresh:
        return 0;
      case Reuse::other:
        earlier.prompt_ids.assign(part.begin(), part.end());
        earlier.prompt_ids[0] = (prompt[0] + 1) % 7;
        generate(session, earlier);
        return 0;
      case Reuse::part:
        // Another call that shares the beginning, and goes on with another token.
        earlier.prompt_ids.assign(part.begin(), part.end());
        earlier.prompt_ids.push_back((prompt[part.size()] + 1) % 7);
        generate(session, earlier);
        return n_part;
      case Reuse::all:
        earlier.prompt_ids = request_.prompt_ids;
        generate(session, earlier);
        return std::ssize(prompt) - 1;
      case Reuse::restored:
        session.restore(part, donor_->cache().copy_keys(n_part), donor_->cache().copy_values(n_part));
        return n_part;
    }
    return 0;
  }

  [[nodiscard]] std::string explain(const Session& session, const Variant& variant) const {
    return fmt::format("{}; chunk {}, {}, capacity {}; {}", describe(session.placement()),
                       variant.prefill_chunk, kReuseNames[static_cast<int>(variant.reuse)],
                       session.n_positions(), described_);
  }

  ScratchFolder folder_;
  Random random_;
  std::shared_ptr<const Model> model_;
  GenerateRequest request_;
  std::string described_;
  Placement placement_;
  std::shared_ptr<const Weights> weights_;  // of the cpu backend, at placement_.precision
  std::unique_ptr<Session> donor_;
  std::string expected_;
  GenerateResult expected_result_;
};

struct Precisions {
  std::vector<const char*> weights;
  std::vector<DType> kv;
};
Precisions precisions_for(Width width) {
  if (width == Width::blocks) {
    return {{"native", "int8", "int4"}, {DType::f32, DType::bf16, DType::int8}};
  }
  return {{"native", "f32", "f16", "bf16"}, {DType::f32, DType::f16, DType::bf16}};
}

/// `n_variants` drawn for each pair of precisions, each instruction set in turn; 0: all of them. And some on
/// GPUs for a third of the pairs: emulated ones take their time.
void check_contract(std::string_view architecture, Width width, std::uint64_t seed, std::size_t n_variants,
                    std::size_t n_gpu_variants) {
  Case test(architecture, width, seed);
  const std::vector<Variant> variants = variants_of("cpu", isas(), {1, 2, 3, 4});
  const std::vector<Variant> on_gpus = gpu_variants();
  const std::size_t n_each_isa = variants.size() / isas().size();
  std::map<std::string, std::size_t> ran;
  const Precisions precisions = precisions_for(width);
  for (const char* precision : precisions.weights) {
    for (const DType kv_precision : precisions.kv) {
      test.set_precisions(precision, kv_precision);
      for (std::size_t i = 0; i < (n_variants == 0 ? variants.size() : n_variants); ++i) {
        const auto drawn =
            static_cast<std::size_t>(test.random().between(0, static_cast<std::int64_t>(n_each_isa) - 1));
        const Variant& variant =
            n_variants == 0 ? variants[i] : variants[i % isas().size() * n_each_isa + drawn];
        ASSERT_NO_FATAL_FAILURE(test.check(variant));
        ++ran[variant.isa];
        if (::testing::Test::HasFailure()) {
          return;  // one explanation is enough
        }
      }
      for (std::size_t i = 0; i < (test.random().between(0, 2) == 0 ? n_gpu_variants : 0); ++i) {
        const Variant& variant = test.random().pick(on_gpus);
        ASSERT_NO_FATAL_FAILURE(test.check(variant));
        ++ran[variant.isa];
        if (::testing::Test::HasFailure()) {
          return;
        }
      }
    }
  }
  std::string log;
  for (const std::string& isa : isas()) {
    EXPECT_GT(ran[isa], 0U) << isa;
  }
  for (const auto& [isa, n] : ran) {
    log += fmt::format(" {}: {}", isa, n);
  }
  std::cout << architecture << kWidthNames[static_cast<int>(width)] << ": calls equal to the reference on"
            << log << "\n";
}

using Shape = std::tuple<std::string_view, Width>;
std::string name_of_shape(const ::testing::TestParamInfo<Shape>& test) {
  return std::string(std::get<0>(test.param)) + kWidthNames[static_cast<int>(std::get<1>(test.param))];
}
const auto kWidths = ::testing::Values(Width::narrow, Width::wide, Width::blocks);

class NumericsContract : public ::testing::TestWithParam<Shape> {};

TEST_P(NumericsContract, EveryScheduleGivesTheSameBits) {
  const auto [architecture, width] = GetParam();
  const bool wide = width == Width::wide;
  check_contract(architecture, width, wide ? 11 : 22, wide ? static_cast<int>(isas().size()) : 6,
                 wide ? 0 : 1);
}

INSTANTIATE_TEST_SUITE_P(Models, NumericsContract,
                         ::testing::Combine(::testing::ValuesIn(kArchitectures), kWidths), name_of_shape);

class NumericsContractNightly : public ::testing::TestWithParam<Shape> {};

TEST_P(NumericsContractNightly, EveryScheduleGivesTheSameBits) {
  const auto [architecture, width] = GetParam();
  check_contract(architecture, width, 1000, 0, 10);
  for (std::uint64_t seed = 1001; seed < 1011; ++seed) {
    check_contract(architecture, width, seed, 12, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, NumericsContractNightly,
                         ::testing::Combine(::testing::ValuesIn(kArchitectures), kWidths), name_of_shape);

}  // namespace
}  // namespace reprise::engine
