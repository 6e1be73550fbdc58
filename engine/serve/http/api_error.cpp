#include "engine/serve/http/api_error.h"

#include <nlohmann/json.hpp>

namespace reprise::engine {

std::string ApiError::to_json() const {
  using Json = nlohmann::ordered_json;
  const auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Json error;
  error["message"] = what();
  error["type"] = type_;
  error["param"] = or_null(param_);
  error["code"] = or_null(code_);
  // What came from outside need not be UTF-8.
  return Json{{"error", std::move(error)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void refuse(const std::string& param, const std::string& message) {
  throw ApiError(400, "invalid_request_error", message, param);
}

ApiError api_error_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::invalid_argument:
    case ErrorCode::unsupported:
      return {400, "invalid_request_error", error.what()};
    default:
      return {500, "server_error", error.what()};
  }
}

ApiError api_error_of_status(int status) {
  switch (status) {
    case 404:
      return {404, "invalid_request_error", "path: expected one that this server has, found another", "",
              "not_found"};
    case 413:
      return {413, "invalid_request_error", "body: expected at most what --max-body allows, found more", "",
              "body_too_large"};
    default:
      return {status, status >= 500 ? "server_error" : "invalid_request_error",
              "request: expected HTTP/1.1 that this server understands, found something else"};
  }
}

}  // namespace reprise::engine
