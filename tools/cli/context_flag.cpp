#include "tools/cli/context_flag.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/core/error.h"

namespace reprise::cli {
namespace {

/// A KV cache is made for the whole context at once, and long ones take gigabytes.
constexpr std::int64_t kDefaultContext = 4096;

}  // namespace

ContextFlag::ContextFlag(CLI::App& command) {
  command.add_option(
      "--context", n_positions_,
      fmt::format("Tokens at most, prompt and reply (default {}, or the model's where that is less)",
                  kDefaultContext));
}

engine::SessionOptions ContextFlag::options(const engine::Model& model) const {
  const std::int64_t most = model.config().n_context;
  if (n_positions_ < 0 || n_positions_ > most) {
    fail(ErrorCode::invalid_argument, "--context: expected 1 to {} (the model's), found {}", most,
         n_positions_);
  }
  engine::SessionOptions options;
  options.n_positions = n_positions_ > 0 ? n_positions_ : std::min(kDefaultContext, most);
  return options;
}

}  // namespace reprise::cli
