/// A server of a tiny synthetic model on a free port of this process, and what clients send it.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "engine/serve/http/http_server.h"

namespace reprise::engine {

using Json = nlohmann::json;

inline std::shared_ptr<const Model> tiny_model() {
  static const auto model = Model::open("synthetic:qwen3-tiny");
  return model;
}

inline ServedModel tiny_served() {
  return {.model = tiny_model(),
          .name = "tiny",
          .tokenizer = Tokenizer::bytes(),
          .chat = ChatTemplate::named("chatml"),
          .why_no_chat = "",
          .bos = {},
          .chat_ends = {},
          .fingerprint = "test"};
}

inline HttpServerOptions quick_options() {
  HttpServerOptions options;
  options.port = 0;
  options.grace_seconds = 0;
  options.slots.session.n_positions = 512;
  return options;
}

/// Serves until it is destroyed.
class RunningServer {
 public:
  explicit RunningServer(HttpServerOptions options = quick_options(), HttpServerHooks hooks = {},
                         ServedModel model = tiny_served())
      : server_(std::move(model), {.threads = 1}, std::move(options), std::move(hooks)),
        thread_([this] { server_.run(); }) {}
  ~RunningServer() { stop(); }

  void stop() {
    if (thread_.joinable()) {
      server_.stop();
      thread_.join();
    }
  }
  [[nodiscard]] int port() const { return server_.port(); }

  [[nodiscard]] httplib::Client client() const {
    httplib::Client client("127.0.0.1", port());
    client.set_read_timeout(60);
    return client;
  }
  [[nodiscard]] httplib::Result get(const std::string& path) const { return client().Get(path); }
  [[nodiscard]] httplib::Result post(const std::string& path, const std::string& body) const {
    return client().Post(path, body, "application/json");
  }
  /// The answer's JSON; fails the test unless the status is 200.
  [[nodiscard]] Json ask(const std::string& path, const Json& body) const {
    const auto result = post(path, body.dump());
    if (!result || result->status != 200) {
      ADD_FAILURE() << path << ": " << (result ? result->body : to_string(result.error()));
      return {};
    }
    return Json::parse(result->body);
  }
  /// The "data:" of each event of a stream, and its JSON but for the last.
  [[nodiscard]] std::vector<Json> stream(const std::string& path, Json body) const {
    body["stream"] = true;
    const auto result = post(path, body.dump());
    std::vector<Json> events;
    if (!result || result->status != 200) {
      ADD_FAILURE() << path << ": " << (result ? result->body : to_string(result.error()));
      return events;
    }
    EXPECT_EQ(result->get_header_value("Content-Type"), "text/event-stream");
    const std::string& text = result->body;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find("\n\n", at);
      EXPECT_EQ(text.substr(at, 6), "data: ");
      const std::string data = text.substr(at + 6, end - at - 6);
      events.push_back(data == "[DONE]" ? Json(data) : Json::parse(data));
      at = end == std::string::npos ? text.size() : end + 2;
    }
    EXPECT_TRUE(!events.empty() && events.back() == "[DONE]");
    if (!events.empty()) {
      events.pop_back();
    }
    return events;
  }

 private:
  HttpServer server_;
  std::thread thread_;
};

inline const Json kCompletion = {
    {"prompt", "Once upon a time"}, {"max_tokens", 40}, {"temperature", 2}, {"seed", 7}};

inline void wait_until(const std::function<bool()>& condition) {
  while (!condition()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// A connection of our own: the library's client does not hang up in the middle.
inline int send_raw(int port, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  return fd;
}

/// The error's message of an answer with this status.
inline std::string error_of_answer(const httplib::Result& result, int status) {
  if (!result) {
    return "no answer: " + to_string(result.error());
  }
  EXPECT_EQ(result->status, status) << result->body;
  const Json body = Json::parse(result->body, nullptr, false);
  return body.is_object() && body.contains("error") ? body["error"]["message"].get<std::string>()
                                                    : "not an error: " + result->body;
}

}  // namespace reprise::engine
