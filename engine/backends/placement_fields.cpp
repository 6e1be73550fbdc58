#include "engine/backends/placement_fields.h"

#include <fmt/format.h>

namespace reprise::engine {

std::string describe(const PlacementFields& p) {
  return fmt::format("{} {} {}, KV cache {}, {} thread{}, {}", p.backend, p.isa, p.precision,
                     p.kv_cache ? p.kv_precision : "off", p.threads, p.threads == 1 ? "" : "s", p.numerics);
}

}  // namespace reprise::engine
