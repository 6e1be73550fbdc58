#if defined(REPRISE_ONEDNN)

#include "engine/kernels/fast/bf16_linear.h"

#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include "engine/core/error.h"
#include "engine/kernels/fast/bf16_rows.h"

namespace reprise::engine::kernels {
namespace {

/// Output rows of one call of oneDNN: whole panels are dealt to slices, so that a product has two shapes at
/// most, whatever the number of slices; and its sums pass from L2 to the output.
constexpr std::int64_t kPanelRows = 64;
/// Tokens at most of one call of oneDNN, so that their activations stay in L2 while panels pass; more are
/// dealt with in about equal parts, of whole tiles.
constexpr std::int64_t kPartTokens = 256;
constexpr std::int64_t kTileTokens = 32;
/// Products that are kept: a call has about ten, but recomputing every position makes new ones at every step.
constexpr std::size_t kKeptProducts = 256;

constexpr std::size_t whole_lines(std::size_t size_bytes) {
  return (size_bytes + 63) / 64 * 64;
}

/// oneDNN computes on the calling thread alone: the backend's team has divided the work. OpenMP's count is
/// the calling thread's own setting, and its owner gets it back.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

const dnnl::engine& processor() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// sums [n_tokens, n_rows] = x [n_tokens, n_in] times the transpose of weights [n_rows, n_in].
struct Product {
  using Dims = dnnl::memory::dims;
  using Type = dnnl::memory::data_type;

  Product(std::int64_t n_tokens, std::int64_t n_rows, std::int64_t n_in)
      : x({n_tokens, n_in}, Type::bf16, Dims{n_in, 1}),
        weights({n_in, n_rows}, Type::bf16, Dims{1, n_in}),
        sums({n_tokens, n_rows}, Type::f32, Dims{n_rows, 1}) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(x, weights, sums), attributes,
                                                   processor());
    scratch = description.scratchpad_desc();
    primitive = dnnl::matmul(description);
  }

  dnnl::memory::desc x;
  dnnl::memory::desc weights;
  dnnl::memory::desc sums;
  dnnl::memory::desc scratch;
  dnnl::matmul primitive;
};

/// Compiled products: making one takes about a millisecond. Copies share what was compiled.
class Products {
 public:
  Product of(std::int64_t n_tokens, std::int64_t n_rows, std::int64_t n_in) {
    const std::lock_guard lock(mutex_);
    const auto key = std::tuple(n_tokens, n_rows, n_in);
    const auto found = products_.find(key);
    if (found != products_.end()) {
      return found->second;
    }
    const OneThread one_thread;
    try {
      return products_.emplace(key, Product(n_tokens, n_rows, n_in)).first->second;
    } catch (const dnnl::error& error) {
      fail(error.status == dnnl_out_of_memory ? ErrorCode::out_of_memory : ErrorCode::unsupported,
           "numerics: expected oneDNN to multiply {} x {} by {} x {} in bf16, found: {}", n_tokens, n_in,
           n_in, n_rows, error.what());
    }
  }

  /// Forgets all products unless n more can be kept: asked for before a set of them is made, so that none of
  /// the set goes while it is in use.
  void make_room(std::size_t n) {
    const std::lock_guard lock(mutex_);
    if (products_.size() + n > kKeptProducts) {
      products_.clear();
    }
  }

 private:
  std::mutex mutex_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, Product> products_;
};

Products& products() {
  static Products all;
  return all;
}

/// How a product is cut, and where its parts stand in a slice's workspace.
struct Plan {
  std::int64_t n_in;
  std::int64_t n_out;
  std::int64_t part_tokens;  ///< of all parts but the last, which may have fewer
  std::int64_t last_tokens;
  std::size_t sums_at;     ///< after x in bf16
  std::size_t weights_at;  ///< of a panel of f16 weights, as bf16
  std::size_t scratch_at;

  explicit Plan(const Linear& op) : n_in(op.x.extent(1)), n_out(op.weight.extent(0)) {
    const std::int64_t n_tokens = op.x.extent(0);
    const std::int64_t parts = (n_tokens + kPartTokens - 1) / kPartTokens;
    part_tokens =
        std::min(((n_tokens + parts - 1) / parts + kTileTokens - 1) / kTileTokens * kTileTokens, n_tokens);
    last_tokens = n_tokens - (n_tokens - 1) / part_tokens * part_tokens;
    const std::size_t weights_bytes =
        op.weight.dtype() == DType::bf16 ? 0 : bytes(kPanelRows * n_in, sizeof(Bf16));
    sums_at = bytes(part_tokens * n_in, sizeof(Bf16));
    weights_at = sums_at + bytes(part_tokens * kPanelRows, sizeof(float));
    scratch_at = weights_at + weights_bytes;
  }

