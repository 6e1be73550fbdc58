#include "engine/capture/capture_temporaries.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <random>
#include <regex>

#include "engine/core/error.h"
#include "engine/io/system_error.h"

namespace reprise::engine {
namespace {

/// The process in a temporary file's name; nothing for any other name.
std::optional<pid_t> process_of(std::string_view name) {
  static const std::regex pattern(
      R"(\.reprise-(?:call-[0-9]{8,18}-([0-9]{1,10})-[0-9a-f]{16}|([0-9]{1,10})-[0-9]{1,10})\.tmp)");
  std::cmatch match;
  if (!std::regex_match(name.data(), name.data() + name.size(), match, pattern)) {
    return std::nullopt;
  }
  const auto& digits = match[1].matched ? match[1] : match[2];
  pid_t id = 0;
  const auto [end, error] = std::from_chars(digits.first, digits.second, id);
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
