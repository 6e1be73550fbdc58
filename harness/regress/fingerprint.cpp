#include "harness/regress/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "harness/regress/json_digest.h"

namespace reprise::harness {
namespace {

constexpr std::size_t kDigits = 16;

std::int64_t memory_gib(const Machine& machine) {
  constexpr std::int64_t kGib = std::int64_t{1} << 30;
  return machine.memory_bytes / kGib + (machine.memory_bytes % kGib > 0 ? 1 : 0);
}

std::vector<std::string> sorted_gpus(const Machine& machine) {
  std::vector<std::string> gpus = machine.gpus;
  std::sort(gpus.begin(), gpus.end());
  return gpus;
}

/// JSON, so that no value can look like two.
std::string fingerprint_of(const nlohmann::json& parts) {
  return json_digest(parts).substr(0, kDigits);
}

}  // namespace

std::string machine_fingerprint(const Machine& machine) {
  return fingerprint_of(nlohmann::json::array({machine.cpu, machine.isa, machine.cores, memory_gib(machine),
                                               os_kind(machine.os), sorted_gpus(machine)}));
}

std::string machine_fingerprint(std::string_view description) {
  return fingerprint_of(nlohmann::json::array({std::string(description)}));
}

std::string machine_description(const Machine& machine) {
  std::string text = fmt::format("{}, {}, {} core{}, {} GiB, {}", machine.cpu, machine.isa, machine.cores,
                                 machine.cores == 1 ? "" : "s", memory_gib(machine), os_kind(machine.os));
  for (const std::string& gpu : sorted_gpus(machine)) {
    text += ", " + gpu;
  }
  return text;
}

std::string os_kind(std::string_view os) {
  const std::string_view first = os.substr(0, os.find_first_of(",0123456789"));
  const std::size_t last = first.find_last_not_of(" \t-");
  return last == std::string_view::npos ? "unknown" : std::string(first.substr(0, last + 1));
}

}  // namespace reprise::harness
