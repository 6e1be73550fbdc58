/// Flags of token sampling. Used by the subcommands that generate text.
#pragma once

#include <CLI/CLI.hpp>

#include "engine/generate/request.h"

namespace reprise::cli {

/// --temperature, --top-k, --top-p, --min-p, --repetition-penalty, --seed. The call checks their ranges.
class SamplingFlags {
 public:
  explicit SamplingFlags(CLI::App& command);
  SamplingFlags(const SamplingFlags&) = delete;
  SamplingFlags& operator=(const SamplingFlags&) = delete;

  [[nodiscard]] const engine::SamplingParameters& parameters() const { return parameters_; }

 private:
  engine::SamplingParameters parameters_;
};

}  // namespace reprise::cli
