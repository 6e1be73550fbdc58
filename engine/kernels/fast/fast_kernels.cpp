#include "engine/kernels/fast/fast_kernels.h"

#include "engine/core/error.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/cpu/targets.h"
#include "engine/kernels/fast/bf16_linear.h"

#if defined(REPRISE_ONEDNN)
#include <map>
#endif

namespace reprise::engine::kernels {

#if defined(REPRISE_ONEDNN)

namespace {

bool rounds_to_bf16(const Linear& op) {
  return op.x.extent(0) >= kDotTokens &&
         (op.weight.dtype() == DType::bf16 || op.weight.dtype() == DType::f16);
}

void linear(const Linear& op, Slice slice) {
  if (rounds_to_bf16(op)) {
    bf16_linear(op, slice);
  } else {
    kAvx512Kernels.linear(op, slice);
  }
}

std::size_t linear_workspace(const Linear& op) {
  return rounds_to_bf16(op) ? bf16_linear_workspace(op) : kAvx512Kernels.linear_workspace(op);
}

/// By the name of the exact table: all whose products of floats are those of AVX-512.
std::map<std::string_view, KernelTable> make_tables() {
  std::map<std::string_view, KernelTable> tables;
  for (const std::string_view isa : available_isas()) {
    KernelTable table = cpu_kernels(isa);
    if (table.linear == kAvx512Kernels.linear) {
      table.linear = linear;
      table.linear_workspace = linear_workspace;
      table.bf16_dots = rounds_to_bf16;
      tables.emplace(isa, table);
    }
  }
  return tables;
}

}  // namespace

const KernelTable& fast_kernels(const KernelTable& exact) {
  static const std::map<std::string_view, KernelTable> tables = make_tables();
  const auto found = tables.find(exact.isa);
  if (found == tables.end()) {
    fail(ErrorCode::unsupported,
         "numerics: expected exact with an isa narrower than avx512, found fast with {}", exact.isa);
  }
  if (!has_bf16_dots()) {
    fail(ErrorCode::unsupported,
         "numerics: expected exact on a processor without bf16 dot products (avx512_bf16 or amx_bf16), found "
         "fast");
  }
  return found->second;
}

bool fast_kernels_available() {
  return has_bf16_dots() && cpu_kernels("auto").linear == kAvx512Kernels.linear;
}

#else

const KernelTable& fast_kernels(const KernelTable& /*exact*/) {
  fail(ErrorCode::unsupported, "numerics: expected exact in a build without oneDNN, found fast");
}

bool fast_kernels_available() {
  return false;
}

#endif

}  // namespace reprise::engine::kernels
