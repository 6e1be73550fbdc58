// Everything between the matrix products, in the shapes of real models; GPT-2's for the operations that only
// it has.
#include "engine/core/block_formats.h"
#include "tools/bench/bench_support.h"

namespace reprise::bench {
namespace {

using engine::DType;
using engine::ModelConfig;
using engine::Shape;

constexpr char kAbout[] =
    "Embedding, norms, rotary positions, quantisation, cache stores, activations:\n"
    "KERNEL/MODEL[/DTYPE]/rows:N/threads:N\n"
    "  pointwise_bench --benchmark_filter='rms_norm/.*/rows:1/'\n";

std::string named(const std::string& kernel, const std::string& model, std::int64_t rows) {
  return kernel + "/" + model + "/rows:" + std::to_string(rows);
}
std::string named(const std::string& kernel, const std::string& model, DType dtype, std::int64_t rows) {
  return named(kernel, model + "/" + std::string(engine::name_of(dtype)), rows);
}

/// `make(out, x, weight)` builds the operation over [rows, width] and a vector; `run(backend, op)` dispatches
/// it.
template <class Make, class Run>
void add_rows(const std::string& name, std::int64_t rows, std::int64_t width, Make make, Run run) {
  add(name, [=](benchmark::State& state, engine::Backend& backend) {
    const Operand x(backend, DType::f32, {rows, width});
    const Operand out(backend, DType::f32, {rows, width});
    const Operand weight(backend, DType::f32, {width});
    const auto op = make(out.floats(), x.floats(), weight.floats());
    measure(state, backend, [&](std::int64_t /*i*/) {
      (backend.*run)(op);
      return cost_of(op);
    });
  });
}

void add_norms_and_activations(const std::string& model, std::int64_t rows) {
  const ModelConfig c = shape_of(model);
  const auto rms_norm = [](auto out, auto x, auto weight) { return engine::RmsNorm{out, x, weight, 1e-6F}; };
  const auto swiglu = [](auto out, auto x, auto /*weight*/) { return engine::SwiGlu{out, x, x}; };
  add_rows(named("rms_norm", model, rows), rows, c.d_model, rms_norm, &engine::Backend::rms_norm);
  add_rows(named("rms_norm_heads", model, rows), rows * c.n_heads, c.head_dim, rms_norm,
           &engine::Backend::rms_norm);
  add_rows(named("swiglu", model, rows), rows, c.d_ff, swiglu, &engine::Backend::swiglu);
}

void add_gpt2(std::int64_t rows) {
  const ModelConfig c = shape_of("gpt2");
  add_rows(
      named("layer_norm", "gpt2", rows), rows, c.d_model,
      [](auto out, auto x, auto weight) {
        return engine::LayerNorm{out, x, weight, weight, 1e-5F};
      },
      &engine::Backend::layer_norm);
  add_rows(
      named("gelu", "gpt2", rows), rows, c.d_ff,
      [](auto out, auto x, auto /*weight*/) {
        return engine::Gelu{out, x};
      },
      &engine::Backend::gelu);
  add_rows(
      named("relu", "gpt2", rows), rows, c.d_ff,
      [](auto out, auto x, auto /*weight*/) {
        return engine::Relu{out, x};
      },
      &engine::Backend::relu);
}

void add_rope(const std::string& model, std::int64_t rows) {
  const ModelConfig c = shape_of(model);
  add(named("rope", model, rows), [=](benchmark::State& state, engine::Backend& backend) {
    const Operand x(backend, DType::f32, {rows, c.n_heads, c.head_dim});
    const Operand table(backend, DType::f32, {rows, c.head_dim / 2});
    const engine::Rope op = {x.floats(), table.floats(), table.floats(), 0, c.rotary_layout};
    measure(state, backend, [&](std::int64_t /*i*/) {
      backend.rope(op);
      return cost_of(op);
    });
  });
}

void add_store_kv(const std::string& model, DType dtype, std::int64_t rows) {
  const ModelConfig c = shape_of(model);
  add(named("store_kv", model, dtype, rows), [=](benchmark::State& state, engine::Backend& backend) {
    const Shape cache_shape = {c.n_kv_heads, 1024, c.head_dim};
    const Operand keys(backend, dtype, cache_shape);
    const Operand values(backend, dtype, cache_shape);
    const Operand x(backend, DType::f32, {rows, c.n_kv_heads, c.head_dim});
    measure(state, backend, [&](std::int64_t i) {
      const engine::StoreKv op = {keys.copy(0), values.copy(0), x.floats(), x.floats(),
                                  i * rows % (1024 - 512)};
      backend.store_kv(op);
      return cost_of(op);
    });
  });
}

void add_embed(const std::string& model, DType dtype, std::int64_t rows) {
  const ModelConfig c = shape_of(model);
  add(named("embed", model, dtype, rows), [=](benchmark::State& state, engine::Backend& backend) {
    const Operand table(backend, dtype, {c.n_vocab, c.d_model});
    const Operand out(backend, DType::f32, {rows, c.d_model});
    std::vector<engine::TokenId> tokens(static_cast<std::size_t>(rows));
    std::int64_t next = 0;
    measure(state, backend, [&](std::int64_t /*i*/) {
      for (engine::TokenId& token : tokens) {
        token = static_cast<engine::TokenId>(next = (next + 40'503) % c.n_vocab);  // far apart, as tokens are
      }
      const engine::Embed op = {out.floats(), table.copy(0), tokens, {}, 0};
      backend.embed(op);
      return cost_of(op);
    });
  });
}

void add_quantize(const std::string& model, std::int64_t rows) {
  const ModelConfig c = shape_of(model);
  add(named("quantize", model, rows), [=](benchmark::State& state, engine::Backend& backend) {
    const Operand x(backend, DType::f32, {rows, c.d_ff});
    const Operand values(backend, DType::i8, {rows, c.d_ff});
    const Operand scales(backend, DType::f32, {rows, c.d_ff / engine::kBlock});
    const engine::Quantize op = {{values.bytes(), scales.floats()}, x.floats()};
    measure(state, backend, [&](std::int64_t /*i*/) {
      backend.quantize(op);
      return cost_of(op);
    });
  });
}

void add_all() {
  for (const std::int64_t rows : kRows) {
    for (const char* model : kModels) {
      add_norms_and_activations(model, rows);
      add_rope(model, rows);
      add_quantize(model, rows);
      for (const DType dtype : kCacheDTypes) {
        add_store_kv(model, dtype, rows);
        add_embed(model, dtype, rows);
      }
    }
    add_gpt2(rows);
  }
}

}  // namespace
}  // namespace reprise::bench

int main(int argc, char** argv) {
  reprise::bench::add_all();
  return reprise::bench::run<reprise::bench::kAbout>(argc, argv);
}
