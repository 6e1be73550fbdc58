#include "engine/kernels/work_shape.h"

#include <variant>

namespace reprise::engine {
namespace {

WorkShape of(const Linear& op) {
  return {op.out.extent(0), op.out.extent(1), op.weight.shape()[1]};
}
WorkShape of(const Attention& op) {
  const std::int64_t n_tokens = op.queries.extent(0);
  return {n_tokens, op.queries.extent(1) * op.queries.extent(2), op.first_position + n_tokens};
}
WorkShape of(const Rope& op) {
  return {op.x.extent(0), op.x.extent(1) * op.x.extent(2)};
}
WorkShape of(const StoreKv& op) {
  return {op.keys.extent(0), op.keys.extent(1) * op.keys.extent(2)};
}
WorkShape of(const Quantize& op) {
  return {op.x.extent(0), op.x.extent(1)};
}
/// Of the others, whose result is a matrix.
template <class Op>
WorkShape of(const Op& op) {
  return {op.out.extent(0), op.out.extent(1)};
}

}  // namespace

WorkShape shape_of(const OperationRef& op) {
  return std::visit([](const auto* operation) { return of(*operation); }, op);
}

}  // namespace reprise::engine
