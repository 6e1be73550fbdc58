#include "engine/backends/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>
#include <vector>

#include "engine/backends/hip_backend.h"
#include "engine/backends/placement_fields.h"
#include "engine/core/error.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/fast/fast_kernels.h"

namespace reprise::engine {
namespace {

constexpr int kMaxThreads = 1024;

using Words = std::vector<std::string_view>;

const Words kKeys = {"backend", "isa", "precision", "kv_cache", "kv_precision", "threads", "numerics"};
const Words kBackends = {"reference", "cpu", "hip", "hip-emulated"};
const Words kPrecisions = {"native", "f32", "f16", "bf16", "int8", "int4"};
const Words kKvPrecisions = {"f32", "f16", "bf16", "int8"};
const Words kSwitch = {"on", "off"};
const Words kNumerics = {"exact", "fast"};

Words isa_words() {
  Words words = kernels::known_isas();
  words.insert(words.begin(), "auto");
  return words;
}

/// Whether this names a GPU's architecture: which there are is known when the placement is resolved.
bool is_gpu_architecture(std::string_view value) {
  return value.starts_with("gfx") || value.starts_with("sm_") || value == "wave32" || value == "wave64";
}

std::string_view one_of(std::string_view key, std::string_view value, const Words& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    fail(ErrorCode::invalid_argument, "placement: {}: expected one of {}, found '{}'", key,
         fmt::join(allowed, ", "), value);
  }
  return value;
}

int thread_count(std::string_view value) {
  int threads = -1;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), threads);
  if (error != std::errc() || end != value.data() + value.size() || threads < 0 || threads > kMaxThreads) {
    fail(ErrorCode::invalid_argument, "placement: threads: expected 0 (all) to {}, found '{}'", kMaxThreads,
         value);
  }
  return threads;
}

}  // namespace

void set_placement(Placement& placement, std::string_view key, std::string_view value) {
  one_of("key", key, kKeys);
  if (key == "backend") {
    placement.backend = one_of(key, value, kBackends);
  } else if (key == "isa") {
    placement.isa = is_gpu_architecture(value) ? value : one_of(key, value, isa_words());
  } else if (key == "precision") {
    placement.precision = one_of(key, value, kPrecisions);
  } else if (key == "kv_cache") {
    placement.kv_cache = one_of(key, value, kSwitch) == "on";
  } else if (key == "kv_precision") {
    placement.kv_precision = *dtype_named(one_of(key, value, kKvPrecisions));
  } else if (key == "threads") {
    placement.threads = thread_count(value);
  } else {
    placement.numerics = one_of(key, value, kNumerics);
  }
}

Placement resolved(Placement placement) {
  one_of("backend", placement.backend, kBackends);
  one_of("precision", placement.precision, kPrecisions);
  one_of("kv_precision", name_of(placement.kv_precision), kKvPrecisions);
  one_of("numerics", placement.numerics, kNumerics);
  if (placement.backend == "reference") {
    if (placement.isa != "auto" && placement.isa != "scalar") {
      fail(ErrorCode::invalid_argument,
           "placement: isa: expected auto or scalar with backend reference, found {}", placement.isa);
    }
    if (placement.threads < 0 || placement.threads > 1) {
      fail(ErrorCode::invalid_argument, "placement: threads: expected 1 with backend reference, found {}",
           placement.threads);
    }
    if (placement.numerics != "exact") {
      fail(ErrorCode::invalid_argument,
           "placement: numerics: expected exact with backend reference, found {}", placement.numerics);
    }
    placement.isa = "scalar";
    placement.threads = 1;
    return placement;
  }
  if (is_hip(placement)) {
    return resolved_hip(std::move(placement));
  }
  const KernelTable& exact = kernels::cpu_kernels(placement.isa);
  placement.isa = exact.isa;
  if (placement.numerics == "fast") {
    kernels::fast_kernels(exact);  // refuses where there are none
  }
  if (placement.threads == 0) {
    placement.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 1024U));
  }
  if (placement.threads < 0 || placement.threads > kMaxThreads) {
    fail(ErrorCode::invalid_argument, "placement: threads: expected 0 (all) to {}, found {}", kMaxThreads,
         placement.threads);
  }
  return placement;
}

std::string memory_of(const Placement& placement) {
  return is_hip(placement) ? placement.backend + " " + placement.isa : "host";
}

std::string describe(const Placement& placement) {
  return describe(to_fields(placement));
}

}  // namespace reprise::engine
