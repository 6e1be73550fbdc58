#include "engine/capture/capture_temporaries.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <random>
#include <string_view>

#include "engine/core/error.h"
#include "engine/io/system_error.h"

namespace reprise::engine {
namespace {

/// Takes up to `most` characters of `digits` off the front of `text`; fewer than `least` are none.
std::string_view take(std::string_view& text, std::string_view digits, std::size_t least, std::size_t most) {
  const std::size_t n = std::min({text.find_first_not_of(digits), text.size(), most});
  const std::string_view taken = text.substr(0, n >= least ? n : 0);
  text.remove_prefix(taken.size());
  return taken;
}

bool take(std::string_view& text, std::string_view word) {
  const bool is_there = text.starts_with(word);
  text.remove_prefix(is_there ? word.size() : 0);
  return is_there;
}

/// The process in a temporary file's name, ".reprise-call-NUMBER-PROCESS-16HEX.tmp" or AtomicFile's
/// ".reprise-PROCESS-N.tmp"; nothing for any other name.
std::optional<pid_t> process_of(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789";
  if (!take(name, ".reprise-")) {
    return std::nullopt;
  }
  const bool is_capture = take(name, "call-");
  if (is_capture && (take(name, kDigits, 8, 18).empty() || !take(name, "-"))) {
    return std::nullopt;
  }
  const std::string_view process = take(name, kDigits, 1, 10);
  if (process.empty() || !take(name, "-")) {
    return std::nullopt;
  }
  const bool is_numbered =
      is_capture ? !take(name, "0123456789abcdef", 16, 16).empty() : !take(name, kDigits, 1, 10).empty();
  if (!is_numbered || name != ".tmp") {
    return std::nullopt;
  }
  pid_t id = 0;
  const auto [end, error] = std::from_chars(process.data(), process.data() + process.size(), id);
  return error == std::errc() && id > 0 ? std::optional(id) : std::nullopt;
}

}  // namespace

std::string capture_temporary_name(std::int64_t number) {
  std::random_device random;
  return fmt::format(".reprise-call-{:08}-{}-{:08x}{:08x}.tmp", number, ::getpid(), random(), random());
}

bool is_left_behind(std::string_view name, std::chrono::seconds age) {
  const auto process = process_of(name);
  if (!process) {
    return false;
  }
  const bool is_dead = ::kill(*process, 0) != 0 && errno == ESRCH;
  return age >= std::chrono::hours(24) || (is_dead && age >= std::chrono::minutes(1));
}

bool rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to) {
  // Unlike a rename, a link never replaces.
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return true;
  }
  if (errno == EEXIST) {
    return false;
  }
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) {
    if (::access(to.c_str(), F_OK) == 0) {
      return false;
    }
    if (std::rename(from.c_str(), to.c_str()) == 0) {
      return true;
    }
  }
  fail(ErrorCode::io, "{}: expected to name a capture, found: {}", to.string(), detail::reason_of(errno));
}

}  // namespace reprise::engine
