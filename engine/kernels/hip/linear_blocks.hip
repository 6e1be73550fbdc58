// Products with weights in blocks, int8 or int4.
#include "engine/kernels/hip/layout.h"
#include "engine/kernels/hip/products.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 256;
constexpr int kLanes = 8;  // of one output: each takes every eighth block
constexpr int kGroups = kThreads / kLanes;
constexpr int kWordsOfActivations = static_cast<int>(kBlock) / 4;

struct Operands {
  Products products;
  const std::int8_t* x;
  const float* x_scales;
};

/// 32 activations, four to a word, and their scale.
struct ActivationBlock {
  alignas(16) std::uint32_t words[kWordsOfActivations];
};

/// The bytes of a block's values, four to a word.
template <class Block>
struct alignas(16) ValueWords {
  std::uint32_t words[kBlockValueBytes<Block> / 4];
};

__device__ inline int signed_word(std::uint32_t word) {
  return __builtin_bit_cast(int, word);
}

/// The exact product of two blocks.
__device__ inline int block_dot(const ValueWords<Int8Block>& w, const ActivationBlock& x) {
  int dot = 0;
  for (int i = 0; i < kWordsOfActivations; ++i) {
    dot = dot4(signed_word(w.words[i]), signed_word(x.words[i]), dot);
  }
  return dot;
}
/// Nibbles stand for themselves less 8; element i in the lower half of byte i, element i + 16 in the upper
/// one.
__device__ inline int block_dot(const ValueWords<Int4Block>& w, const ActivationBlock& x) {
  constexpr int kHalf = kWordsOfActivations / 2;
  int dot = 0;
  int sum = 0;
  for (int i = 0; i < kHalf; ++i) {
    dot = dot4(signed_word(w.words[i] & 0x0f0f0f0fU), signed_word(x.words[i]), dot);
    dot = dot4(signed_word(w.words[i] >> 4U & 0x0f0f0f0fU), signed_word(x.words[i + kHalf]), dot);
    sum = dot4(0x01010101, signed_word(x.words[i]), sum);
    sum = dot4(0x01010101, signed_word(x.words[i + kHalf]), sum);
  }
  return dot - 8 * sum;
}

/// A row of blocks, sorted as layout.h says.
template <class Block>
struct Row {
  const ValueWords<Block>* values;
  const F16* scales;

  __device__ Row(const Product& product, int row, int n_blocks)
      : values(reinterpret_cast<const ValueWords<Block>*>(product.weight)),
        scales(block_scales<Block>(product.weight, static_cast<std::int64_t>(product.n_out) * n_blocks)) {
    const std::int64_t first = static_cast<std::int64_t>(row < product.n_out ? row : 0) * n_blocks;
    values += first;
    scales += first;
  }
};

/// Eight lanes compute kRows outputs of kTokens tokens, which are as in linear.hip: a block of each row at a
/// time, and the one chain over blocks, in order, all of them. Grid: [outputs, tokens].
template <class Block, int kRows, int kTokens, bool kPaired>
__global__ void linear_of_blocks(Operands op) {
  const Products& products = op.products;
  const int n_blocks = products.n_in / static_cast<int>(kBlock);
  const int lane = thread_in_block() % kLanes;
  const Place place = place_of_block(products, kPaired ? kGroups : kGroups * kRows);
  const int first_row = (place.block * kGroups + thread_in_block() / kLanes) * (kPaired ? 1 : kRows);
  const auto row_of = [&](int r) { return kPaired ? first_row : first_row + r; };
  const int first_token = block_y() * kTokens;
  float sums[kRows][kTokens] = {};
  for (int begin = 0; begin < n_blocks; begin += kLanes) {
    const int n = n_blocks - begin < kLanes ? n_blocks - begin : kLanes;
    const int block = begin + (lane < n ? lane : 0);
    ActivationBlock x[kTokens];
    float x_scales[kTokens];
    for (int t = 0; t < kTokens; ++t) {
      const int token = first_token + t < products.n_tokens ? first_token + t : products.n_tokens - 1;
      const std::int64_t at = static_cast<std::int64_t>(token) * n_blocks + block;
      x[t] = reinterpret_cast<const ActivationBlock*>(op.x)[at];
      x_scales[t] = op.x_scales[at];
    }
    for (int r = 0; r < kRows; ++r) {
      const Row<Block> row(kPaired && r == 1 ? products.products[1] : place.product, row_of(r), n_blocks);
      const ValueWords<Block> w = row.values[block];
      const float w_scale = widen(row.scales[block]);
      for (int t = 0; t < kTokens; ++t) {
        const int dot = block_dot(w, x[t]);
        const float scale = w_scale * x_scales[t];
        for (int i = 0; i < n; ++i) {
          sums[r][t] = __builtin_fmaf(static_cast<float>(from_lane(dot, i, kLanes)),
                                      from_lane(scale, i, kLanes), sums[r][t]);
        }
      }
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    if (lane != t % kLanes || first_token + t >= products.n_tokens) {
      continue;
    }
    if (kPaired) {
      write_swiglu(products, first_row, first_token + t, sums[0][t], sums[kRows - 1][t]);
    } else {
      for (int r = 0; r < kRows; ++r) {
        write_output(place.product, products.activation, row_of(r), first_token + t, sums[r][t]);
      }
    }
  }
}

template <class Block>
void launch_blocks(const Operands& op, hipStream_t stream) {
  const auto grid = [&](int rows, int tokens) {
    return dim3(blocks_of(op.products, kGroups * rows), pieces(op.products.n_tokens, tokens));
  };
  if (op.products.activation == Activation::swiglu) {
    REPRISE_LAUNCH((linear_of_blocks<Block, 2, 1, true>), grid(1, 1), kThreads, stream, op);
  } else if (op.products.n_tokens == 1) {
    REPRISE_LAUNCH((linear_of_blocks<Block, 1, 1, false>), grid(1, 1), kThreads, stream, op);
  } else {
    REPRISE_LAUNCH((linear_of_blocks<Block, 2, 4, false>), grid(2, 4), kThreads, stream, op);
  }
}

}  // namespace

void linear_blocks(std::span<const Operation> operations, hipStream_t stream) {
  const Linear& first = std::get<Linear>(operations.front());
  const Operands operands = {products_of(operations), first.x_blocks.values.data(),
                             first.x_blocks.scales.data()};
  if (first.weight.dtype() == DType::int8) {
    launch_blocks<Int8Block>(operands, stream);
  } else {
    launch_blocks<Int4Block>(operands, stream);
  }
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
