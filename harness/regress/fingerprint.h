/// Which machine figures are from, as one short text: figures with different fingerprints are not compared.
/// Made of what a report says of its machine and what decides speed, not of what changes from day to day
/// (kernel version, governor, measured limits). Used by history.h, where another fingerprint starts another
/// series, and by whatever compares two reports.
#pragma once

#include <string>
#include <string_view>

#include "harness/clock/machine.h"

namespace reprise::harness {

/// 16 hexadecimal digits: the start of the SHA-256 of the processor's name, its instruction set, cores,
/// memory in GiB rounded up, kind of operating system, and the GPUs in any order. The same for the same
/// machine on every build.
///
/// Rounded up, because kernels keep a part of what is installed for themselves, and not always the same part.
std::string machine_fingerprint(const Machine& machine);

/// The same for a machine of which only a description is known.
std::string machine_fingerprint(std::string_view description);

/// One line for people: "AMD EPYC, avx512, 2 cores, 24 GiB, Debian GNU/Linux, gfx942".
std::string machine_description(const Machine& machine);

/// The distribution without its version, "Debian GNU/Linux" of "Debian GNU/Linux 12 (bookworm), Linux 6.1.0";
/// the kernel's name where no distribution is known.
std::string os_kind(std::string_view os);

}  // namespace reprise::harness
