#include "tools/cli/sampling_flags.h"

#include <limits>

#include "tools/cli/usage.h"

namespace reprise::cli {

SamplingFlags::SamplingFlags(CLI::App& command) {
  constexpr const char* kGroup = "Token sampling";
  auto& p = parameters_;
  command.add_option("--temperature", p.temperature, "0 (default): greedy")->group(kGroup);
  command.add_option("--top-k", p.top_k, "Keep the k likeliest tokens (0: all)")->group(kGroup);
  command.add_option("--top-p", p.top_p, "Keep the likeliest tokens up to this probability")->group(kGroup);
  command.add_option("--min-p", p.min_p, "Keep tokens with this share of the likeliest one's probability")
      ->group(kGroup);
  command.add_option("--repetition-penalty", p.repetition_penalty, "Above 1: tokens seen are less likely")
      ->group(kGroup);
  command.add_option("--seed", p.seed, "Equal seeds, equal draws")
      ->check(whole_number(0, std::numeric_limits<std::uint64_t>::max()))
      ->group(kGroup);
}

}  // namespace reprise::cli
