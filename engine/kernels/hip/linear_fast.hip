// Products of `--numerics fast`: many tokens with weights of 16 bits, on matrix cores. Activations are
// rounded to the weights' type first, into rows in the weights' own order (layout.h): the sum's order being
// free, both stay as they lie.
#include "engine/kernels/hip/calls.h"
#include "engine/kernels/hip/layout.h"
#include "engine/kernels/hip/matrix_cores.h"
#include "engine/kernels/hip/products.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kRoundThreads = 256;

/// Elements of each row in shared memory at a time: two tiles deep. Rows in memory are whole steps, zeros at
/// their ends.
constexpr int kStep = 64;
constexpr int kStepEights = kStep / 8;
constexpr int kStepTiles = kStep / kTileDepth;
static_assert(kRowLanes * kLaneElements<F16> % kStep == 0);

struct Operands {
  Product product;
  Activation activation;
  const Eight* x;  // rounded
  int n_tokens;
  int row_eights;
};

/// A thread writes eight elements. Grid: [n_tokens * row_eights / kRoundThreads].
template <class T>
__global__ void round_rows(Eight* out, const float* x, int n_tokens, int n_in, int row_eights) {
  const std::int64_t at = static_cast<std::int64_t>(block_x()) * kRoundThreads + thread_in_block();
  const std::int64_t token = at / row_eights;
  if (token >= n_tokens) {
    return;
  }
  const auto in_row = static_cast<int>(at % row_eights);
  const int first = in_row / kRowLanes * (kRowLanes * kLaneElements<T>)+in_row % kRowLanes;
  Eight rounded = {};
  REPRISE_UNROLL
  for (int e = 0; e < kLaneElements<T>; ++e) {
    const int k = first + e * kRowLanes;
    const float value = k < n_in ? x[token * n_in + k] : 0.0F;
    rounded.pairs[e / 2] |= static_cast<std::uint32_t>(narrow<T>(value)) << (e % 2 * 16);
  }
  out[at] = rounded;
}

/// One step of kRows rows in shared memory: the first tile depth of all rows, then the second.
template <class Cores, int kRows>
struct Panel {
  // So far apart that a row's two halves, which neighbouring threads write, are in different banks.
  static constexpr int kApart = kRows * Cores::kRowEights + kTileEights;
  Eight eights[kStepTiles * kApart];

  __device__ Eight* row(int depth, int r) { return eights + depth * kApart + r * Cores::kRowEights; }
};

/// A thread's share of panels of kRows rows, on its way through registers from memory to shared memory.
template <class Cores, int kRows, int kThreads>
class Share {
 public:
  /// Rows beyond the last are any: nothing is written for them.
  __device__ Share(const Eight* matrix, int row_eights, int first_row, int n_rows) {
    REPRISE_UNROLL
    for (int i = 0; i < kLoads; ++i) {
      const int row = first_row + row_in_panel(i) < n_rows ? first_row + row_in_panel(i) : 0;
      from_[i] = matrix + static_cast<std::int64_t>(row) * row_eights + thread_in_block() % kStepEights;
    }
  }
  __device__ void load(int step) {
    REPRISE_UNROLL
    for (int i = 0; i < kLoads; ++i) {
      loaded_[i] = from_[i][step * kStepEights];
    }
  }
  __device__ void store(Panel<Cores, kRows>& panel) const {
    const int eight = thread_in_block() % kStepEights;
    REPRISE_UNROLL
    for (int i = 0; i < kLoads; ++i) {
      panel.row(eight / kTileEights, row_in_panel(i))[eight % kTileEights] = loaded_[i];
    }
  }

 private:
  static constexpr int kLoads = kRows * kStepEights / kThreads;
  __device__ static int row_in_panel(int i) {
    return thread_in_block() / kStepEights + i * (kThreads / kStepEights);
  }

  const Eight* from_[kLoads];
  Eight loaded_[kLoads];
};

/// How the waves of a block divide its kTile tokens x kTile outputs, and the sums of one wave.
template <class Cores, int kTile, int kThreads>
struct WaveSums {
  static constexpr int kWaves = kThreads / Cores::kWave;
  static constexpr int kWavesDown = kWaves < 8 ? 2 : 4;
  static constexpr int kDown = kTile / kTileRows / kWavesDown;               // tiles of tokens
  static constexpr int kAcross = kTile / kTileRows / (kWaves / kWavesDown);  // tiles of outputs

  float sums[kDown][kAcross][Cores::kSums] = {};

  __device__ static int first_token() {
    return thread_in_block() / Cores::kWave % kWavesDown * kDown * kTileRows;
  }
  __device__ static int first_output() {
    return thread_in_block() / Cores::kWave / kWavesDown * kAcross * kTileRows;
  }

  template <class T>
  __device__ void add(Panel<Cores, kTile>& tokens, Panel<Cores, kTile>& outputs) {
    const auto add_depth = [&](int depth, int piece) {
      add_piece<T>(tokens.row(depth, first_token()), outputs.row(depth, first_output()), piece);
    };
    if constexpr (Cores::kPieces == 1) {
      REPRISE_UNROLL
      for (int depth = 0; depth < kStepTiles; ++depth) {
        add_depth(depth, 0);
      }
    } else {  // a piece is many operations: more of them at a time would not fit the registers
      REPRISE_UNROLL_1
      for (int i = 0; i < kStepTiles * Cores::kPieces; ++i) {
        add_depth(i / Cores::kPieces, i % Cores::kPieces);
      }
    }
  }

