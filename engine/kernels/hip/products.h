/// Products with up to three matrices in one launch, as linear.hip and linear_blocks.hip share them: which
/// product a block belongs to, and what is done to a sum before it is an output.
#pragma once

#include <span>

#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/program.h"
#include "engine/kernels/scalar_exp.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

inline constexpr int kMaxProducts = 3;

enum class Activation : std::uint8_t { none, swiglu, gelu, relu };

struct Product {
  float* out;
  const std::byte* weight;
  const float* bias;
  const float* residual;
  int n_out;
};

struct Products {
  Product products[kMaxProducts];  ///< with swiglu: up, then gate
  int n_products;
  Activation activation;
  int n_tokens;
  int n_in;
};

/// A block's product, and which of its blocks this is, when each block computes `n_rows` outputs.
struct Place {
  Product product;
  int block;
};
__device__ inline Place place_of_block(const Products& op, int n_rows) {
  Place place = {op.products[0], block_x()};
  for (int i = 1; i < kMaxProducts; ++i) {
    const int n_blocks = (place.product.n_out + n_rows - 1) / n_rows;
    if (i < op.n_products && place.block >= n_blocks) {
      place = {op.products[i], place.block - n_blocks};
    } else {
      break;
    }
  }
  return place;
}

/// Blocks of a launch whose blocks compute `n_rows` outputs of one product each; of both at once with swiglu.
inline unsigned blocks_of(const Products& op, int n_rows) {
  unsigned n = 0;
  for (int i = 0; i < (op.activation == Activation::swiglu ? 1 : op.n_products); ++i) {
    n += pieces(op.products[i].n_out, n_rows);
  }
  return n;
}

/// The sum with what is added to it, `at` in the product's out.
__device__ inline float completed(const Product& product, int row, std::int64_t at, float sum) {
  const float y = product.bias == nullptr ? sum : sum + product.bias[row];
  return product.residual == nullptr ? y : product.residual[at] + y;
}

/// Writes the output that a sum is for; nothing for rows beyond the last.
__device__ inline void write_output(const Product& product, Activation activation, int row, int token,
                                    float sum) {
  if (row >= product.n_out) {
    return;
  }
  const std::int64_t at = static_cast<std::int64_t>(token) * product.n_out + row;
  const float y = completed(product, row, at, sum);
  product.out[at] = activation == Activation::gelu   ? gelu_tanh(y)
                    : activation == Activation::relu ? positive_part(y)
                                                     : y;
}

/// The same for the sums of both products of swiglu.
__device__ inline void write_swiglu(const Products& op, int row, int token, float up_sum, float gate_sum) {
  const Product& up = op.products[0];
  if (row >= up.n_out) {
    return;
  }
  const std::int64_t at = static_cast<std::int64_t>(token) * up.n_out + row;
  const float gate = completed(op.products[1], row, at, gate_sum);
  op.products[1].out[at] = gate;
  up.out[at] = silu(gate) * completed(up, row, at, up_sum);
}

/// The products of operations [Linear...] and the activation function after them.
inline Products products_of(std::span<const Operation> operations) {
  Products op = {};
  for (const Operation& operation : operations) {
    if (const auto* linear = std::get_if<Linear>(&operation)) {
      op.products[op.n_products++] = {linear->out.data(), linear->weight.data(), linear->bias.data(),
                                      linear->residual.data(), static_cast<int>(linear->weight.extent(0))};
      op.n_tokens = static_cast<int>(linear->x.extent(0));
      op.n_in = static_cast<int>(linear->x.extent(1));
    } else if (std::holds_alternative<SwiGlu>(operation)) {
      op.activation = Activation::swiglu;
    } else if (std::holds_alternative<Gelu>(operation)) {
      op.activation = Activation::gelu;
    } else if (std::holds_alternative<Relu>(operation)) {
      op.activation = Activation::relu;
    }
  }
  return op;
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
