#include "harness/clock/machine.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

namespace reprise::harness {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnknown = "unknown";

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n\r");
  if (first == std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(first, text.find_last_not_of(" \t\n\r") - first + 1));
}

/// First line of a small file, "" when it cannot be read.
std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return trimmed(line);
}

/// "key <separator> value" lines: each value by its key, in file order.
std::vector<std::pair<std::string, std::string>> key_values(const fs::path& path, char separator) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto at = line.find(separator);
    if (at != std::string::npos) {
      pairs.emplace_back(trimmed(line.substr(0, at)), trimmed(line.substr(at + 1)));
    }
  }
  return pairs;
}

/// Entries of a folder by name, none when there is no such folder.
std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    paths.push_back(it->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string widest_isa(const std::set<std::string>& flags) {
  const auto has_all = [&](std::initializer_list<const char*> names) {
    return std::all_of(names.begin(), names.end(), [&](const char* name) { return flags.contains(name); });
  };
  if (has_all({"avx512f", "avx512bw", "avx512dq", "avx512vl"})) {
    if (!has_all({"avx512_vnni"})) {
      return "avx512";
    }
    return has_all({"amx_tile", "amx_int8"}) ? "amx" : "avx512_vnni";
  }
  if (has_all({"avx2", "fma", "f16c"})) {
    return "avx2";
  }
  return has_all({"asimd"}) ? "neon" : "scalar";
}

void describe_processors(const fs::path& root, Machine& machine) {
  std::set<std::pair<std::string, std::string>> cores;
  std::string package;
  int processors = 0;
  std::set<std::string> flags;
  for (const auto& [key, value] : key_values(root / "proc/cpuinfo", ':')) {
    if (key == "processor") {
      ++processors;
    } else if (key == "model name" && machine.cpu == kUnknown) {
      machine.cpu = value;
    } else if (key == "physical id") {
      package = value;
    } else if (key == "core id") {
      cores.emplace(package, value);
    } else if ((key == "flags" || key == "Features") && flags.empty()) {
      std::istringstream words(value);
      flags = {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
    }
  }
  machine.cores = cores.empty() ? processors : static_cast<int>(cores.size());
  machine.isa = widest_isa(flags);
  machine.virtualized = flags.contains("hypervisor");
}

std::int64_t memory_bytes(const fs::path& root) {
  for (const auto& [key, value] : key_values(root / "proc/meminfo", ':')) {
    std::int64_t kibibytes = 0;
    if (key == "MemTotal" &&
        std::from_chars(value.data(), value.data() + value.size(), kibibytes).ec == std::errc()) {
      return std::clamp<std::int64_t>(kibibytes, 0, INT64_MAX / 1024) * 1024;
    }
  }
  return 0;
}

std::string operating_system(const fs::path& root) {
  std::string os;
  for (const auto& [key, value] : key_values(root / "etc/os-release", '=')) {
    if (key == "PRETTY_NAME") {
      os = value;
      std::erase(os, '"');
    }
  }
  const std::string kernel = trimmed(first_line(root / "proc/sys/kernel/ostype") + " " +
                                     first_line(root / "proc/sys/kernel/osrelease"));
  if (!os.empty() && !kernel.empty()) {
    os += ", ";
  }
  os += kernel;
  return os.empty() ? kUnknown : os;
}

std::string governor(const fs::path& root) {
  std::set<std::string> governors;
  for (const fs::path& cpu : entries(root / "sys/devices/system/cpu")) {
    if (const std::string name = first_line(cpu / "cpufreq/scaling_governor"); !name.empty()) {
      governors.insert(name);
    }
  }
  if (governors.empty()) {
    return kUnknown;
  }
  return governors.size() == 1 ? *governors.begin() : "mixed";
}

std::vector<std::string> gpu_names(const fs::path& root) {
  std::vector<std::string> names;
  // The amdgpu topology lists processors too: their gpu_id is 0.
  for (const fs::path& node : entries(root / "sys/class/kfd/kfd/topology/nodes")) {
    const std::string id = first_line(node / "gpu_id");
    if (!id.empty() && id != "0") {
      const std::string name = first_line(node / "name");
      names.push_back(name.empty() ? "AMD GPU" : name);
    }
  }
  for (const fs::path& gpu : entries(root / "proc/driver/nvidia/gpus")) {
    for (const auto& [key, value] : key_values(gpu / "information", ':')) {
      if (key == "Model") {
        names.push_back(value);
      }
    }
  }
  return names;
}

}  // namespace

Machine describe_machine(const fs::path& root) {
  Machine machine;
  machine.cpu = kUnknown;
  describe_processors(root, machine);
  machine.memory_bytes = memory_bytes(root);
  machine.os = operating_system(root);
  machine.governor = governor(root);
  machine.gpus = gpu_names(root);
  return machine;
}

}  // namespace reprise::harness
