// Storing keys and values: correct rounding and placement by the reference, and the same bits on every
// instruction set.
#include <gtest/gtest.h>

#include <limits>

#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

/// Keys and values of all magnitudes, infinities and NaN among them: rounding is defined for every f32.
std::vector<float> any_floats(Random& random, std::int64_t n) {
  std::vector<float> result = random_values(random, n, Values::awkward);
  for (float& x : result) {
    if (random.integer(0, 7) == 0) {
      x = std::bit_cast<float>(random.bits());
    } else if (random.integer(0, 15) == 0) {
      x = random.one_of({65504.0F, 65519.0F, 65520.0F, -65536.0F, std::numeric_limits<float>::infinity()});
    }
  }
  return result;
}

struct StoreOperands {
  StoreOperands(Random& random, DType cache_dtype, std::int64_t n_tokens, std::int64_t n_kv_heads,
                std::int64_t head_dim)
      : dtype(cache_dtype),
        row_shape({n_tokens, n_kv_heads, head_dim}),
        first_position(random.integer(0, 4)),
        cache_shape({n_kv_heads, first_position + n_tokens + random.integer(0, 3), head_dim}),
        keys(any_floats(random, row_shape.count())),
        values(any_floats(random, row_shape.count())) {}

  [[nodiscard]] std::size_t cache_bytes() const {
    return static_cast<std::size_t>(cache_shape.count()) * size_of(dtype);
  }
  /// Both caches, keys first.
  [[nodiscard]] Output blank() const { return Output(2 * cache_bytes()); }
  [[nodiscard]] StoreKv op(std::byte* out) const {
    return {{dtype, out, cache_shape},
            {dtype, out + cache_bytes(), cache_shape},
            view_of(keys, row_shape),
            view_of(values, row_shape),
            first_position};
  }

  DType dtype;
  Shape row_shape;
  std::int64_t first_position;
  Shape cache_shape;
  std::vector<float> keys;
  std::vector<float> values;
};

struct Format {
  int mantissa_bits;
  int min_exponent;
  double largest;
};

/// Nearest, ties to even, in double; for values that stay finite.
double narrowed(double x, Format format) {
  if (x == 0) {
    return x;
  }
  const int exponent = std::max(std::ilogb(x), format.min_exponent) - format.mantissa_bits;
  return std::ldexp(std::nearbyint(std::ldexp(x, -exponent)), exponent);
}

template <class T>
void expect_stored(const StoreOperands& operands, Output& caches, Format format) {
  const Shape& cache = operands.cache_shape;
  for (std::int64_t i = 0; i < 2 * cache.count(); ++i) {
    const bool is_key = i < cache.count();
    const std::int64_t index = i % cache.count();
    const std::int64_t head = index / (cache[1] * cache[2]);
    const std::int64_t t = index / cache[2] % cache[1] - operands.first_position;
    std::byte* stored = caches.data() + static_cast<std::size_t>(i) * sizeof(T);
    if (t < 0 || t >= operands.row_shape[0]) {
      for (std::size_t b = 0; b < sizeof(T); ++b) {
        ASSERT_EQ(stored[b], Output::kPoison) << "wrote to a position that is not new: element " << i;
      }
      continue;
    }
    T value;
    std::memcpy(&value, stored, sizeof value);
    const float found = to_f32(value);
    const auto row = static_cast<std::size_t>((t * cache[0] + head) * cache[2] + index % cache[2]);
    const float given = is_key ? operands.keys[row] : operands.values[row];
    if (std::isnan(given)) {
      ASSERT_TRUE(std::isnan(found)) << "element " << i;
      continue;
    }
    const double exact = narrowed(given, format);
    if (std::isinf(given) || std::fabs(exact) > format.largest) {
      ASSERT_EQ(found, std::copysign(std::numeric_limits<float>::infinity(), given)) << "element " << i;
    } else {
      ASSERT_EQ(found, exact) << "element " << i;
      ASSERT_EQ(std::signbit(found), std::signbit(given)) << "element " << i;
    }
  }
}

TEST(StoreKv, ReferenceRoundsToNearestAndTouchesNewPositionsAlone) {
  Random random(1);
  for (const std::int64_t head_dim : {1, 4, 17, 64, 80, 128}) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      const StoreOperands operands(random, dtype, 3, 2, head_dim);
      Output out = operands.blank();
      kernels::reference_kernels().store_kv(operands.op(out.data()), {0, 1});
      switch (dtype) {
        case DType::f16:
          expect_stored<F16>(operands, out, {10, -14, 65504});
          break;
        case DType::bf16:
          expect_stored<Bf16>(operands, out, {7, -126, 0x1.fep127});
          break;
        default:
          expect_stored<float>(operands, out, {23, -126, std::numeric_limits<float>::max()});
      }
    }
  }
}

TEST(StoreKv, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(2);
  for (int i = 0; i < 500; ++i) {
    const StoreOperands operands(random, random.float_dtype(), random.integer(1, 7), random.integer(1, 5),
                                 random.integer(1, 100));
    ASSERT_TRUE(same_bits_on_every_isa<StoreKv>(&KernelTable::store_kv, operands.blank(),
                                                [&](std::byte* out) { return operands.op(out); }))
        << "case " << i << ": " << name_of(operands.dtype) << " " << operands.row_shape[0] << " x "
        << operands.row_shape[1] << " x " << operands.row_shape[2];
  }
}

}  // namespace
}  // namespace reprise::engine::testing
