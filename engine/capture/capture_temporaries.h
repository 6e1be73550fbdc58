/// Files on their way into a folder of captures that several processes may share: names that are nobody
/// else's, moving into place without replacing anything, and removing what processes that died have left.
/// Used by capture_folder.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace reprise::engine {

/// ".reprise-call-00000012-PID-0123456789abcdef.tmp": the process's id, and 64 random bits.
std::string capture_temporary_name(std::int64_t number);

/// Whether a file of this name is one of those, or of atomic_write.h's, whose process does not live and which
/// nobody has written to for a minute (processes of other containers cannot be seen), or that is a day old.
bool is_left_behind(std::string_view name, std::chrono::seconds age);

/// Renames `from` to `to`, unless there is such a file: then nothing happens, and the result is false.
/// Errors: io, one line. On file systems without hard links, a file that appears at the same moment is
/// replaced.
bool rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace reprise::engine
