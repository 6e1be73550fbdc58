#include "engine/model/kv_cache.h"

#include "engine/core/check.h"
#include "engine/core/error.h"

namespace reprise::engine {

KvCache::KvCache(Backend& backend, const ModelConfig& config, DType dtype, std::int64_t n_positions)
    : backend_(backend),
      dtype_(dtype),
      n_layers_(config.n_layers),
      n_kv_heads_(config.n_kv_heads),
      head_dim_(config.head_dim),
      n_positions_(n_positions) {
  REPRISE_CHECK(n_positions >= 1);
  if (head_dim_ % block_extent(dtype) != 0) {
    fail(ErrorCode::invalid_argument,
         "placement: kv_precision: expected f32, f16 or bf16 for heads of {} dimensions, found {}, whose "
         "blocks have {}",
         head_dim_, name_of(dtype), block_extent(dtype));
  }
  const auto rows = static_cast<std::size_t>(n_layers_ * n_kv_heads_ * n_positions_);
  backend.expect_room(2 * static_cast<std::int64_t>(rows * row_bytes()), "the KV cache");
  keys_ = backend.allocate(rows * row_bytes());
  values_ = backend.allocate(rows * row_bytes());
}

std::size_t KvCache::row_bytes() const {
  return bytes_of(dtype_, head_dim_);
}

std::int64_t KvCache::live_bytes() const {
  return 2 * n_layers_ * n_kv_heads_ * length_ * static_cast<std::int64_t>(row_bytes());
}

void KvCache::set_length(std::int64_t length) {
  REPRISE_CHECK(length >= 0 && length <= n_positions_);
  length_ = length;
}

MutableAnyTensorView KvCache::layer_of(const Buffer& buffer, std::int64_t layer) const {
  REPRISE_CHECK(layer >= 0 && layer < n_layers_);
  const auto offset = static_cast<std::size_t>(layer * n_kv_heads_ * n_positions_) * row_bytes();
  return {dtype_, buffer.data() + offset, {n_kv_heads_, n_positions_, head_dim_}};
}

MutableAnyTensorView KvCache::keys(std::int64_t layer) const {
  return layer_of(keys_, layer);
}

MutableAnyTensorView KvCache::values(std::int64_t layer) const {
  return layer_of(values_, layer);
}

std::vector<std::byte> KvCache::copy_from(const Buffer& buffer, std::int64_t length) const {
  REPRISE_CHECK(length >= 0 && length <= length_);
  const std::size_t live = static_cast<std::size_t>(length) * row_bytes();
  const std::size_t stride = static_cast<std::size_t>(n_positions_) * row_bytes();
  std::vector<std::byte> rows(static_cast<std::size_t>(n_layers_ * n_kv_heads_) * live);
  for (std::size_t head = 0; head < static_cast<std::size_t>(n_layers_ * n_kv_heads_); ++head) {
    backend_.copy_out(std::span(rows).subspan(head * live, live), buffer.data() + head * stride);
  }
  return rows;
}

std::vector<std::byte> KvCache::copy_keys(std::int64_t length) const {
  return copy_from(keys_, length);
}

std::vector<std::byte> KvCache::copy_values(std::int64_t length) const {
  return copy_from(values_, length);
}

void KvCache::restore_into(const Buffer& buffer, std::span<const std::byte> rows, std::int64_t length) {
  const std::size_t live = static_cast<std::size_t>(length) * row_bytes();
  const std::size_t stride = static_cast<std::size_t>(n_positions_) * row_bytes();
  const auto n_heads = static_cast<std::size_t>(n_layers_ * n_kv_heads_);
  REPRISE_CHECK(rows.size() == n_heads * live);
  for (std::size_t head = 0; head < n_heads; ++head) {
    backend_.copy_in(buffer.data() + head * stride, rows.subspan(head * live, live));
  }
}

void KvCache::restore(std::span<const std::byte> keys, std::span<const std::byte> values,
                      std::int64_t length) {
  REPRISE_CHECK(length >= 0 && length <= n_positions_);
  restore_into(keys_, keys, length);
  restore_into(values_, values, length);
  length_ = length;
}

}  // namespace reprise::engine
