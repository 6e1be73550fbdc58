/// Keys and values rounded to int8 blocks, shared by every CPU implementation of store_kv: a token's rows are
/// few and short, and the rule's rounding (ties away from zero) is no instruction's.
#pragma once

#include <cstdint>

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

/// Items of a StoreKv whose caches are int8: item i is token i / n_kv_heads and key-value head i %
/// n_kv_heads.
struct KvItems {
  std::int64_t begin;
  std::int64_t end;
};
void store_blocks(const StoreKv& op, KvItems items);

}  // namespace reprise::engine::kernels
