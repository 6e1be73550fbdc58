/// Sizes as people write them on a command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reprise::cli {

/// "2GiB", "500MB", "1.5 GiB" or plain bytes: KiB, MiB, GiB, TiB are powers of 1024, kB (or KB), MB, GB, TB
/// of 1000. Errors: invalid_argument, "FLAG: expected ..., found ...".
std::uint64_t parse_byte_size(std::string_view text, std::string_view flag);

}  // namespace reprise::cli