 private:
  static std::size_t bytes(std::int64_t n, std::size_t size) {
    return whole_lines(static_cast<std::size_t>(n) * size);
  }
};

/// A product of one part's tokens with panels of so many rows, its operands in the workspace.
class PanelProduct {
 public:
  PanelProduct(const Plan& plan, std::int64_t n_tokens, std::int64_t n_rows, std::byte* workspace)
      : product_(products().of(n_tokens, n_rows, plan.n_in)),
        stream_(processor()),
        weights_(product_.weights, processor(), nullptr),
        arguments_{{DNNL_ARG_SRC, {product_.x, processor(), workspace}},
                   {DNNL_ARG_WEIGHTS, weights_},
                   {DNNL_ARG_DST, {product_.sums, processor(), workspace + plan.sums_at}},
                   {DNNL_ARG_SCRATCHPAD, {product_.scratch, processor(), workspace + plan.scratch_at}}} {}

  void run(const std::byte* weights) {
    weights_.set_data_handle(
        const_cast<std::byte*>(weights));  // oneDNN has one type for what is read and written
    product_.primitive.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  Product product_;
  dnnl::stream stream_;
  dnnl::memory weights_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

/// Output rows [first_row, end_row), whole panels or less than one, of tokens [first_token, first_token +
/// n_tokens), whose activations are in the workspace.
void multiply_panels(const Linear& op, const Plan& plan, std::int64_t first_row, std::int64_t end_row,
                     std::int64_t first_token, std::int64_t n_tokens, std::byte* workspace) {
  const std::int64_t n_rows = std::min(kPanelRows, end_row - first_row);
  const auto* sums = reinterpret_cast<const float*>(workspace + plan.sums_at);
  PanelProduct product(plan, n_tokens, n_rows, workspace);
  for (std::int64_t o = first_row; o < end_row; o += n_rows) {
    const std::byte* weights = op.weight.data() + bytes_of(op.weight.dtype(), o * plan.n_in);
    if (op.weight.dtype() == DType::f16) {
      auto* panel = reinterpret_cast<Bf16*>(workspace + plan.weights_at);
      to_bf16_avx512(panel, reinterpret_cast<const F16*>(weights), n_rows * plan.n_in);
      weights = workspace + plan.weights_at;
    }
    product.run(weights);
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      const std::int64_t at = (first_token + t) * plan.n_out + o;
      finish_outputs_avx512(op.out.data() + at, sums + t * n_rows,
                            op.bias.empty() ? nullptr : op.bias.data() + o,
                            op.residual.empty() ? nullptr : op.residual.data() + at, n_rows);
    }
  }
}

}  // namespace

bool has_bf16_dots() {
  static const bool has = [] {
    const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
    const auto bits =
        static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);  // later sets have these and more
    return (static_cast<unsigned>(isa) & bits) == bits;
  }();
  return has;
}

std::size_t bf16_linear_workspace(const Linear& op) {
  const Plan plan(op);
  products().make_room(4);
  std::size_t scratch = 0;
  for (const std::int64_t n_tokens : {plan.part_tokens, plan.last_tokens}) {
    for (const std::int64_t n_rows : {std::min(kPanelRows, plan.n_out), plan.n_out % kPanelRows}) {
      if (n_rows > 0) {
        scratch = std::max(scratch, products().of(n_tokens, n_rows, plan.n_in).scratch.get_size());
      }
    }
  }
  return plan.scratch_at + scratch;
}

void bf16_linear(const Linear& op, Slice slice) {
  const Plan plan(op);
  const OneThread one_thread;
  const std::int64_t n_panels = (plan.n_out + kPanelRows - 1) / kPanelRows;
  const std::int64_t begin = n_panels * slice.index / slice.count * kPanelRows;
  const std::int64_t end = std::min(n_panels * (slice.index + 1) / slice.count * kPanelRows, plan.n_out);
  if (begin >= end) {
    return;
  }
  const std::int64_t whole_end = begin + (end - begin) / kPanelRows * kPanelRows;
  for (std::int64_t t = 0; t < op.x.extent(0); t += plan.part_tokens) {
    const std::int64_t n_tokens = std::min(plan.part_tokens, op.x.extent(0) - t);
    to_bf16_avx512(reinterpret_cast<Bf16*>(slice.workspace), op.x.row(t), n_tokens * plan.n_in);
    if (begin < whole_end) {
      multiply_panels(op, plan, begin, whole_end, t, n_tokens, slice.workspace);
    }
    if (whole_end < end) {
      multiply_panels(op, plan, whole_end, end, t, n_tokens, slice.workspace);
    }
  }
}

}  // namespace reprise::engine::kernels

#endif
