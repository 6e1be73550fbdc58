/// The description of a machine that stands in every report: figures from two machines are not compared, and
/// this is how a reader tells. Read from files only; it measures nothing (roofline.h does) and asks no device
/// driver. Used by tools/cli, which fills `roofline`, and by the report.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace reprise::harness {

/// The measured ceilings of a machine with all the threads that a measurement used.
struct Roofline {
  double read_bytes_per_second = 0;
  double f32_flops_per_second = 0;
};

/// What a file does not say is "unknown", or 0 for a count.
struct Machine {
  std::string cpu;  ///< the processor's own name
  std::string isa;  ///< widest instruction set it has: scalar, avx2, avx512 or neon
  int cores = 0;    ///< physical cores online; logical processors where the kernel names no cores
  std::int64_t memory_bytes = 0;  ///< installed memory that the kernel manages
  std::string os;                 ///< distribution and kernel: "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
  bool virtualized = false;       ///< the processor reports a hypervisor
  std::string governor;           ///< frequency governor; "mixed" when processors differ
  std::vector<std::string> gpus;  ///< names of the GPUs that the amdgpu and nvidia drivers list
  std::optional<Roofline> roofline;  ///< absent until measured
};

/// Describes the machine from /proc, /sys and /etc under `root`. Never fails.
Machine describe_machine(const std::filesystem::path& root = "/");

}  // namespace reprise::harness
