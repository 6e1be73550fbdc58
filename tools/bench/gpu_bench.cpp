// One model on a GPU, in each precision: whether it gives the processor's bits, how fast it is, and what
// share of the device's own speed that is. The device's speed is measured before each precision: only figures
// of one row are compared. tools/gpu_bench builds this, tests the kernels, and runs it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <numeric>

#include "engine/backends/hip_backend.h"
#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/generate/generate.h"
#include "harness/stats/summary.h"
#include "tools/bench/decode_call.h"

namespace reprise::bench {
namespace {

struct Options {
  std::string model = "synthetic:qwen3-0.6b";
  std::string backend = "hip";
  std::vector<std::string> precisions = {"f32", "f16", "bf16", "int8", "int4"};
  int rounds = 10;
  std::int64_t n_prompt = 512;
  std::int64_t n_new = 128;
  std::int64_t n_checked = 24;  ///< prompt tokens of the call whose bits are compared
};

/// Digests every logit of a call.
class Digester final : public engine::GenerateObserver {
 public:
  void on_token(const engine::TokenEvent& event) override { digest_.update(std::as_bytes(event.logits)); }
  std::string finish() { return engine::to_hex(digest_.finish()); }

 private:
  engine::Sha256 digest_;
};

std::string digest_of_call(engine::Session& session, std::int64_t n_prompt) {
  Digester digester;
  session.truncate(0);
  generate(session, request_of(n_prompt, 8, session.model().config().n_vocab), &digester);
  return digester.finish();
}

/// Parameters that each token of a prompt is multiplied with: those of the layers' matrices.
std::int64_t parameters_per_token(const engine::Weights& weights) {
  std::int64_t n = 0;
  for (const engine::LayerWeights& layer : weights.layers) {
    for (const engine::AnyTensorView& matrix :
         {layer.q, layer.k, layer.v, layer.o, layer.gate, layer.up, layer.down}) {
      n += matrix.empty() ? 0 : matrix.shape().count();
    }
  }
  return n;
}

/// One precision's row of the table.
void measure(const Options& options, const std::shared_ptr<const engine::Model>& model,
             const std::string& precision, const std::string& numerics) {
  engine::Placement placement;
  placement.backend = options.backend;
  placement.precision = precision;
  placement.numerics = numerics;
  placement = resolved(placement);
  const engine::kernels::DeviceRates rates = engine::find_hip_device(placement)->measure_rates();
  engine::SessionOptions session_options;
  session_options.n_positions = options.n_prompt + options.n_new;
  engine::Session session(model, placement, session_options);
  std::string bits = "not compared";
  if (numerics == "fast") {
    bits = "differ by design";
  } else if (options.n_checked > 0) {
    engine::Placement host;
    host.precision = precision;
    engine::Session expected(model, host, session_options);
    bits = digest_of_call(session, options.n_checked) == digest_of_call(expected, options.n_checked)
               ? "identical"
               : "DIFFERENT";
  }
  const engine::GenerateRequest request =
      request_of(options.n_prompt, options.n_new, model->config().n_vocab);
  std::vector<double> prefill;
  std::vector<double> decode;
  for (int i = 0; i < options.rounds + 1; ++i) {
    session.truncate(0);
    const engine::GenerateResult result = generate(session, request);
    if (i > 0) {  // the first call records launches
      prefill.push_back(static_cast<double>(options.n_prompt) / result.token_seconds.front());
      decode.push_back(static_cast<double>(result.token_seconds.size() - 1) /
                       std::accumulate(result.token_seconds.begin() + 1, result.token_seconds.end(), 0.0));
    }
  }
  const double tokens = harness::median(decode);
  const double weights = tokens * static_cast<double>(bytes_per_token(*session.weights()));
  const double flops =
      harness::median(prefill) * 2 * static_cast<double>(parameters_per_token(*session.weights()));
  fmt::print("| {} | {} | {} | {:.0f} | {:.2f} | {:.1f} % | {:.0f} | {:.1f} | {:.1f} % |\n", precision,
             numerics, bits, harness::median(prefill), flops / 1e12,
             100 * flops / rates.bf16_flops_per_second, tokens, weights / 1e9,
             100 * weights / rates.copy_bytes_per_second);
  std::fflush(stdout);
}

void run(const Options& options) {
  const auto model = engine::Model::open(options.model);
  engine::Placement placement;
  placement.backend = options.backend;
  placement = resolved(placement);
  const engine::kernels::DeviceRates rates = engine::find_hip_device(placement)->measure_rates();
  fmt::print(
      "{} on {} {}: copies at {:.1f} GB/s (read and written), {:.3f} f32 TFLOP/s, {:.3f} bf16 matrix "
      "TFLOP/s; {} + {} "
      "tokens, median of {}\n\n",
      options.model, placement.backend, placement.isa, rates.copy_bytes_per_second / 1e9,
      rates.f32_flops_per_second / 1e12, rates.bf16_flops_per_second / 1e12, options.n_prompt, options.n_new,
      options.rounds);
  fmt::print(
      "| weights | numerics | logits, against cpu | prefill tokens/s | TFLOP/s | of matrix rate | decode "
      "tokens/s | "
      "weights GB/s | of copies |\n");
  fmt::print("|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string& precision : options.precisions) {
    measure(options, model, precision, "exact");
    if (precision == "f16" || precision == "bf16") {
      measure(options, model, precision, "fast");
    }
  }
}

}  // namespace
}  // namespace reprise::bench

int main(int argc, char** argv) {
  reprise::bench::Options options;
  CLI::App app(
      "A model on a GPU: its bits, its speed, and the share of the device's own speed that it reaches.");
  app.add_option("--model", options.model, "a model as `reprise generate` takes it")
      ->capture_default_str()
      ->take_last();
  app.add_option("--backend", options.backend, "hip, or hip-emulated to try this program")
      ->capture_default_str()
      ->take_last();
  app.add_option("--precision", options.precisions, "f32, f16, bf16, int8, int4")->capture_default_str();
  app.add_option("--rounds", options.rounds)
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->take_last();
  app.add_option("--prompt-tokens", options.n_prompt)
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->take_last();
  app.add_option("--new-tokens", options.n_new)
      ->check(CLI::Range(2, 100'000))
      ->capture_default_str()
      ->take_last();
  app.add_option("--checked-tokens", options.n_checked, "prompt tokens of the call that is compared; 0: none")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str()
      ->take_last();
  CLI11_PARSE(app, argc, argv);
  try {
    reprise::bench::run(options);
  } catch (const reprise::Error& error) {
    fmt::print(stderr, "gpu_bench: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
