#include "engine/serve/demo_tools.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/io/printable.h"

namespace reprise::engine {
namespace {

constexpr std::int64_t kMostN = 1'000'000;  // 2 n^3 fits 64 bits

std::int64_t n_of(const std::string& arguments) {
  const auto json = parse_json(arguments, "arguments");
  const auto n = json.is_object() ? json.value("n", nlohmann::json()) : nlohmann::json();
  if (!n.is_number_integer() || n < 0 || n > kMostN) {
    fail(ErrorCode::invalid_argument, "n: expected a whole number from 0 to {}, found {}", kMostN,
         printable(n.dump()));
  }
  return n.get<std::int64_t>();
}

ChatTool tool_of(const char* name, const char* description, std::int64_t (*sum)(std::int64_t)) {
  return {
      name,
      fmt::format(
          R"({{"type": "function", "function": {{"name": "{}", "description": "{}", "parameters": )"
          R"({{"type": "object", "properties": {{"n": {{"type": "integer", "minimum": 0, "maximum": {}}}}}, )"
          R"("required": ["n"]}}}}}})",
          name, description, kMostN),
      [sum](const std::string& arguments) { return fmt::format("{}", sum(n_of(arguments))); }};
}

}  // namespace

std::vector<ChatTool> demo_tools() {
  return {tool_of("sumN1", "The sum of the first n integers: 1 + 2 + ... + n",
                  [](std::int64_t n) { return n * (n + 1) / 2; }),
          tool_of("sumN2", "The sum of the squares of the first n integers: 1 + 4 + ... + n*n",
                  [](std::int64_t n) { return n * (n + 1) * (2 * n + 1) / 6; })};
}

}  // namespace reprise::engine
