/// Errors as OpenAI's API tells them: {"error": {"message", "type", "param", "code"}} with an HTTP status.
/// Thrown by what reads and performs requests, caught once, in http_server.cpp.
/// Source: https://platform.openai.com/docs/guides/error-codes/api-errors
#pragma once

#include <stdexcept>
#include <string>

#include "engine/core/error.h"

namespace reprise::engine {

class ApiError : public std::runtime_error {
 public:
  /// `param`: the field that is wrong, or empty; `code`: a word for programs, or empty.
  ApiError(int status, std::string type, const std::string& message, std::string param = "",
           std::string code = "")
      : std::runtime_error(message),
        status_(status),
        type_(std::move(type)),
        param_(std::move(param)),
        code_(std::move(code)) {}

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::string to_json() const;

 private:
  int status_;
  std::string type_;
  std::string param_;
  std::string code_;
};

/// 400, for a field that cannot be met.
[[noreturn]] void refuse(const std::string& param, const std::string& message);

/// What a failed call is to a client: 400 where the request was to blame, else 500.
ApiError api_error_of(const Error& error);

/// For statuses that the HTTP library gives by itself, such as 404 and 413.
ApiError api_error_of_status(int status);

}  // namespace reprise::engine
