/// Errors that come from outside: files, flags, requests, the environment.
///
/// Every function that reads something it did not make throws Error with one line that a user can act on:
/// lower case, naming path, field, expected and found. The line is printed once, by tools/cli or a server.
/// Broken invariants inside the program are not errors: see check.h.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace reprise {

enum class ErrorCode {
  invalid_argument,  ///< a flag, request or specification that cannot be met
  not_found,         ///< a file, tensor, field or model that is not there
  invalid_data,      ///< a file whose content breaks its format
  mismatch,          ///< two things that must agree and do not (digests, shapes)
  unsupported,       ///< well-formed, but this build or machine cannot do it
  io,                ///< the operating system refused
  out_of_memory,     ///< an allocation that was checked beforehand and does not fit
  device_failed,     ///< a GPU's runtime reported an error
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& line) : std::runtime_error(line), code_(code) {}

  [[nodiscard]] ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

/// Throws Error with a line formatted by fmt: fail(ErrorCode::not_found, "{}: no such tensor", name).
template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace reprise
