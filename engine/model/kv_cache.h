/// Keys and values of the positions processed so far, all layers, in a backend's memory.
///
/// Layout: [n_layers, n_kv_heads, n_positions, head_dim] for keys and for values: a head's rows follow each
/// other, so attention streams them. The same order is the canonical one of capture files, where only live
/// rows are kept.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/backends/backend.h"
#include "engine/model/config.h"

namespace reprise::engine {

class KvCache {
 public:
  /// Room for n_positions; memory is committed as rows are written. Errors: out_of_memory; invalid_argument
  /// for int8 where head_dim is no multiple of 32.
  KvCache(Backend& backend, const ModelConfig& config, DType dtype, std::int64_t n_positions);

  /// Positions that hold valid rows.
  [[nodiscard]] std::int64_t length() const { return length_; }
  [[nodiscard]] std::int64_t capacity() const { return n_positions_; }
  [[nodiscard]] DType dtype() const { return dtype_; }
  /// Bytes of live rows, keys and values.
  [[nodiscard]] std::int64_t live_bytes() const;

  /// Forgets positions from `length` on, or declares rows just stored valid.
  void set_length(std::int64_t length);

  /// One layer: [n_kv_heads, n_positions, head_dim].
  [[nodiscard]] MutableAnyTensorView keys(std::int64_t layer) const;
  [[nodiscard]] MutableAnyTensorView values(std::int64_t layer) const;

  /// The first `length` positions of every layer and head as bytes [n_layers, n_kv_heads, length, head_dim].
  [[nodiscard]] std::vector<std::byte> copy_keys(std::int64_t length) const;
  [[nodiscard]] std::vector<std::byte> copy_values(std::int64_t length) const;
  /// The reverse; makes `length` positions valid. Both spans hold rows in this cache's dtype.
  void restore(std::span<const std::byte> keys, std::span<const std::byte> values, std::int64_t length);

 private:
  [[nodiscard]] MutableAnyTensorView layer_of(const Buffer& buffer, std::int64_t layer) const;
  [[nodiscard]] std::vector<std::byte> copy_from(const Buffer& buffer, std::int64_t length) const;
  void restore_into(const Buffer& buffer, std::span<const std::byte> rows, std::int64_t length);
  [[nodiscard]] std::size_t row_bytes() const;

  Backend& backend_;
  DType dtype_;
  std::int64_t n_layers_;
  std::int64_t n_kv_heads_;
  std::int64_t head_dim_;
  std::int64_t n_positions_;
  std::int64_t length_ = 0;
  Buffer keys_;
  Buffer values_;
};

}  // namespace reprise::engine
