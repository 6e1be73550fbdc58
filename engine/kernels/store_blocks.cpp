#include "engine/kernels/store_blocks.h"

#include <limits>

#include "engine/core/block_formats.h"

namespace reprise::engine::kernels {

void store_blocks(const StoreKv& op, KvItems items) {
  const std::int64_t n_kv_heads = op.keys.extent(1);
  const std::int64_t head_dim = op.keys.extent(2);
  const std::int64_t n_positions = op.key_cache.extent(1);
  const auto store = [&](const MutableAnyTensorView& cache, const TensorView<const float>& rows) {
    auto* blocks = reinterpret_cast<Int8Block*>(cache.data());
    for (std::int64_t item = items.begin; item < items.end; ++item) {
      const std::int64_t position = op.first_position + item / n_kv_heads;
      Int8Block* out = blocks + (item % n_kv_heads * n_positions + position) * (head_dim / kBlock);
      const float* in = rows.data() + item * head_dim;
      for (std::int64_t i = 0; i < head_dim; i += kBlock, ++out) {
        if (!quantize_block(in + i, *out)) {
          *out = {to_f16(std::numeric_limits<float>::quiet_NaN()), {}};
        }
      }
    }
  };
  store(op.key_cache, op.keys);
  store(op.value_cache, op.values);
}

}  // namespace reprise::engine::kernels
