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

/// What may limit a computation.
enum class Limit : std::uint8_t {
  read,      ///< reading memory
  f32_fma,   ///< fused multiply-adds of single precision
  bf16_dot,  ///< dot products of bf16, summed in single precision
  int8_dot,  ///< dot products of bytes, summed in 32-bit integers
};

enum class PageSize : std::uint8_t { small, huge };

/// One limit as it was measured.
struct RooflinePoint {
  Limit limit = Limit::read;
  int threads = 1;
  double per_second = 0;    ///< bytes of a read; else operations, a multiply-add counting as 2
  std::string instruction;  ///< that did the work: "VPDPBUSD zmm"
  /// Of a read: the pages that the kernel was asked for, and the share of the buffer in huge ones.
  std::optional<PageSize> pages = {};
  std::optional<double> huge_page_fraction = {};
};

/// The measured ceilings of a machine with all the threads that a measurement used: of each limit the highest
/// point. A limit is absent where the processor has no instruction for it.
struct Roofline {
  double read_bytes_per_second = 0;
  double f32_flops_per_second = 0;
  std::optional<double> bf16_dot_flops_per_second = {};
  std::optional<double> int8_dot_ops_per_second = {};
  std::vector<RooflinePoint> points = {};  ///< with 1 thread and with all, in the order of Limit
};

/// What a file does not say is "unknown", or 0 for a count.
struct Machine {
  std::string cpu;  ///< the processor's own name
  std::string isa;  ///< widest of scalar, avx2, avx512, avx512_vnni, amx and neon that the processor has
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
