#include "engine/kernels/hip/program.h"

#include <algorithm>
#include <type_traits>

namespace reprise::engine::kernels {
namespace {

template <class Op>
concept Positioned = requires(Op op) {
  op.first_position;
};

template <class T>
bool same(const TensorView<T>& a, const TensorView<T>& b) {
  return a.data() == b.data() && a.shape() == b.shape();
}
template <class Byte>
bool same(const BasicAnyTensorView<Byte>& a, const BasicAnyTensorView<Byte>& b) {
  return a.data() == b.data() && a.dtype() == b.dtype() && a.shape() == b.shape();
}
template <class V, class S>
bool same(const BasicQuantizedRows<V, S>& a, const BasicQuantizedRows<V, S>& b) {
  return same(a.values, b.values) && same(a.scales, b.scales);
}

bool same(const Embed& a, const Embed& b) {
  return same(a.out, b.out) && same(a.table, b.table) && a.tokens.size() == b.tokens.size() &&
         same(a.positions, b.positions);
}
bool same(const RmsNorm& a, const RmsNorm& b) {
  return same(a.out, b.out) && same(a.x, b.x) && same(a.weight, b.weight) && a.eps == b.eps;
}
bool same(const LayerNorm& a, const LayerNorm& b) {
  return same(a.out, b.out) && same(a.x, b.x) && same(a.weight, b.weight) && same(a.bias, b.bias) &&
         a.eps == b.eps;
}
bool same(const Quantize& a, const Quantize& b) {
  return same(a.out, b.out) && same(a.x, b.x);
}
bool same(const Linear& a, const Linear& b) {
  return same(a.out, b.out) && same(a.x, b.x) && same(a.weight, b.weight) && same(a.bias, b.bias) &&
         same(a.residual, b.residual) && same(a.x_blocks, b.x_blocks);
}
bool same(const Rope& a, const Rope& b) {
  return same(a.x, b.x) && same(a.cosine, b.cosine) && same(a.sine, b.sine) && a.layout == b.layout;
}
bool same(const StoreKv& a, const StoreKv& b) {
  return same(a.key_cache, b.key_cache) && same(a.value_cache, b.value_cache) && same(a.keys, b.keys) &&
         same(a.values, b.values);
}
bool same(const Attention& a, const Attention& b) {
  return same(a.out, b.out) && same(a.queries, b.queries) && same(a.key_cache, b.key_cache) &&
         same(a.value_cache, b.value_cache) && a.scale == b.scale;
}
bool same(const SwiGlu& a, const SwiGlu& b) {
  return same(a.out, b.out) && same(a.gate, b.gate) && same(a.up, b.up);
}
bool same(const Gelu& a, const Gelu& b) {
  return same(a.out, b.out) && same(a.x, b.x);
}
bool same(const Relu& a, const Relu& b) {
  return same(a.out, b.out) && same(a.x, b.x);
}

bool same(const Operation& a, const Operation& b) {
  return a.index() == b.index() &&
         std::visit([&]<class Op>(const Op& operation) { return same(operation, std::get<Op>(b)); }, a);
}

/// Reads operations from the front, as far as they are what is expected.
class Reader {
 public:
  explicit Reader(std::span<const Operation> operations) : rest_(operations) {}

  /// The next operation, if it is an Op that `fits`; null, and nothing read, if not.
  template <class Op, class Fits>
  const Op* next(const Fits& fits) {
    const Op* const op = rest_.empty() ? nullptr : std::get_if<Op>(&rest_.front());
    if (op == nullptr || !fits(*op)) {
      return nullptr;
    }
    rest_ = rest_.subspan(1);
    ++n_read_;
    return op;
  }
  [[nodiscard]] std::size_t n_read() const { return n_read_; }

