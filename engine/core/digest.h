/// Digests: SHA-256 for identity (model files, captures), XXH3-64 for the logits of every step (speed).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace reprise::engine {

using Sha256Digest = std::array<std::byte, 32>;

/// SHA-256 (FIPS 180-4) of data given in pieces, through OpenSSL libcrypto.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> data);
  /// The digest of everything given so far; the object is spent afterwards.
  Sha256Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256Digest sha256(std::span<const std::byte> data);

/// 64 lower-case hexadecimal digits, as the Hugging Face hub and sha256sum print it.
std::string to_hex(const Sha256Digest& digest);

/// XXH3, 64 bits, seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
std::uint64_t xxh3_64(std::span<const std::byte> data);

}  // namespace reprise::engine
