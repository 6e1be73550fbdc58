/// Invariants: conditions that only a bug of ours can break. Checked in every build type.
///
/// A failed check prints the condition with its place and aborts: going on would compute with wrong data.
/// Data from outside is never checked this way; see error.h.
#pragma once

namespace reprise::detail {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace reprise::detail

#define REPRISE_CHECK(condition)                                       \
  do {                                                                 \
    if (!(condition)) [[unlikely]] {                                   \
      ::reprise::detail::check_failed(#condition, __FILE__, __LINE__); \
    }                                                                  \
  } while (false)
