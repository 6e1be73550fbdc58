// Placements: their spellings, what they resolve to, and what is said of those that cannot run.
#include "engine/backends/placement.h"

#include <gmock/gmock.h>

#include <string>
#include <thread>

#include "engine/core/error.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/fast/fast_kernels.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

using ::testing::AnyOf;
using ::testing::StartsWith;

using reprise::testing::error_of;

void expect_refused(std::string_view key, std::string_view value, const std::string& line) {
  Placement placement;
  const Error error = error_of([&] { set_placement(placement, key, value); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_EQ(error.what(), line);
  EXPECT_EQ(placement, Placement()) << "a refused value changed the placement";
}

TEST(Placement, EveryKeySetsItsDimension) {
  Placement placement;
  set_placement(placement, "backend", "reference");
  set_placement(placement, "isa", "avx2");
  set_placement(placement, "precision", "bf16");
  set_placement(placement, "kv_cache", "off");
  set_placement(placement, "kv_precision", "f16");
  set_placement(placement, "threads", "7");
  set_placement(placement, "numerics", "exact");
  EXPECT_EQ(placement, (Placement{"reference", "avx2", "bf16", false, DType::f16, 7, "exact"}));
  set_placement(placement, "kv_cache", "on");
  EXPECT_TRUE(placement.kv_cache);
}

TEST(Placement, RefusesUnknownKeysAndValuesByName) {
  expect_refused("cores", "2",
                 "placement: key: expected one of backend, isa, precision, kv_cache, kv_precision, threads, "
                 "numerics, found 'cores'");
  expect_refused(
      "isa", "sse",
      "placement: isa: expected one of auto, scalar, avx2, avx512, avx512_vnni, amx, neon, found 'sse'");
  expect_refused("precision", "f64",
                 "placement: precision: expected one of native, f32, f16, bf16, int8, int4, found 'f64'");
  expect_refused("kv_cache", "yes", "placement: kv_cache: expected one of on, off, found 'yes'");
  expect_refused("kv_precision", "native",
                 "placement: kv_precision: expected one of f32, f16, bf16, int8, found 'native'");
  expect_refused("numerics", "", "placement: numerics: expected one of exact, fast, found ''");
  Placement placement;
  EXPECT_THAT(error_of([&] { set_placement(placement, "backend", "tpu"); }).what(),
              StartsWith("placement: backend: expected one of reference, cpu"));
}

TEST(Placement, ThreadsAreAWholeNumberWithinBounds) {
  for (const char* value : {"", "-1", "1025", "2.5", "2 ", " 2", "0x2", "two", "99999999999999999999"}) {
    expect_refused("threads", value,
                   "placement: threads: expected 0 (all) to 1024, found '" + std::string(value) + "'");
  }
  Placement placement;
  set_placement(placement, "threads", "1024");
  EXPECT_EQ(placement.threads, 1024);
  set_placement(placement, "threads", "0");
  EXPECT_EQ(placement.threads, 0);
}

TEST(Placement, ResolvesAutoToTheWidestIsaAndAllThreads) {
  const Placement placement = resolved({});
  EXPECT_EQ(placement.isa, kernels::available_isas().back());
  EXPECT_EQ(placement.threads, static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  EXPECT_EQ(resolved(placement), placement);
}

TEST(Placement, ResolvesTheReferenceToOneScalarThread) {
  for (const char* isa : {"auto", "scalar"}) {
    for (const int threads : {0, 1}) {
      Placement placement;
      placement.backend = "reference";
      placement.isa = isa;
      placement.threads = threads;
      placement = resolved(placement);
      EXPECT_EQ(placement.isa, "scalar");
      EXPECT_EQ(placement.threads, 1);
    }
  }
}

struct Refusal {
  Placement placement;
  ErrorCode code;
  std::string line;
};

TEST(Placement, RefusesWhatCannotRun) {
  const auto with = [](auto&& change) {
    Placement placement;
    change(placement);
    return placement;
  };
  const auto reference_with = [](auto&& change) {
    Placement placement;
    placement.backend = "reference";
    change(placement);
    return placement;
  };
  const Refusal refusals[] = {
      {reference_with([](Placement& p) { p.threads = 2; }), ErrorCode::invalid_argument,
       "placement: threads: expected 1 with backend reference, found 2"},
      {reference_with([](Placement& p) { p.isa = "avx2"; }), ErrorCode::invalid_argument,
       "placement: isa: expected auto or scalar with backend reference, found avx2"},
      {with([](Placement& p) { p.threads = -1; }), ErrorCode::invalid_argument,
       "placement: threads: expected 0 (all) to 1024, found -1"},
      {reference_with([](Placement& p) { p.threads = -1; }), ErrorCode::invalid_argument,
       "placement: threads: expected 1 with backend reference, found -1"},
      {with([](Placement& p) { p.threads = 1025; }), ErrorCode::invalid_argument,
       "placement: threads: expected 0 (all) to 1024, found 1025"},
      {reference_with([](Placement& p) { p.numerics = "fast"; }), ErrorCode::invalid_argument,
       "placement: numerics: expected exact with backend reference, found fast"},
      {with([](Placement& p) { p.isa = "mmx"; }), ErrorCode::invalid_argument,
       "isa: expected one of auto, scalar, avx2, avx512, avx512_vnni, amx, neon, found mmx"},
      {with([](Placement& p) { p.precision = "int2"; }), ErrorCode::invalid_argument,
       "placement: precision: expected one of native, f32, f16, bf16, int8, int4, found 'int2'"},
      {with([](Placement& p) { p.kv_precision = DType::i8; }), ErrorCode::invalid_argument,
       "placement: kv_precision: expected one of f32, f16, bf16, int8, found 'i8'"},
      {with([](Placement& p) { p.numerics = "loose"; }), ErrorCode::invalid_argument,
       "placement: numerics: expected one of exact, fast, found 'loose'"},
  };
  for (const Refusal& refusal : refusals) {
    const Error error = error_of([&] { resolved(refusal.placement); });
    EXPECT_EQ(error.code(), refusal.code);
    EXPECT_EQ(error.what(), refusal.line);
  }
}

TEST(Placement, FastNumericsNeedDotProducts) {
  Placement placement;
  placement.numerics = "fast";
  if (kernels::fast_kernels_available()) {
    EXPECT_EQ(resolved(placement).numerics, "fast");
  }
  placement.isa = "scalar";
  const Error error = error_of([&] { resolved(placement); });
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_THAT(std::string(error.what()),
              AnyOf("numerics: expected exact with an isa narrower than avx512, found fast with scalar",
                    "numerics: expected exact in a build without oneDNN, found fast"));
}

TEST(Placement, DescribesItselfInOneLine) {
  EXPECT_EQ(describe({"cpu", "avx512", "bf16", true, DType::f32, 2, "exact"}),
            "cpu avx512 bf16, KV cache f32, 2 threads, exact");
  EXPECT_EQ(describe({"reference", "scalar", "native", false, DType::f16, 1, "exact"}),
            "reference scalar native, KV cache off, 1 thread, exact");
}

}  // namespace
}  // namespace reprise::engine
