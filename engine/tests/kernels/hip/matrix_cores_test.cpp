// A wave's tile product, element by element: integers that all sums hold exactly, so that an operand or a sum
// taken from another lane shows. In the emulation, whose instructions are laid out as the makers of GPUs
// document them.
#include "engine/kernels/hip/matrix_cores.h"

#include <gtest/gtest.h>

#include <array>

namespace reprise::engine::kernels::hip_emulated {
namespace {

constexpr int kThreads = 64;

using Tile = std::array<float, kTileRows * kTileDepth>;
using Sums = std::array<float, kTileRows * kTileRows>;

/// The rows of a tile as a kernel puts them into shared memory, in 16 bits; what is between them is NaN.
template <class Cores, class T>
std::array<Eight, kTileRows * Cores::kRowEights> packed(const Tile& tile) {
  std::array<Eight, kTileRows * Cores::kRowEights> rows;
  rows.fill({{~0U, ~0U, ~0U, ~0U}});
  for (int i = 0; i < kTileRows; ++i) {
    for (int k = 0; k < kTileDepth; k += 2) {
      const auto bits = [&](int at) {
        return static_cast<std::uint32_t>(narrow<T>(tile[static_cast<std::size_t>(i * kTileDepth + at)]));
      };
      rows[static_cast<std::size_t>(i * Cores::kRowEights + k / 8)].pairs[k % 8 / 2] = bits(k) | bits(k + 1)
                                                                                                     << 16U;
    }
  }
  return rows;
}

/// sums += a b', by every wave of one block; all must find the same.
template <class Cores, class T>
void add_product(Sums& sums, const Tile& a, const Tile& b) {
  hipStream_t stream = nullptr;
  ASSERT_EQ(hipSetDevice(Cores::kWave == 32 ? 0 : 1), hipSuccess);
  ASSERT_EQ(hipStreamCreate(&stream), hipSuccess);
  const auto a_rows = packed<Cores, T>(a);
  const auto b_rows = packed<Cores, T>(b);
  const Sums before = sums;
  std::array<int, kTileRows* kTileRows> n_written = {};
  const auto kernel = [&] {
    float own[Cores::kSums];
    const auto at = [](int i) {
      return static_cast<std::size_t>(Cores::row(i) * kTileRows + Cores::column(i));
    };
    for (int i = 0; i < Cores::kSums; ++i) {
      own[i] = before[at(i)];
    }
    for (int piece = 0; piece < Cores::kPieces; ++piece) {
      Cores::template multiply<T>(own, Cores::load_a(a_rows.data(), piece),
                                  Cores::load_b(b_rows.data(), piece));
    }
    for (int i = 0; i < Cores::kSums; ++i) {
      EXPECT_TRUE(n_written[at(i)] == 0 || sums[at(i)] == own[i]) << "waves differ";
      sums[at(i)] = own[i];
      ++n_written[at(i)];
    }
  };
  emulation::launch(dim3(1), dim3(kThreads), stream, [&] { kernel(); });
  EXPECT_EQ(hipStreamDestroy(stream), hipSuccess);
  for (const int n : n_written) {
    ASSERT_EQ(n, kThreads / Cores::kWave) << "each sum has one lane of a wave";
  }
}

/// A tile whose one element that is not zero is 1.
Tile unit(int row, int k) {
  Tile tile = {};
  tile[static_cast<std::size_t>(row * kTileDepth + k)] = 1;
  return tile;
}

template <class Cores, class T>
void expect_every_element_in_its_place() {
  // 1 to 512: half of them are no bf16, so two tiles, of 1 to 256 and of those that are missing.
  for (const int base : {0, 256}) {
    Tile all;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const int value = static_cast<int>(i) + 1 - base;
      all[i] = value >= 1 && value <= 256 ? static_cast<float>(value) : 0.0F;
    }
    for (int k = 0; k < kTileDepth; ++k) {
      // Row 3 of the other operand picks out one k: column or row 3 of the sums is that k of all rows.
      Sums picked_from_a = {};
      Sums picked_from_b = {};
      add_product<Cores, T>(picked_from_a, all, unit(3, k));
      add_product<Cores, T>(picked_from_b, unit(3, k), all);
      for (int i = 0; i < kTileRows; ++i) {
        for (int j = 0; j < kTileRows; ++j) {
          const auto at = static_cast<std::size_t>(i * kTileRows + j);
          const auto element = [&](int row) { return all[static_cast<std::size_t>(row * kTileDepth + k)]; };
          ASSERT_EQ(picked_from_a[at], j == 3 ? element(i) : 0.0F) << i << ", " << j << ", k " << k;
          ASSERT_EQ(picked_from_b[at], i == 3 ? element(j) : 0.0F) << i << ", " << j << ", k " << k;
        }
      }
    }
  }
}

template <class Cores, class T>
void expect_whole_product() {
  Tile a;
  Tile b;
  for (int i = 0; i < kTileRows; ++i) {
    for (int k = 0; k < kTileDepth; ++k) {
      a[static_cast<std::size_t>(i * kTileDepth + k)] = static_cast<float>((i * 37 + k * 11) % 61 - 30);
      b[static_cast<std::size_t>(i * kTileDepth + k)] =
          static_cast<float>((i * 23 + k * 29 + i * k) % 53 - 26);
    }
  }
  Sums sums;
  Sums expected;
  for (int i = 0; i < kTileRows * kTileRows; ++i) {
    sums[static_cast<std::size_t>(i)] = static_cast<float>(1000 * i);
    expected[static_cast<std::size_t>(i)] = sums[static_cast<std::size_t>(i)];
    for (int k = 0; k < kTileDepth; ++k) {
      expected[static_cast<std::size_t>(i)] += a[static_cast<std::size_t>(i / kTileRows * kTileDepth + k)] *
                                               b[static_cast<std::size_t>(i % kTileRows * kTileDepth + k)];
    }
  }
  add_product<Cores, T>(sums, a, b);
  EXPECT_EQ(sums, expected);
}

template <class Cores>
class MatrixCores : public ::testing::Test {};
using AllCores = ::testing::Types<MmaCores, MfmaCores, PlainCores<32>, PlainCores<64>>;
TYPED_TEST_SUITE(MatrixCores, AllCores);

TYPED_TEST(MatrixCores, TakeEveryElementFromItsPlace) {
  expect_every_element_in_its_place<TypeParam, Bf16>();
  expect_every_element_in_its_place<TypeParam, F16>();
}

TYPED_TEST(MatrixCores, AddTheWholeProductToTheSums) {
  expect_whole_product<TypeParam, Bf16>();
  expect_whole_product<TypeParam, F16>();
}

}  // namespace
}  // namespace reprise::engine::kernels::hip_emulated
