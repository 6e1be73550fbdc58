// check(): operands whose shapes or dtypes do not fit stop the program. Each case starts from operands that
// fit.
#include <gtest/gtest.h>

#include <array>

#include "engine/kernels/operations.h"

namespace reprise::engine {
namespace {

std::array<float, 1024> memory = {};

TensorView<float> f32(Shape shape) {
  return {memory.data(), shape};
}
MutableAnyTensorView any(DType dtype, Shape shape) {
  return {dtype, reinterpret_cast<std::byte*>(memory.data()), shape};
}

/// `good` passes; after each of `changes` it does not.
template <class Op, class... Change>
void expect_each_change_stops(const Op& good, Change&&... changes) {
  check(good);
  int index = 0;
  const auto expect_stop = [&](auto&& change) {
    SCOPED_TRACE(index++);
    Op bad = good;
    change(bad);
    EXPECT_DEATH(check(bad), "check failed");
  };
  (expect_stop(changes), ...);
}

TEST(CheckDeathTest, Embed) {
  static const std::array<TokenId, 2> kTokens = {6, 0};
  static const std::array<TokenId, 2> kTooHigh = {7, 0};
  static const std::array<TokenId, 2> kNegative = {0, -1};
  expect_each_change_stops(
      Embed{f32({2, 5}), any(DType::f16, {7, 5}), kTokens, any(DType::f32, {4, 5}), 2},
      [](Embed& op) {
        op.out = f32({3, 5});
      },
      [](Embed& op) {
        op.table = any(DType::f16, {7, 4});
      },
      [](Embed& op) {
        op.table = any(DType::i16, {7, 5});
      },
      [](Embed& op) { op.tokens = kTooHigh; }, [](Embed& op) { op.tokens = kNegative; },
      [](Embed& op) { op.first_position = 3; }, [](Embed& op) { op.first_position = -1; },
      [](Embed& op) {
        op.positions = any(DType::f32, {4, 6});
      });
}

TEST(CheckDeathTest, Norms) {
  expect_each_change_stops(
      RmsNorm{f32({2, 5}), f32({2, 5}), f32({5}), 0},
      [](RmsNorm& op) {
        op.out = f32({5, 2});
      },
      [](RmsNorm& op) { op.weight = f32({4}); }, [](RmsNorm& op) { op.x = f32({10}); });
  expect_each_change_stops(
      LayerNorm{f32({2, 5}), f32({2, 5}), f32({5}), f32({5}), 0},
      [](LayerNorm& op) {
        op.out = f32({5, 2});
      },
      [](LayerNorm& op) { op.weight = f32({4}); }, [](LayerNorm& op) { op.bias = {}; });
}

TEST(CheckDeathTest, Linear) {
  expect_each_change_stops(
      Linear{f32({2, 3}), f32({2, 5}), any(DType::bf16, {3, 5}), f32({3}), f32({2, 3})},
      [](Linear& op) {
        op.out = f32({2, 4});
      },
      [](Linear& op) {
        op.x = f32({2, 6});
      },
      [](Linear& op) {
        op.weight = any(DType::bf16, {5, 3});
      },
      [](Linear& op) {
        op.weight = any(DType::i8, {3, 5});
      },
      [](Linear& op) {
        op.x = f32({2, 0});
        op.weight = any(DType::bf16, {3, 0});
      },
      [](Linear& op) { op.bias = f32({2}); },
      [](Linear& op) {
        op.residual = f32({3, 2});
      });
}

std::array<std::int8_t, 256> bytes = {};

TEST(CheckDeathTest, Blocks) {
  expect_each_change_stops(
      Quantize{{{bytes.data(), {2, 64}}, f32({2, 2})}, f32({2, 64})},
      [](Quantize& op) {
        op.x = f32({2, 48});
        op.out.values = {bytes.data(), {2, 48}};
      },
      [](Quantize& op) {
        op.out.values = {bytes.data(), {2, 32}};
      },
      [](Quantize& op) {
        op.out.scales = f32({2, 3});
      });
  const QuantizedRows x_blocks = {{bytes.data(), {2, 64}}, f32({2, 2})};
  expect_each_change_stops(
      Linear{f32({2, 3}), f32({2, 64}), any(DType::int4, {3, 64}), {}, {}, x_blocks},
      [](Linear& op) { op.x_blocks = {}; },
      [](Linear& op) {
        op.x_blocks.scales = f32({2, 1});
      },
      [](Linear& op) {
        op.weight = any(DType::q4_k, {3, 64});
      });
}

TEST(CheckDeathTest, Rope) {
  expect_each_change_stops(
      Rope{f32({2, 3, 4}), f32({6, 2}), f32({6, 2}), 4, RotaryLayout::half},
      [](Rope& op) {
        op.x = f32({2, 3, 6});
      },
      [](Rope& op) {
        op.sine = f32({5, 2});
      },
      [](Rope& op) { op.first_position = 5; }, [](Rope& op) { op.first_position = -1; });
}

TEST(CheckDeathTest, StoreKv) {
  expect_each_change_stops(
      StoreKv{any(DType::f16, {3, 6, 4}), any(DType::f16, {3, 6, 4}), f32({2, 3, 4}), f32({2, 3, 4}), 4},
      [](StoreKv& op) {
        op.values = f32({2, 3, 5});
      },
      [](StoreKv& op) {
        op.value_cache = any(DType::bf16, {3, 6, 4});
      },
      [](StoreKv& op) {
        op.key_cache = any(DType::f16, {3, 7, 4});
      },
      [](StoreKv& op) {
        op.key_cache = op.value_cache = any(DType::f16, {2, 6, 4});
      },
      [](StoreKv& op) { op.first_position = 5; });
}

TEST(CheckDeathTest, Attention) {
  expect_each_change_stops(
      Attention{f32({2, 6, 4}), f32({2, 6, 4}), any(DType::f16, {3, 9, 4}), any(DType::f16, {3, 9, 4}),
                7, 1},
      [](Attention& op) {
        op.out = f32({2, 4, 6});
      },
      [](Attention& op) {
        op.queries = op.out = f32({2, 7, 4});
      },
      [](Attention& op) {
        op.value_cache = any(DType::f16, {3, 8, 4});
      },
      [](Attention& op) {
        op.value_cache = any(DType::f32, {3, 9, 4});
      },
      [](Attention& op) { op.first_position = 8; },
      [](Attention& op) {
        op.queries = op.out = f32({0, 6, 4});
      });
}

TEST(CheckDeathTest, Activations) {
  expect_each_change_stops(
      SwiGlu{f32({2, 3}), f32({2, 3}), f32({2, 3})},
      [](SwiGlu& op) {
        op.up = f32({3, 2});
      },
      [](SwiGlu& op) {
        op.out = f32({2, 2});
      });
  expect_each_change_stops(Gelu{f32({2, 3}), f32({2, 3})}, [](Gelu& op) { op.x = f32({3, 2}); });
  expect_each_change_stops(Relu{f32({2, 3}), f32({2, 3})}, [](Relu& op) { op.x = f32({3, 2}); });
}

TEST(Kernel, EveryNameIsItsOwn) {
  EXPECT_EQ(name_of(Kernel::embed), "embed");
  EXPECT_EQ(name_of(Kernel::rms_norm), "rms_norm");
  EXPECT_EQ(name_of(Kernel::layer_norm), "layer_norm");
  EXPECT_EQ(name_of(Kernel::quantize), "quantize");
  EXPECT_EQ(name_of(Kernel::linear), "linear");
  EXPECT_EQ(name_of(Kernel::rope), "rope");
  EXPECT_EQ(name_of(Kernel::store_kv), "store_kv");
  EXPECT_EQ(name_of(Kernel::attention), "attention");
  EXPECT_EQ(name_of(Kernel::swiglu), "swiglu");
  EXPECT_EQ(name_of(Kernel::gelu), "gelu");
  EXPECT_EQ(name_of(Kernel::relu), "relu");
}

}  // namespace
}  // namespace reprise::engine
