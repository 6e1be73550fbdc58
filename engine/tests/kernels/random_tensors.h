/// Seeded operands for the tests of kernels: vectors and tensors of any float dtype, ordinary or awkward.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "engine/core/block_formats.h"
#include "engine/core/philox.h"
#include "engine/kernels/operations.h"

namespace reprise::engine::testing {

/// A stream of random numbers; two streams of different seeds share nothing.
class Random {
 public:
  explicit Random(std::uint64_t seed) : key_(philox_key(seed)) {}

  std::uint32_t bits() {
    if (next_ == 4) {
      block_ = philox4x32_10({counter_++, 0, 0, 0}, key_);
      next_ = 0;
    }
    return block_[next_++];
  }
  /// Both ends included.
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(high - low + 1));
  }
  float uniform(float low, float high) { return low + (high - low) * uniform_f32(bits()); }
  bool coin() { return (bits() & 1U) != 0; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[integer(0, std::ssize(choices) - 1)];
  }
  DType float_dtype() { return one_of({DType::f32, DType::f16, DType::bf16}); }
  DType block_dtype() { return one_of({DType::int8, DType::int4}); }

 private:
  PhiloxKey key_;
  PhiloxCounter block_ = {};
  std::uint32_t counter_ = 0;
  std::size_t next_ = 4;
};

enum class Values {
  plain,    ///< uniform in [-1, 1)
  awkward,  ///< a quarter of them zeros of both signs, subnormals, and magnitudes from 2^-120 to 2^40
};

inline float awkward_value(Random& random) {
  const std::uint32_t sign = random.bits() & 0x80000000U;
  switch (random.integer(0, 3)) {
    case 0:
      return std::bit_cast<float>(sign);
    case 1:
      return std::bit_cast<float>(sign | (random.bits() & 0x7fffffU));
    default:
      return std::ldexp(random.uniform(-2, 2), static_cast<int>(random.integer(-120, 39)));
  }
}

inline std::vector<float> random_values(Random& random, std::int64_t n, Values values = Values::plain) {
  std::vector<float> result(static_cast<std::size_t>(n));
  for (float& x : result) {
    const bool awkward = values == Values::awkward && random.integer(0, 3) == 0;
    x = awkward ? awkward_value(random) : random.uniform(-1, 1);
  }
  return result;
}

/// A tensor of any float dtype, int8 or int4 that owns its memory.
class Tensor {
 public:
  Tensor(DType dtype, Shape shape, const std::vector<float>& values)
      : dtype_(dtype), shape_(shape), bytes_(bytes_of(dtype, std::ssize(values))) {
    if (is_block_format(dtype)) {
      REPRISE_CHECK(quantize(dtype, values, bytes_.data()) == values.size());
      return;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      switch (dtype) {
        case DType::f16:
          // Awkward magnitudes stay finite: sums of infinities of both signs are another test's matter.
          put(i, to_f16(std::clamp(values[i], -65504.0F, 65504.0F)));
          break;
        case DType::bf16:
          put(i, to_bf16(values[i]));
          break;
        default:
          put(i, values[i]);
      }
    }
  }
  static Tensor random(Random& random, DType dtype, Shape shape, Values values = Values::plain) {
    return {dtype, shape, random_values(random, shape.count(), values)};
  }

  [[nodiscard]] AnyTensorView view() const { return {dtype_, bytes_.data(), shape_}; }
  /// The element as stored, exactly.
  [[nodiscard]] double at(std::int64_t i) const {
    switch (dtype_) {
      case DType::f16:
        return to_f32(get<F16>(i));
      case DType::bf16:
        return to_f32(get<Bf16>(i));
      case DType::f32:
        return get<float>(i);
      default:
        break;
    }
    std::array<float, kBlock> block;
    dequantize(dtype_, bytes_.data() + bytes_of(dtype_, i / kBlock * kBlock), block);
    return block[static_cast<std::size_t>(i % kBlock)];
  }

 private:
  template <class T>
  void put(std::size_t i, T value) {
    std::memcpy(bytes_.data() + i * sizeof(T), &value, sizeof(T));
  }
  template <class T>
  [[nodiscard]] T get(std::int64_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    return value;
  }

  DType dtype_;
  Shape shape_;
  std::vector<std::byte> bytes_;
};

inline TensorView<const float> view_of(const std::vector<float>& values, Shape shape) {
  return {values.data(), shape};
}
/// A vector as an operand of rank 1, or an absent one.
inline TensorView<const float> optional_view(const std::vector<float>& values, bool present) {
  return present ? view_of(values, {std::ssize(values)}) : TensorView<const float>();
}

}  // namespace reprise::engine::testing
