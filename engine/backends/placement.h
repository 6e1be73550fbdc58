/// Where a generate call runs: the dimensions along which replays are compared. The capture says what, this
/// says where.
#pragma once

#include <string>
#include <string_view>

#include "engine/core/dtype.h"

namespace reprise::engine {

struct Placement {
  std::string backend = "cpu";  ///< reference | cpu | hip | hip-emulated
  std::string isa = "auto";     ///< auto | scalar | avx2 | avx512 | avx512_vnni | amx | neon; then the actual
                             ///< one; of a GPU its architecture: gfx90a, sm_90; emulated: wave32 | wave64
  std::string precision =
      "native";          ///< of weight matrices: native (as stored) | f32 | f16 | bf16 | int8 | int4
  bool kv_cache = true;  ///< off: every step recomputes all positions; the bits are the same
  DType kv_precision = DType::f32;  ///< f32 | f16 | bf16 | int8
  int threads = 0;                  ///< 0: all of this machine's
  std::string numerics = "exact";   ///< exact | fast: hardware dot products of bf16 or f16, run level only

  bool operator==(const Placement&) const = default;
};

/// Sets one dimension from its spelling in flags and specifications: ("kv_cache", "off").
/// Errors: invalid_argument, naming the key or the value with what is allowed.
void set_placement(Placement& placement, std::string_view key, std::string_view value);

/// Refuses combinations that cannot run here, and puts the actual isa, thread count and single-thread
/// reference in place of "auto" and 0. Errors: invalid_argument or unsupported, naming the dimension and what
/// is allowed.
Placement resolved(Placement placement);

/// Whose memory a resolved placement computes in: "host", or a backend and its device. Weights placed in one
/// memory serve all placements there.
std::string memory_of(const Placement& placement);

/// As its fields are described (placement_fields.h).
std::string describe(const Placement& placement);

}  // namespace reprise::engine
