// Matrix products in the shapes of real models.
#include "engine/core/block_formats.h"
#include "tools/bench/bench_support.h"

namespace reprise::bench {
namespace {

using engine::DType;

constexpr char kAbout[] =
    "Matrix products in the shapes of real models: linear/MODEL/MATRIX/DTYPE/rows:N/threads:N\n"
    "  matmul_bench --benchmark_filter='qwen3.*/up/int8/rows:1/'\n";

struct Matrix {
  std::string name;
  std::int64_t n_out;
  std::int64_t n_in;
};

std::vector<Matrix> matrices_of(const engine::ModelConfig& c) {
  return {{"q", c.n_heads * c.head_dim, c.d_model},
          {"k", c.n_kv_heads * c.head_dim, c.d_model},
          {"o", c.d_model, c.n_heads * c.head_dim},
          {"up", c.d_ff, c.d_model},
          {"down", c.d_model, c.d_ff},
          {"head", c.n_vocab, c.d_model}};
}

void add_linear(const std::string& model, const Matrix& m, DType dtype, std::int64_t rows) {
  const std::string name = "linear/" + model + "/" + m.name + "/" + std::string(engine::name_of(dtype)) +
                           "/rows:" + std::to_string(rows);
  add(name, [=](benchmark::State& state, engine::Backend& backend) {
    const std::int64_t weight_bytes = static_cast<std::int64_t>(engine::bytes_of(dtype, m.n_out * m.n_in));
    const Operand weight(backend, dtype, {m.n_out, m.n_in}, copies_beyond_cache(weight_bytes));
    const Operand x(backend, DType::f32, {rows, m.n_in});
    const Operand out(backend, DType::f32, {rows, m.n_out});
    // The activations in blocks, for weights in blocks; made once here as a model makes them once for q, k
    // and v.
    const Operand values(backend, DType::i8, {rows, m.n_in});
    const Operand scales(backend, DType::f32, {rows, m.n_in / engine::kBlock});
    measure(state, backend, [&](std::int64_t i) {
      const engine::Linear op = {out.floats(), x.floats(), weight.copy(i),
                                 {},           {},         {values.bytes(), scales.floats()}};
      backend.linear(op);
      return cost_of(op);
    });
  });
}

void add_all() {
  for (const char* model : kModels) {
    for (const Matrix& matrix : matrices_of(shape_of(model))) {
      for (const DType dtype : kWeightDTypes) {
        for (const std::int64_t rows : kRows) {
          // Only the last token of a prompt has logits.
          if (matrix.name != "head" || rows < kPrefillRows[0]) {
            add_linear(model, matrix, dtype, rows);
          }
        }
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
