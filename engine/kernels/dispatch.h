/// From a dtype known at run time to an element type known at compile time.
#pragma once

#include "engine/core/block_formats.h"
#include "engine/core/tensor_view.h"

namespace reprise::engine::kernels {

/// A position in a row of blocks: what a pointer is to a row of plain elements, for reading. Elements are
/// widened exactly.
template <class Block>
struct BlockCursor {
  const Block* blocks;
  std::int64_t index;  ///< of the element, from the first block on; never negative

  [[nodiscard]] REPRISE_INLINE const Block& block() const { return blocks[unsigned_index() / kBlock]; }
  /// The element's place in its block.
  [[nodiscard]] REPRISE_INLINE int place() const { return static_cast<int>(unsigned_index() % kBlock); }

  REPRISE_INLINE friend BlockCursor operator+(BlockCursor cursor, std::int64_t n) {
    return {cursor.blocks, cursor.index + n};
  }
  /// The integer of the element i places on, before scaling.
  [[nodiscard]] REPRISE_INLINE int value_at(std::int64_t i) const {
    const BlockCursor at = *this + i;
    return value(at.block(), at.place());
  }
  REPRISE_INLINE float operator[](std::int64_t i) const {
    return to_f32((*this + i).block().scale) * static_cast<float>(value_at(i));
  }

 private:
  /// Divides by a shift alone.
  [[nodiscard]] REPRISE_INLINE std::uint64_t unsigned_index() const { return static_cast<std::uint64_t>(index); }
  REPRISE_INLINE static int value(const Int8Block& block, int i) { return block.values[i]; }
  REPRISE_INLINE static int value(const Int4Block& block, int i) {
    constexpr int kHalf = static_cast<int>(kBlock) / 2;
    return (i < kHalf ? block.nibbles[i] & 0x0f : block.nibbles[i - kHalf] >> 4) - 8;
  }
};

/// A tensor of blocks whose rows are read by cursors; the counterpart of TensorView.
template <class Block>
class BlockView {
 public:
  REPRISE_INLINE explicit BlockView(const AnyTensorView& view) : data_(view.data()), shape_(view.shape()) {
    REPRISE_CHECK(view.dtype() == kDTypeOf<Block>);
  }
  [[nodiscard]] REPRISE_INLINE std::int64_t extent(std::size_t axis) const { return shape_[axis]; }
  /// First element of row i of the outermost axis.
  [[nodiscard]] REPRISE_INLINE BlockCursor<Block> row(std::int64_t i) const {
    std::int64_t stride = 1;
    for (std::size_t axis = 1; axis < shape_.rank(); ++axis) {
      stride *= shape_[axis];
    }
    return {reinterpret_cast<const Block*>(data_), i * stride};
  }

 private:
  const std::byte* data_;
  Shape shape_;
};

/// Calls f with the view as TensorView<float, F16 or Bf16>; any other dtype is a caller's bug.
template <class Byte, class F>
REPRISE_INLINE void with_element_type(const BasicAnyTensorView<Byte>& view, F&& f) {
  switch (view.dtype()) {
    case DType::f32:
      f(view.template as<float>());
      return;
    case DType::f16:
      f(view.template as<F16>());
      return;
    case DType::bf16:
      f(view.template as<Bf16>());
      return;
    default:
      REPRISE_CHECK(false && "no kernel for this dtype");
  }
}

/// Calls f with a view of blocks, int8 or int4.
template <class F>
REPRISE_INLINE void with_block_type(const AnyTensorView& view, F&& f) {
  if (view.dtype() == DType::int8) {
    f(BlockView<Int8Block>(view));
  } else {
    f(BlockView<Int4Block>(view));
  }
}

/// Calls f with a view for reading, of floats or of blocks: row(i) + k is a pointer or a cursor.
template <class F>
REPRISE_INLINE void with_readable_type(const AnyTensorView& view, F&& f) {
  if (is_block_format(view.dtype())) {
    with_block_type(view, f);
  } else {
    with_element_type(view, f);
  }
}

/// `view` as the type of a view that with_readable_type gave for another tensor of the same dtype.
template <class T>
REPRISE_INLINE TensorView<const T> view_like(const TensorView<const T>& /*model*/,
                                             const AnyTensorView& view) {
  return view.as<T>();
}
template <class Block>
REPRISE_INLINE BlockView<Block> view_like(const BlockView<Block>& /*model*/, const AnyTensorView& view) {
  return BlockView<Block>(view);
}

}  // namespace reprise::engine::kernels
