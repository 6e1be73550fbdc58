#include "engine/serve/futhark/transpose.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "engine/core/check.h"
#include "engine/core/thread_team.h"

namespace reprise::engine::futhark {
namespace {

/// Tiles of 64 x 64: 16 KiB of f32, read along one side and written along the other, stay in L1.
constexpr std::int64_t kTile = 64;

template <std::size_t Width>
void transpose_rows(std::byte* out, const std::byte* in, const MatrixBatch& batch, std::int64_t first_row) {
  const std::int64_t end_row = std::min(first_row + kTile, batch.n_rows);
  for (std::int64_t first_column = 0; first_column < batch.n_columns; first_column += kTile) {
    const std::int64_t end_column = std::min(first_column + kTile, batch.n_columns);
    for (std::int64_t column = first_column; column < end_column; ++column) {
      for (std::int64_t row = first_row; row < end_row; ++row) {
        std::memcpy(out + static_cast<std::size_t>(column * batch.n_rows + row) * Width,
                    in + static_cast<std::size_t>(row * batch.n_columns + column) * Width, Width);
      }
    }
  }
}

}  // namespace

void transpose(std::span<std::byte> out, const std::byte* in, const MatrixBatch& batch) {
  const auto matrix_bytes = static_cast<std::size_t>(batch.n_rows * batch.n_columns) * batch.element_bytes;
  REPRISE_CHECK(out.size() == static_cast<std::size_t>(batch.n_matrices) * matrix_bytes);
  REPRISE_CHECK(batch.element_bytes == 2 || batch.element_bytes == 4);
  const std::int64_t strips = (batch.n_rows + kTile - 1) / kTile;  // of one matrix
  const std::int64_t n_strips = batch.n_matrices * strips;
  const auto cores = static_cast<std::int64_t>(std::clamp(std::thread::hardware_concurrency(), 1U, 64U));
  ThreadTeam team(static_cast<int>(std::clamp<std::int64_t>(n_strips, 1, cores)));
  team.run([&](int member) {
    const std::int64_t end = n_strips * (member + 1) / team.size();
    for (std::int64_t strip = n_strips * member / team.size(); strip < end; ++strip) {
      const std::size_t matrix = static_cast<std::size_t>(strip / strips) * matrix_bytes;
      const std::int64_t first_row = strip % strips * kTile;
      if (batch.element_bytes == 2) {
        transpose_rows<2>(out.data() + matrix, in + matrix, batch, first_row);
      } else {
        transpose_rows<4>(out.data() + matrix, in + matrix, batch, first_row);
      }
    }
  });
}

}  // namespace reprise::engine::futhark
