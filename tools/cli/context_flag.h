/// --context: how many tokens the sessions of a chat or a server have room for.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

#include "engine/generate/session.h"

namespace reprise::cli {

class ContextFlag {
 public:
  explicit ContextFlag(CLI::App& command);

  /// Errors: invalid_argument for more than the model has.
  [[nodiscard]] engine::SessionOptions options(const engine::Model& model) const;

 private:
  std::int64_t n_positions_ = 0;  // 0: not given
};

}  // namespace reprise::cli
