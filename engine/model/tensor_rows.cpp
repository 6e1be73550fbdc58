#include "engine/model/tensor_rows.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "engine/core/block_formats.h"
#include "engine/core/error.h"
#include "engine/core/thread_team.h"

namespace reprise::engine {
namespace {

std::int64_t extent_of_row(const AnyTensorView& tensor) {
  return tensor.shape().rank() == 2 ? tensor.extent(1) : 1;
}

/// The row of the source that becomes row `to`.
std::int64_t source_row(const RewrittenTensor& tensor, std::int64_t to) {
  const std::int64_t half = tensor.head_dim / 2;
  switch (tensor.order) {
    case RowOrder::to_interleaved: {
      const std::int64_t place = to % tensor.head_dim;
      return to - place + place / 2 + place % 2 * half;
    }
    case RowOrder::to_halves: {
      const std::int64_t place = to % tensor.head_dim;
      return to - place + place % half * 2 + place / half;
    }
    default:
      return to;
  }
}

/// Row i of all parts: its dtype and first byte.
std::pair<DType, const std::byte*> row_of(const RewrittenTensor& tensor, std::int64_t i) {
  for (const AnyTensorView& part : tensor.parts) {
    if (i < part.extent(0)) {
      return {part.dtype(), part.data() + bytes_of(part.dtype(), i * extent_of_row(part))};
    }
    i -= part.extent(0);
  }
  REPRISE_CHECK(false && "no such row");
}

/// One row as it stands, or in the new dtype. Returns the place of the first element that is not finite or
/// that the dtype cannot hold (for blocks, the first of its block that is to blame, or the block's first), or
/// -1.
std::int64_t rewrite_row(const RewrittenTensor& tensor, std::int64_t to, std::vector<float>& widened,
                         std::byte* out) {
  const auto [dtype, data] = row_of(tensor, source_row(tensor, to));
  const std::int64_t n = tensor.row_extent();
  if (dtype == tensor.dtype) {
    std::memcpy(out, data, bytes_of(dtype, n));
    return -1;
  }
  dequantize(dtype, data, widened);
  const auto bad = std::ranges::find_if_not(widened, [](float x) { return std::isfinite(x); });
  if (bad != widened.end()) {
    return bad - widened.begin();
  }
  const std::size_t done = quantize(tensor.dtype, widened, out);
  return done == widened.size() ? -1 : static_cast<std::int64_t>(done);
}

void scatter_row(const RewrittenTensor& tensor, std::int64_t to, const std::byte* row,
                 std::span<std::byte> out) {
  const std::size_t width = size_of(tensor.dtype);
  for (std::int64_t k = 0; k < tensor.row_extent(); ++k) {
    std::memcpy(out.data() + static_cast<std::size_t>(k * tensor.n_rows() + to) * width,
                row + static_cast<std::size_t>(k) * width, width);
  }
}

}  // namespace

std::int64_t RewrittenTensor::n_rows() const {
  std::int64_t n = 0;
  for (const AnyTensorView& part : parts) {
    n += part.extent(0);
  }
  return n;
}

std::int64_t RewrittenTensor::row_extent() const {
  return extent_of_row(parts.front());
}

std::size_t RewrittenTensor::size_bytes() const {
  return bytes_of(dtype, n_rows() * row_extent());
}

void rewrite(const RewrittenTensor& tensor, std::span<std::byte> out, const std::string& model) {
  const std::int64_t n = tensor.row_extent();
  const bool vector = tensor.parts.front().shape().rank() == 1;
  REPRISE_CHECK(out.size() == tensor.size_bytes() && !(tensor.transposed && is_block_format(tensor.dtype)));
  if (!vector && n % block_extent(tensor.dtype) != 0) {
    fail(ErrorCode::invalid_argument,
         "{}: {}: precision: expected f32, f16 or bf16 for rows of {} elements, found {}", model, tensor.name,
         n, name_of(tensor.dtype));
  }
  const std::size_t row_bytes = bytes_of(tensor.dtype, n);
  constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  std::atomic<std::int64_t> first_bad = kNone;
  ThreadTeam team(static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 64U)));
  team.run([&](int member) {
    std::vector<float> widened(static_cast<std::size_t>(n));
    std::vector<std::byte> row(tensor.transposed ? row_bytes : 0);
    const std::int64_t end = tensor.n_rows() * (member + 1) / team.size();
    for (std::int64_t to = tensor.n_rows() * member / team.size(); to < end; ++to) {
      std::byte* target =
          tensor.transposed ? row.data() : out.data() + static_cast<std::size_t>(to) * row_bytes;
      if (const std::int64_t bad = rewrite_row(tensor, to, widened, target); bad >= 0) {
        const std::int64_t index = source_row(tensor, to) * n + bad;
        std::int64_t lowest = first_bad;
        while (index < lowest && !first_bad.compare_exchange_weak(lowest, index)) {
        }
      }
      if (tensor.transposed) {
        scatter_row(tensor, to, target, out);
      }
    }
  });
  if (first_bad != kNone) {
    fail(ErrorCode::invalid_data,
         "{}: {}: expected finite elements that {} can hold, found others from [{}] on", model, tensor.name,
         name_of(tensor.dtype), first_bad.load());
  }
}

}  // namespace reprise::engine
