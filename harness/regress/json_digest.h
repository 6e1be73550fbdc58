/// The digest of a JSON document, by which a history knows reports, series and machines again. Of what the
/// document says, not of its layout: spaces and the order of keys do not count. Used by series.h,
/// fingerprint.h and formats/.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace reprise::harness {

/// SHA-256, 64 hexadecimal digits. Text that is not UTF-8 counts with U+FFFD for its bad bytes.
std::string json_digest(const nlohmann::json& document);

}  // namespace reprise::harness
