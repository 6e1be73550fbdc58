/// Operations as a GPU is given them: many at a time, in order, several in one launch where they belong
/// together. What each computes, and its bits, are what operations.h says, whether it has a launch of its own
/// or not.
///
/// Used by backends, which collect operations, and by device.hip, which launches them. Plain C++: nothing
/// here runs on a GPU.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/kernels/cost.h"
#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

/// An operation of any kind, its own; in the order of OperationRef.
using Operation =
    std::variant<Embed, RmsNorm, LayerNorm, Quantize, Linear, Rope, StoreKv, Attention, SwiGlu, Gelu, Relu>;

/// What differs between two tokens of one decode: the rest of their programs is the same.
struct StepInput {
  std::span<const TokenId> tokens;  ///< of an Embed, if there is one
  std::int64_t first_position = 0;
};

/// What one launch can do beside a single operation.
enum class Fusion : std::uint8_t {
  none,
  /// [RmsNorm] Linear{1,3} [SwiGlu | Gelu | Relu], of one token: the norm before matrices of floats that all
  /// multiply it, and the activation function of their results.
  products,
  /// [RmsNorm RmsNorm] Rope Rope StoreKv: the norms and rotations of queries and keys, and keys and values on
  /// their way into the cache.
  heads,
  /// RmsNorm Quantize: of one row.
  norm_into_blocks,
};

struct Group {
  Fusion fusion = Fusion::none;
  std::size_t first = 0;
  std::size_t count = 1;
  std::string name = {};  ///< of its operations
  Cost cost = {};         ///< of its operations together, what they hand each other included
};

/// The longest row that a norm shares a launch with what follows it, and the longest head: they go into
/// shared memory.
inline constexpr std::int64_t kMaxFusedRow = 8192;
inline constexpr std::int64_t kMaxFusedHead = 256;

/// Operations in launches, all at one position. What StepInput holds is not in them: positions are 0, and
/// tokens have a length alone.
class Program {
 public:
  Program() = default;
  /// `operations` in order. `n_seen`: at least as many positions as attention will see; 0 without attention.
  /// Costs are those at `first_position`.
  Program(std::vector<Operation> operations, std::int64_t n_seen, std::int64_t first_position = 0);

  [[nodiscard]] std::span<const Operation> operations() const { return operations_; }
  [[nodiscard]] std::span<const Group> groups() const { return groups_; }
  [[nodiscard]] std::span<const Operation> of(const Group& group) const {
    return std::span(operations_).subspan(group.first, group.count);
  }
  [[nodiscard]] std::int64_t n_seen() const { return n_seen_; }

  /// Whether this is what Program(operations, n_seen) would be.
  [[nodiscard]] bool consists_of(std::span<const Operation> operations, std::int64_t n_seen) const;

 private:
  std::vector<Operation> operations_;
  std::vector<Group> groups_;
  std::int64_t n_seen_ = 0;
};

/// The names of the operations, each once: "rms_norm+linear".
std::string name_of(std::span<const Operation> operations);

/// The position of an operation that has one, else -1; and the operation without it.
std::int64_t position_of(const OperationRef& op);
Operation without_position(const OperationRef& op);

}  // namespace reprise::engine::kernels
