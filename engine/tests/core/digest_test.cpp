#include "engine/core/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace reprise::engine {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Sha256, VectorsOfFips180) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(bytes_of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(bytes_of(std::string(1'000'000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesOfAnySizeGiveTheDigestOfTheWhole) {
  const std::string text(1'000'000, 'a');
  for (const std::size_t step : {1'000'000U, 65'537U, 997U}) {
    Sha256 hash;
    for (std::size_t i = 0; i < text.size(); i += step) {
      hash.update(bytes_of(std::string_view(text).substr(i, step)));
      hash.update({});
    }
    EXPECT_EQ(to_hex(hash.finish()), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

TEST(Sha256, MovedObjectGoesOn) {
  Sha256 first;
  first.update(bytes_of("a"));
  Sha256 second = std::move(first);
  second.update(bytes_of("bc"));
  EXPECT_EQ(second.finish(), sha256(bytes_of("abc")));
}

/// The byte sequence of xxHash's own sanity check (xxhsum, XSUM_fillTestBuffer).
std::vector<std::byte> xxhash_test_buffer(std::size_t size) {
  std::vector<std::byte> buffer;
  std::uint64_t state = 2654435761U;
  for (std::size_t i = 0; i < size; ++i) {
    buffer.push_back(static_cast<std::byte>(state >> 56));
    state *= 11400714785074694797U;
  }
  return buffer;
}

TEST(Xxh3, ValuesOfXxhashsSanityCheck) {
  // Lengths on every path of the algorithm: empty, 1-3, 4-8, 9-16, 17-128, 129-240, longer, more than a
  // block.
  EXPECT_EQ(xxh3_64({}), 0x2d06800538d394c2U);
  EXPECT_EQ(xxh3_64(xxhash_test_buffer(1)), 0xc44bdff4074eecdbU);
  EXPECT_EQ(xxh3_64(xxhash_test_buffer(6)), 0x27b56a84cd2d7325U);
  EXPECT_EQ(xxh3_64(xxhash_test_buffer(12)), 0xa713daf0dfbb77e7U);
  EXPECT_EQ(xxh3_64(xxhash_test_buffer(24)), 0xa3fe70bf9d3510ebU);
  EXPECT_EQ(xxh3_64(xxhash_test_buffer(195)), 0xcd94217ee362ec3aU);
  EXPECT_EQ(xxh3_64(xxhash_test_buffer(403)), 0xcdeb804d65c6dea4U);
  EXPECT_EQ(xxh3_64(xxhash_test_buffer(2048)), 0xdd59e2c3a5f038e0U);
}

}  // namespace
}  // namespace reprise::engine