 private:
  template <class T>
  __device__ void add_piece(const Eight* tokens, const Eight* outputs, int piece) {
    constexpr int kTileOfRows = kTileRows * Cores::kRowEights;
    typename Cores::A a[kDown];
    typename Cores::B b[kAcross];
    REPRISE_UNROLL
    for (int i = 0; i < kDown; ++i) {
      a[i] = Cores::load_a(tokens + i * kTileOfRows, piece);
    }
    REPRISE_UNROLL
    for (int j = 0; j < kAcross; ++j) {
      b[j] = Cores::load_b(outputs + j * kTileOfRows, piece);
    }
    REPRISE_UNROLL
    for (int i = 0; i < kDown; ++i) {
      REPRISE_UNROLL
      for (int j = 0; j < kAcross; ++j) {
        Cores::template multiply<T>(sums[i][j], a[i], b[j]);
      }
    }
  }
};

template <class T, class Cores, int kTile, int kThreads>
__device__ void multiply_tile(const Operands& op) {
  __shared__ Panel<Cores, kTile> tokens;
  __shared__ Panel<Cores, kTile> outputs;
  const int first_output = block_x() * kTile;
  const int first_token = block_y() * kTile;
  Share<Cores, kTile, kThreads> of_tokens(op.x, op.row_eights, first_token, op.n_tokens);
  Share<Cores, kTile, kThreads> of_outputs(reinterpret_cast<const Eight*>(op.product.weight), op.row_eights,
                                           first_output, op.product.n_out);
  WaveSums<Cores, kTile, kThreads> wave;
  const int n_steps = op.row_eights / kStepEights;
  of_tokens.load(0);
  of_outputs.load(0);
  for (int step = 0; step < n_steps; ++step) {
    of_tokens.store(tokens);
    of_outputs.store(outputs);
    wait_for_block();
    if (step + 1 < n_steps) {  // arrives while this step is multiplied
      of_tokens.load(step + 1);
      of_outputs.load(step + 1);
    }
    wave.template add<T>(tokens, outputs);
    wait_for_block();
  }
  REPRISE_UNROLL
  for (int i = 0; i < wave.kDown; ++i) {
    REPRISE_UNROLL
    for (int j = 0; j < wave.kAcross; ++j) {
      REPRISE_UNROLL
      for (int s = 0; s < Cores::kSums; ++s) {
        const int token = first_token + wave.first_token() + i * kTileRows + Cores::row(s);
        const int output = first_output + wave.first_output() + j * kTileRows + Cores::column(s);
        if (token < op.n_tokens) {
          write_output(op.product, op.activation, output, token, wave.sums[i][j][s]);
        }
      }
    }
  }
}

/// A block computes kTile outputs of kTile tokens. Grid: [outputs / kTile, tokens / kTile].
template <class T, int kTile>
__global__ void __launch_bounds__(2 * kTile) multiply_tiles(Operands op) {
  with_matrix_cores([&](auto cores) { multiply_tile<T, decltype(cores), kTile, 2 * kTile>(op); });
}

template <class T>
void launch_fast(const Linear& op, std::byte* rounded, int n_multiprocessors, hipStream_t stream) {
  const Operation operation = op;
  const Products products = products_of({&operation, 1});
  auto* const x = reinterpret_cast<Eight*>(rounded);
  const auto row_eights = static_cast<int>(row_stride<T>(products.n_in) / kLaneElements<T>);
  const dim3 round_grid(pieces(std::int64_t{products.n_tokens} * row_eights, kRoundThreads));
  REPRISE_LAUNCH(round_rows<T>, round_grid, kRoundThreads, stream, x, op.x.data(), products.n_tokens,
                 products.n_in, row_eights);
  REPRISE_HIP_CALL(hipGetLastError());  // the next launch may forget it
  const Operands operands = {products.products[0], products.activation, x, products.n_tokens, row_eights};
  const auto grid = [&](int tile) {
    return dim3(blocks_of(products, tile), pieces(products.n_tokens, tile));
  };
  // A larger tile reads operands less often; but no multiprocessor should be without one.
  const dim3 large = grid(128);
  if (static_cast<std::int64_t>(large.x) * large.y >= n_multiprocessors) {
    REPRISE_LAUNCH((multiply_tiles<T, 128>), large, 256, stream, operands);
  } else {
    REPRISE_LAUNCH((multiply_tiles<T, 64>), grid(64), 128, stream, operands);
  }
}

}  // namespace

bool rounds_activations(const Operation& operation) {
  const auto* const op = std::get_if<Linear>(&operation);
  return op != nullptr && op->x.extent(0) >= kFastTokens &&
         (op->weight.dtype() == DType::f16 || op->weight.dtype() == DType::bf16);
}

std::int64_t rounded_bytes(const Linear& op) {
  return op.x.extent(0) * row_stride<F16>(op.x.extent(1)) * static_cast<std::int64_t>(sizeof(F16));
}

void linear_fast(const Linear& op, std::byte* rounded, int n_multiprocessors, hipStream_t stream) {
  if (op.weight.dtype() == DType::f16) {
    launch_fast<F16>(op, rounded, n_multiprocessors, stream);
  } else {
    launch_fast<Bf16>(op, rounded, n_multiprocessors, stream);
  }
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
