/// The record `Cache` of the programs qwen-f32 and qwen-f16: rotary angles, keys and values of a context.
///
/// Fields in alphabetical order; cs: positions, the rest as in params.h:
///   cos [cs][dh], kcache [b][kvh][cs][dh], sin [cs][dh], vcache [b][kvh][cs][dh]
/// A cache that `gen` returned is a live session: calls that continue it copy nothing, and arrays are made
/// only when a client asks for them. Rows of positions that were never processed are zeros.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/generate/session.h"
#include "engine/serve/futhark/params.h"
#include "engine/serve/futhark/value.h"

namespace reprise::engine::futhark {

struct CacheShape {
  std::int64_t n_layers = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t n_positions = 0;
  std::int64_t head_dim = 0;

  [[nodiscard]] Extents rows() const { return {n_layers, n_kv_heads, n_positions, head_dim}; }
  bool operator==(const CacheShape&) const = default;
};

/// "Cache", with arrays of `element` (f32 or f16).
std::shared_ptr<const RecordType> cache_type(DType element);

/// kcache or vcache whose first positions are `rows` [n_layers, n_kv_heads, n, head_dim] of `dtype`, the
/// others zeros.
Array rows_array(DType element, const CacheShape& shape, DType dtype, std::span<const std::byte> rows,
                 std::int64_t n);

class Cache final : public Record {
 public:
  /// No position processed.
  /// Errors: invalid_argument, for extents out of range, or positions whose angles are too large.
  Cache(std::shared_ptr<const RecordType> type, const CacheShape& shape, double rope_theta);
  /// A client's arrays. Errors: mismatch, naming the field, where shapes contradict each other or angles are
  /// not those of `rope_theta`.
  Cache(std::shared_ptr<const RecordType> type, std::vector<Value> fields, double rope_theta);

  [[nodiscard]] const CacheShape& shape() const { return shape_; }
  [[nodiscard]] Value field(std::size_t index) const override;
  void check_usable() const override;

  /// A session with the weights of `params` on `placement` that has the first n positions cached. Token ids
  /// of positions that came as arrays are unknown: zeros stand for them. Errors: mismatch, where the model's
  /// shape is another; invalid_argument, where fewer than n positions are known; unsupported, for a client's
  /// positions with the KV cache off, or kept in blocks; those of Session.
  Session& session(const Params& params, const Placement& placement, std::int64_t n);

  /// Everything this cache holds, in a new value; this one is consumed.
  std::shared_ptr<Cache> hand_over();

 private:
  [[nodiscard]] Array angles(bool cosine) const;
  [[nodiscard]] Array rows(bool keys) const;
  [[nodiscard]] std::vector<std::byte> first_rows(const Array& from, std::int64_t n, DType dtype) const;
  void check_model(const ModelConfig& config) const;
  void check_angles() const;
  void restore(Session& session, std::int64_t n) const;
  [[nodiscard]] DType element() const;

  CacheShape shape_;
  double rope_theta_;
  std::vector<Array> arrays_;  ///< a client's cos, kcache, sin, vcache, until a session has them; or none
  std::unique_ptr<Session> session_;
  bool consumed_ = false;
};

}  // namespace reprise::engine::futhark