 private:
  std::span<const Operation> rest_;
  std::size_t n_read_ = 0;
};

/// How many operations from the first on are a group of Fusion::products; 0 if they are none.
std::size_t products_length(std::span<const Operation> operations) {
  Reader reader(operations);
  // Blocks of one launch run in any order: what some read, none may write.
  const RmsNorm* const norm = reader.next<RmsNorm>([](const RmsNorm& op) {
    return op.x.extent(0) == 1 && op.x.extent(1) <= kMaxFusedRow && op.out.data() != op.x.data();
  });
  const auto keeps_input = [&](const Linear& op) {
    return op.out.data() != op.x.data() &&
           (norm == nullptr || (op.out.data() != norm->x.data() && op.residual.data() != norm->out.data()));
  };
  const Linear* const first = reader.next<Linear>([&](const Linear& op) {
    return op.x.extent(0) == 1 && keeps_input(op) &&
           (norm == nullptr ||
            (same(op.x, TensorView<const float>(norm->out)) && !is_block_format(op.weight.dtype())));
  });
  if (first == nullptr) {
    return 0;
  }
  const Linear* last = first;
  std::size_t n_linear = 1;
  const auto joins = [&](const Linear& op) {
    return n_linear < 3 && same(op.x, first->x) && op.weight.dtype() == first->weight.dtype() &&
           op.x_blocks.values.data() == first->x_blocks.values.data() && keeps_input(op) &&
           op.residual.empty() && first->residual.empty() && op.out.data() != first->out.data() &&
           op.out.data() != last->out.data();
  };
  while (const Linear* const more = reader.next<Linear>(joins)) {
    last = more;
    ++n_linear;
  }
  const bool adds = !first->residual.empty();
  if (n_linear == 2 && !adds) {
    reader.next<SwiGlu>([&](const SwiGlu& op) {
      return op.up.data() == first->out.data() && op.out.data() == first->out.data() &&
             op.gate.data() == last->out.data();
    });
  } else if (n_linear == 1 && !adds) {
    const auto in_place = [&](const auto& op) {
      return op.x.data() == first->out.data() && op.out.data() == first->out.data();
    };
    if (reader.next<Gelu>(in_place) == nullptr) {
      reader.next<Relu>(in_place);
    }
  }
  return reader.n_read();
}

/// The same for Fusion::heads.
std::size_t heads_length(std::span<const Operation> operations) {
  Reader reader(operations);
  const auto any = [](const auto& /*op*/) { return true; };
  const auto in_place = [](const RmsNorm& op) { return op.out.data() == op.x.data(); };
  const RmsNorm* const q_norm = reader.next<RmsNorm>(in_place);
  const RmsNorm* const k_norm = q_norm == nullptr ? nullptr : reader.next<RmsNorm>(in_place);
  const Rope* const q = reader.next<Rope>(any);
  const Rope* const k = reader.next<Rope>(any);
  const StoreKv* const store = reader.next<StoreKv>(any);
  if (store == nullptr || q == nullptr || k == nullptr || (q_norm != nullptr && k_norm == nullptr)) {
    return 0;
  }
  const std::int64_t head_dim = q->x.extent(2);
  const auto is_norm_of = [head_dim](const RmsNorm* norm, const Rope& rope) {
    return norm == nullptr || (norm->out.data() == rope.x.data() && norm->x.extent(1) == head_dim &&
                               norm->x.count() == rope.x.count());
  };
  const bool fits = head_dim <= kMaxFusedHead && k->x.extent(2) == head_dim &&
                    q->x.extent(0) == k->x.extent(0) && q->layout == k->layout &&
                    q->cosine.data() == k->cosine.data() && q->x.data() != k->x.data() &&
                    same(TensorView<const float>(k->x), store->keys) && store->values.data() != q->x.data() &&
                    store->values.data() != k->x.data() && is_norm_of(q_norm, *q) && is_norm_of(k_norm, *k) &&
                    (q_norm == nullptr || q_norm->eps == k_norm->eps);
  return fits ? reader.n_read() : 0;
}

/// The same for Fusion::norm_into_blocks.
std::size_t norm_into_blocks_length(std::span<const Operation> operations) {
  Reader reader(operations);
  const RmsNorm* const norm = reader.next<RmsNorm>(
      [](const RmsNorm& op) { return op.x.extent(0) == 1 && op.x.extent(1) <= kMaxFusedRow; });
  const Quantize* const quantize = reader.next<Quantize>(
      [&](const Quantize& op) { return norm != nullptr && same(op.x, TensorView<const float>(norm->out)); });
  return norm != nullptr && quantize != nullptr ? 2 : 0;
}

Group next_launch(std::span<const Operation> operations, std::size_t first) {
  const std::span<const Operation> rest = operations.subspan(first);
  if (const std::size_t n = heads_length(rest); n > 0) {
    return {Fusion::heads, first, n};
  }
  if (const std::size_t n = norm_into_blocks_length(rest); n > 0) {
    return {Fusion::norm_into_blocks, first, n};
  }
  if (const std::size_t n = products_length(rest); n > 1) {
    return {Fusion::products, first, n};
  }
  return {Fusion::none, first, 1};
}

Cost cost_at(Operation operation, std::int64_t first_position) {
  return std::visit(
      [&]<class Op>(Op& op) {
        if constexpr (Positioned<Op>) {
          op.first_position = first_position;
        }
        return cost_of(op);
      },
      operation);
}

Cost cost_of_all(std::span<const Operation> operations, std::int64_t first_position) {
  Cost sum;
  for (const Operation& operation : operations) {
    const Cost cost = cost_at(operation, first_position);
    sum.arithmetic = cost.flops > sum.flops ? cost.arithmetic : sum.arithmetic;
    sum.bytes += cost.bytes;
    sum.flops += cost.flops;
  }
  return sum;
}

}  // namespace

Program::Program(std::vector<Operation> operations, std::int64_t n_seen, std::int64_t first_position)
    : operations_(std::move(operations)), n_seen_(n_seen) {
  for (std::size_t first = 0; first < operations_.size(); first += groups_.back().count) {
    Group group = next_launch(operations_, first);
    group.name = name_of(of(group));
    group.cost = cost_of_all(of(group), first_position);
    groups_.push_back(std::move(group));
  }
}

bool Program::consists_of(std::span<const Operation> operations, std::int64_t n_seen) const {
  return n_seen == n_seen_ &&
         std::ranges::equal(operations, operations_,
                            [](const Operation& a, const Operation& b) { return same(a, b); });
}

std::string name_of(std::span<const Operation> operations) {
  std::string name;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const std::size_t kind = operations[i].index();
    if (std::ranges::none_of(operations.first(i),
                             [kind](const Operation& op) { return op.index() == kind; })) {
      name += (i == 0 ? "" : "+") + std::string(engine::name_of(static_cast<Kernel>(kind)));
    }
  }
  return name;
}

std::int64_t position_of(const OperationRef& op) {
  return std::visit(
      []<class Op>(const Op* operation) -> std::int64_t {
        if constexpr (Positioned<Op>) {
          return operation->first_position;
        } else {
          return -1;
        }
      },
      op);
}

Operation without_position(const OperationRef& op) {
  return std::visit(
      []<class Op>(const Op* operation) -> Operation {
        Op copy = *operation;
        if constexpr (Positioned<Op>) {
          copy.first_position = 0;
        }
        if constexpr (std::is_same_v<Op, Embed>) {
          copy.tokens = {static_cast<const TokenId*>(nullptr), copy.tokens.size()};
        }
        return copy;
      },
      op);
}

}  // namespace reprise::engine::kernels
