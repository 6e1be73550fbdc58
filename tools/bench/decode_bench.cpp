// How much of the memory's read bandwidth decoding uses. Reading speed and decoding are measured alternately
// in one process, because a virtual machine's bandwidth drifts within seconds: only figures of one round are
// compared.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <numeric>

#include "engine/core/error.h"
#include "engine/generate/generate.h"
#include "harness/clock/roofline.h"
#include "harness/stats/summary.h"
#include "tools/bench/decode_call.h"

namespace reprise::bench {
namespace {

struct Options {
  std::string model = "synthetic:qwen3-0.6b";
  engine::Placement placement;
  int rounds = 10;
  std::int64_t n_prompt = 16;
  std::int64_t n_new = 32;
};

struct Round {
  double read_bytes_per_second;
  double tokens_per_second;
  double weight_bytes_per_second;
  [[nodiscard]] double fraction() const { return weight_bytes_per_second / read_bytes_per_second; }
};

/// Seconds of the decoding steps alone: the first token's are those of the prompt.
double decode_seconds(engine::Session& session, const engine::GenerateRequest& request) {
  session.truncate(0);
  const engine::GenerateResult result = generate(session, request);
  return std::accumulate(result.token_seconds.begin() + 1, result.token_seconds.end(), 0.0);
}

Round measure_round(engine::Session& session, const engine::GenerateRequest& request, harness::Clock& clock) {
  harness::RooflineOptions roofline;
  roofline.arithmetic_seconds = 0;
  const harness::Roofline measured = harness::measure_roofline(session.placement().threads, clock, roofline);
  const double tokens_per_second =
      static_cast<double>(request.max_new_tokens - 1) / decode_seconds(session, request);
  return {measured.read_bytes_per_second, tokens_per_second,
          tokens_per_second * static_cast<double>(bytes_per_token(*session.weights()))};
}

template <class Value>
double median_of(const std::vector<Round>& rounds, Value&& value) {
  std::vector<double> values;
  for (const Round& round : rounds) {
    values.push_back(value(round));
  }
  return harness::median(values);
}

std::string load_average() {
  std::ifstream file("/proc/loadavg");
  std::string minute = "unknown";
  file >> minute;
  return minute;
}

void print(std::string_view label, double read, double tokens, double weights, double fraction) {
  fmt::print("{:>8} {:>12.1f} {:>12.1f} {:>14.1f} {:>10.1f} %  load {}\n", label, read / 1e9, tokens,
             weights / 1e9, 100 * fraction, load_average());
}

void run(const Options& options) {
  engine::SessionOptions session_options;
  session_options.n_positions = options.n_prompt + options.n_new;
  engine::Session session(engine::Model::open(options.model), options.placement, session_options);
  const engine::GenerateRequest request =
      request_of(options.n_prompt, options.n_new, session.model().config().n_vocab);
  fmt::print("{} on {}: {:.1f} MB of weights a token\n", options.model, describe(session.placement()),
             static_cast<double>(bytes_per_token(*session.weights())) / 1e6);
  fmt::print("{:>8} {:>12} {:>12} {:>14} {:>12}\n", "round", "read GB/s", "tokens/s", "weights GB/s",
             "fraction");
  decode_seconds(session, request);  // touches every page once

  harness::MonotonicClock clock;
  std::vector<Round> rounds;
  for (int i = 0; i < options.rounds; ++i) {
    const Round round = rounds.emplace_back(measure_round(session, request, clock));
    print(std::to_string(i), round.read_bytes_per_second, round.tokens_per_second,
          round.weight_bytes_per_second, round.fraction());
  }
  print("median", median_of(rounds, [](const Round& r) { return r.read_bytes_per_second; }),
        median_of(rounds, [](const Round& r) { return r.tokens_per_second; }),
        median_of(rounds, [](const Round& r) { return r.weight_bytes_per_second; }),
        median_of(rounds, [](const Round& r) { return r.fraction(); }));
}

}  // namespace
}  // namespace reprise::bench

int main(int argc, char** argv) {
  reprise::bench::Options options;
  CLI::App app("Decoding speed as a fraction of the read bandwidth measured beside it.");
  app.add_option("--model", options.model, "a model as `reprise generate` takes it")->capture_default_str();
  app.add_option("--precision", options.placement.precision, "native, f32, f16, bf16, int8 or int4")
      ->capture_default_str();
  app.add_option("--isa", options.placement.isa, "auto, scalar, avx2, avx512, avx512_vnni, amx or neon")
      ->capture_default_str();
  app.add_option("--threads", options.placement.threads, "0: all")->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--prompt-tokens", options.n_prompt)->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--new-tokens", options.n_new)->check(CLI::Range(2, 100'000))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    reprise::bench::run(options);
  } catch (const reprise::Error& error) {
    fmt::print(stderr, "decode_bench: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
