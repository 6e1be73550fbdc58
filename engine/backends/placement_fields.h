/// A placement as words and a list of fields, for captures and reports (io/json_archive.h).
#pragma once

#include <string>

#include "engine/backends/placement.h"

namespace reprise::engine {

struct PlacementFields {
  std::string backend;
  std::string isa;
  std::string precision;
  bool kv_cache = true;
  std::string kv_precision;
  int threads = 1;
  std::string numerics;

  bool operator==(const PlacementFields&) const = default;
};

/// "cpu avx512 bf16, KV cache f32, 2 threads, exact": one line for people.
std::string describe(const PlacementFields& placement);

inline PlacementFields to_fields(const Placement& p) {
  return {p.backend, p.isa,     p.precision, p.kv_cache, std::string(name_of(p.kv_precision)),
          p.threads, p.numerics};
}

template <class Archive>
void fields(Archive& archive, PlacementFields& placement) {
  archive("backend", placement.backend);
  archive("isa", placement.isa);
  archive("precision", placement.precision);
  archive("kv_cache", placement.kv_cache);
  archive("kv_precision", placement.kv_precision);
  archive("threads", placement.threads);
  archive("numerics", placement.numerics);
}

}  // namespace reprise::engine
