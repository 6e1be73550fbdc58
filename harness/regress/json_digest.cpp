#include "harness/regress/json_digest.h"

#include <nlohmann/json.hpp>
#include <span>

#include "engine/core/digest.h"

namespace reprise::harness {

std::string json_digest(const nlohmann::json& document) {
  const std::string text = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return engine::to_hex(engine::sha256(std::as_bytes(std::span(text))));
}

}  // namespace reprise::harness
