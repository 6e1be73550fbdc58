/// JSON as Python's json.dumps writes it, which is what models were trained on: ", " and ": " between things,
/// characters beyond ASCII as they are, floats as Python's repr has them. Used by chat templates.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace reprise::engine {

/// json.dumps(value, ensure_ascii=False), keys in their order. Whole numbers beyond 64 bits have become
/// floats when they were parsed. The recursion is as deep as `value`, which the parser has limited.
std::string to_python_json(const nlohmann::ordered_json& value);

}  // namespace reprise::engine
