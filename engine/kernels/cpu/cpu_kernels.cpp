#include "engine/kernels/cpu/cpu_kernels.h"

#include <fmt/format.h>
#if defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>

#include "engine/core/error.h"
#include "engine/kernels/cpu/targets.h"

namespace reprise::engine::kernels {

namespace {

/// `base` with other products for weights in blocks.
[[maybe_unused]] KernelTable with_blocks(KernelTable base, std::string_view isa, const BlockKernels& blocks) {
  base.isa = isa;
  base.linear_blocks = blocks.linear_blocks;
  base.linear_blocks_workspace = blocks.workspace;
  return base;
}

#if defined(__x86_64__)
/// Linux saves the 8 KiB of tile registers only for processes that ask; kernels before 5.16 and some
/// sandboxes refuse.
bool tiles_are_granted() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  static const bool granted = __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-int8") &&
                              syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
}
#endif

std::vector<const KernelTable*> available_tables() {
  std::vector<const KernelTable*> tables = {&kScalarKernels};
#if defined(__x86_64__)
  // __builtin_cpu_supports also asks whether the operating system saves the wide registers.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
    tables.push_back(&kAvx2Kernels);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
      tables.push_back(&kAvx512Kernels);
      if (__builtin_cpu_supports("avx512vnni")) {
        static const KernelTable vnni = with_blocks(kAvx512Kernels, "avx512_vnni", kAvx512VnniBlocks);
        tables.push_back(&vnni);
        if (tiles_are_granted()) {
          static const KernelTable amx = with_blocks(kAvx512Kernels, "amx", kAmxBlocks);
          tables.push_back(&amx);
        }
      }
    }
  }
#elif defined(__aarch64__)
  tables.push_back(&kNeonKernels);  // a part of every AArch64 processor
#endif
  return tables;
}

}  // namespace

std::vector<std::string_view> known_isas() {
  return {"scalar", "avx2", "avx512", "avx512_vnni", "amx", "neon"};
}

std::vector<std::string_view> available_isas() {
  std::vector<std::string_view> names;
  for (const KernelTable* table : available_tables()) {
    names.push_back(table->isa);
  }
  return names;
}

const KernelTable& cpu_kernels(std::string_view isa) {
  const std::vector<const KernelTable*> tables = available_tables();
  if (isa == "auto") {
    return *tables.back();
  }
  for (const KernelTable* table : tables) {
    if (table->isa == isa) {
      return *table;
    }
  }
  const std::vector<std::string_view> known = known_isas();
  if (std::find(known.begin(), known.end(), isa) == known.end()) {
    fail(ErrorCode::invalid_argument, "isa: expected one of auto, {}, found {}", fmt::join(known, ", "), isa);
  }
  fail(ErrorCode::unsupported, "isa: expected one that this machine has ({}), found {}",
       fmt::join(available_isas(), ", "), isa);
}

}  // namespace reprise::engine::kernels
