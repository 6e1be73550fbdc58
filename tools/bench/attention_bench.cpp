// Attention in the shapes of real models.
#include <cmath>

#include "tools/bench/bench_support.h"

namespace reprise::bench {
namespace {

using engine::DType;

constexpr char kAbout[] =
    "Attention over a KV cache: attention/MODEL/DTYPE/cached:N/rows:N/threads:N\n"
    "  attention_bench --benchmark_filter='qwen3.*/bf16/cached:4096/rows:1/'\n";

constexpr std::int64_t kCached[] = {512, 4096};

void add_attention(const std::string& model, DType dtype, std::int64_t cached, std::int64_t rows) {
  const std::string name = "attention/" + model + "/" + std::string(engine::name_of(dtype)) +
                           "/cached:" + std::to_string(cached) + "/rows:" + std::to_string(rows);
  const engine::ModelConfig c = shape_of(model);
  add(name, [=](benchmark::State& state, engine::Backend& backend) {
    const std::int64_t n_positions = cached + rows;
    const engine::Shape cache_shape = {c.n_kv_heads, n_positions, c.head_dim};
    const engine::Shape q_shape = {rows, c.n_heads, c.head_dim};
    const std::int64_t cache_bytes = static_cast<std::int64_t>(engine::bytes_of(dtype, cache_shape.count()));
    // As many caches as the model has layers: what a decoding step goes through, in L3 or not.
    const Operand keys(backend, dtype, cache_shape, std::min(c.n_layers, copies_beyond_cache(cache_bytes)));
    const Operand values(backend, dtype, cache_shape, std::min(c.n_layers, copies_beyond_cache(cache_bytes)));
    const Operand queries(backend, DType::f32, q_shape);
    const Operand out(backend, DType::f32, q_shape);
    const float scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim));
    measure(state, backend, [&](std::int64_t i) {
      const engine::Attention op = {out.floats(),   queries.floats(), keys.copy(i),
                                    values.copy(i), cached,           scale};
      backend.attention(op);
      return cost_of(op);
    });
  });
}

void add_all() {
  for (const char* model : kModels) {
    for (const DType dtype : kCacheDTypes) {
      for (const std::int64_t rows : kDecodeRows) {
        for (const std::int64_t cached : kCached) {
          add_attention(model, dtype, cached, rows);
        }
      }
      for (const std::int64_t rows : kPrefillRows) {
        add_attention(model, dtype, 0, rows);
      }
    }
  }
}

}  // namespace
}  // namespace reprise::bench

int main(int argc, char** argv) {
  reprise::bench::add_all();
  return reprise::bench::run<reprise::bench::kAbout>(argc, argv);
}
