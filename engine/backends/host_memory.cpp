#include "engine/backends/host_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/monotonic.h"

namespace reprise::engine {

Buffer HostMemoryBackend::allocate(std::size_t size_bytes) {
  const std::size_t mapped = std::max<std::size_t>(size_bytes, 1);
  // Pages come zeroed and only when touched: a KV cache may be sized for a context that is never filled.
  void* data =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    fail(ErrorCode::out_of_memory, "memory: expected {} bytes to be available, found fewer", size_bytes);
  }
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  if (mapped >= 4 * kHugePage) {
    madvise(data, mapped, MADV_HUGEPAGE);  // advice: a refusal changes speed, not results
  }
  return {static_cast<std::byte*>(data), size_bytes,
          [](std::byte* memory, std::size_t size) { munmap(memory, std::max<std::size_t>(size, 1)); }};
}

AnyTensorView HostMemoryBackend::import(const AnyTensorView& host, std::vector<Buffer>& /*copies*/) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(host.data());
  const std::uintptr_t first_page = begin / page * page;
  // Advice: a refusal changes speed, not results. Without it pages are read when kernels reach them, a few at
  // a time.
  madvise(reinterpret_cast<void*>(first_page), begin + host.size_bytes() - first_page, MADV_WILLNEED);
  return host;
}

void HostMemoryBackend::perform(OperationRef op, KernelObserver* observer) {
  std::visit(
      [&]<class Op>(const Op* operation) {
        const Cost cost = cost_on(*kernels_, *operation);
        const auto kernel = engine::kernel_of(*kernels_, *operation);
        const double start = observer == nullptr ? 0 : monotonic_seconds();
        execute(cost, engine::workspace_bytes(*kernels_, *operation),
                [&](Slice slice) { kernel(*operation, slice); });
        if (observer != nullptr) {
          const double seconds = monotonic_seconds() - start;
          observer->on_record(
              {name_of(engine::kernel_of(op)), cost, seconds, 1, start, layer(), shape_of(op)});
        }
      },
      op);
}

std::byte* HostMemoryBackend::workspace(int n_slices, std::size_t bytes_of_slice) {
  const std::size_t needed =
      bytes_of_slice == 0 ? 0 : static_cast<std::size_t>(n_slices) * workspace_stride(bytes_of_slice);
  if (needed > workspace_.size_bytes()) {
    workspace_ = {};  // first: both at once might not fit
    workspace_ = allocate(needed);
  }
  return workspace_.data();
}

void HostMemoryBackend::copy_in(std::byte* to, std::span<const std::byte> from) {
  std::copy(from.begin(), from.end(), to);
}

void HostMemoryBackend::copy_out(std::span<std::byte> to, const std::byte* from) {
  std::copy_n(from, to.size(), to.begin());
}

std::span<const float> HostMemoryBackend::read(const TensorView<const float>& values) {
  return {values.data(), static_cast<std::size_t>(values.count())};
}

}  // namespace reprise::engine
