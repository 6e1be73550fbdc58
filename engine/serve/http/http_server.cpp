#include "engine/serve/http/http_server.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <charconv>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/core/monotonic.h"
#include "engine/serve/http/answers.h"
#include "engine/serve/http/api_error.h"
#include "engine/serve/http/completion_service.h"
#include "engine/serve/http/connection.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;
using httplib::Request;
using httplib::Response;

constexpr const char* kJson = "application/json";

void set_error(Response& res, const ApiError& error) {
  res.status = error.status();
  res.set_content(error.to_json() + "\n", kJson);
  if (error.status() == 429) {
    res.set_header("Retry-After", "1");
  } else if (error.status() == 401) {
    res.set_header("WWW-Authenticate", "Bearer");
  }
}

/// In a time that tells nothing of how much of it is right.
bool are_equal(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// Bytes of the body; nothing where that cannot be told before reading it, or where they are not the body's
/// own. The library would take "5abc" for 5, and whatever follows for the next request.
std::optional<std::uint64_t> body_length(const Request& req) {
  if (req.has_header("Transfer-Encoding") || req.has_header("Content-Encoding") ||
      req.get_header_value_count("Content-Length") > 1) {
    return std::nullopt;
  }
  const std::string text = req.get_header_value("Content-Length");
  if (text.empty()) {
    return req.method == "POST" ? std::nullopt : std::optional<std::uint64_t>(0);
  }
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(length) : std::nullopt;
}

std::string event_of(std::string_view data) {
  return fmt::format("data: {}\n\n", data);
}

/// One of the paths that are there, so that a client cannot make up labels.
std::string endpoint_of(const std::string& path) {
  for (const char* known :
       {"/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/metrics", "/report"}) {
    if (path == known) {
      return path;
    }
  }
  return "other";
}

}  // namespace

class HttpServer::State {
 public:
  State(ServedModel model, const Placement& placement, HttpServerOptions options, HttpServerHooks hooks)
      : options_(std::move(options)),
        hooks_(hooks),
        service_(std::move(model), placement, options_, std::move(hooks), metrics_),
        started_(std::time(nullptr)) {
    set_limits();
    set_routes();
    port_ = connections_.bind(options_.host, options_.port);
    if (port_ < 0) {
      fail(ErrorCode::io, "{}:{}: expected an address and a port that are free, found none to bind",
           options_.host, options_.port);
    }
  }

  void run() {
    running_ = true;
    const bool ended_well = service_.is_stopping() || connections_.listen_after_bind();
    running_ = false;
    if (!ended_well && !service_.is_stopping()) {
      fail(ErrorCode::io, "{}:{}: expected to accept connections, found an error of the system",
           options_.host, port_);
    }
  }
  void stop() {
    service_.stop(options_.grace_seconds);
    connections_.end_connections();
    // The library begins no stream once it has stopped: those in line are waited for first.
    service_.wait_for_all();
    // stop() of the library says nothing to a server that is about to begin.
    while (running_ && !connections_.is_running()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (running_) {
      connections_.stop();
    }
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] const Placement& placement() const { return service_.slots().placement(); }

 private:
  void set_limits();
  void set_routes();
  bool refuse_early(const Request& req, Response& res) const;
  void answer(Response& res, CompletionTask task, std::unique_ptr<Answer> answer, bool stream);
  void answer_text(const Request& req, Response& res);
  void answer_chat(const Request& req, Response& res);
  [[nodiscard]] AnswerOptions answer_options(const CompletionFields& fields, const char* prefix,
                                             std::uint64_t seed);
  [[nodiscard]] Json model_json() const;
  [[nodiscard]] std::string health_json() const;
  [[nodiscard]] ServerMetrics::Gauges gauges() const;

  HttpServerOptions options_;
  HttpServerHooks hooks_;
  ServerMetrics metrics_;
  CompletionService service_;
  HttpConnections connections_;
  std::time_t started_;
  int port_ = -1;
  std::atomic<bool> running_{false};
  std::atomic<std::uint64_t> n_answers_{0};
};

void HttpServer::State::set_limits() {
  connections_.set_payload_max_length(options_.max_body_bytes);
  connections_.set_keep_alive_max_count(1'000'000);
  connections_.set_keep_alive_timeout(30);
  connections_.set_read_timeout(10);
  connections_.set_write_timeout(10);
  connections_.set_tcp_nodelay(true);
  // The library's own options let a second server share the port, and split its clients.
  connections_.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  connections_.set_pre_routing_handler([this](const Request& req, Response& res) {
    return refuse_early(req, res) ? httplib::Server::HandlerResponse::Handled
                                  : httplib::Server::HandlerResponse::Unhandled;
  });
  connections_.set_exception_handler([this](const Request&, Response& res, std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const ApiError& error) {
      set_error(res, error);
    } catch (const Error& error) {
      set_error(res, api_error_of(error));
    } catch (const ClientGone&) {
      metrics_.count_cancelled();
      res.status = 499;  // for the metrics; nobody reads it
    } catch (const std::exception& error) {
      set_error(res, {500, "server_error", error.what()});
    }
  });
  connections_.set_error_handler(httplib::Server::Handler([](const Request&, Response& res) {
    if (res.body.empty()) {
      set_error(res, api_error_of_status(res.status));
    }
  }));
  connections_.set_logger([this](const Request& req, const Response& res) {
    metrics_.count_request(endpoint_of(req.path), res.status,
                           monotonic_seconds() - HttpConnections::request_began());
  });
}

/// What can be told from a request's head, before its body is read.
bool HttpServer::State::refuse_early(const Request& req, Response& res) const {
  const auto refuse_unread = [&](const ApiError& error) {
    set_error(res, error);
    res.set_header("Connection", "close");
    HttpConnections::end_connection_after_this();
    return true;
  };
  const bool has_body = req.method == "POST";
  if (!has_body && req.method != "GET" && req.method != "HEAD" && req.method != "OPTIONS") {
    return refuse_unread({405, "invalid_request_error", "method: expected GET or POST, found another"});
  }
  const std::optional<std::uint64_t> length = body_length(req);
  if (!length) {
    return refuse_unread(
        {411, "invalid_request_error",
         "body: expected one Content-Length and no encoding, found chunks or something else"});
  }
  if (!has_body && *length > 0) {
    return refuse_unread({400, "invalid_request_error", "body: expected none with this method, found one"});
  }
  if (*length > options_.max_body_bytes) {
    return refuse_unread(api_error_of_status(413));
  }
  if (!options_.api_key.empty() && req.path != "/health" &&
      !are_equal(req.get_header_value("Authorization"), "Bearer " + options_.api_key)) {
    return refuse_unread({401, "authentication_error",
                          "authorization: expected the server's bearer token, found another or none", "",
                          "invalid_api_key"});
  }
  // A page in a browser can send other types to this address without being asked.
  if (has_body && !req.get_header_value("Content-Type").starts_with(kJson)) {
    return refuse_unread(
        {415, "invalid_request_error", "content-type: expected application/json, found another or none"});
  }
  return false;
}

void HttpServer::State::set_routes() {
  connections_.Post("/v1/completions", [this](const Request& req, Response& res) { answer_text(req, res); });
  connections_.Post("/v1/chat/completions",
                    [this](const Request& req, Response& res) { answer_chat(req, res); });
  connections_.Get("/v1/models", [this](const Request&, Response& res) {
    res.set_content(Json{{"object", "list"}, {"data", Json::array({model_json()})}}.dump() + "\n", kJson);
  });
  connections_.Get(R"(/v1/models/(.+))", [this](const Request& req, Response& res) {
    if (req.matches[1].str() != service_.model().name) {
      throw ApiError(404, "invalid_request_error", fmt::format("model: expected {}", service_.model().name),
                     "model", "model_not_found");
    }
    res.set_content(model_json().dump() + "\n", kJson);
  });
  connections_.Get("/health", [this](const Request&, Response& res) {
    res.status = service_.is_stopping() ? 503 : 200;
    res.set_content(health_json() + "\n", kJson);
  });
  connections_.Get("/metrics", [this](const Request&, Response& res) {
    res.set_content(metrics_.text(gauges()), "text/plain; version=0.0.4");
  });
  connections_.Get("/report", [this](const Request&, Response& res) {
    if (!hooks_.report) {
      throw ApiError(404, "invalid_request_error",
                     "report: expected a server started with --profile, found one without");
    }
    res.set_content(hooks_.report() + "\n", kJson);
  });
}

void HttpServer::State::answer_text(const Request& req, Response& res) {
  const TextCompletionRequest request = parse_text_completion(req.body);
  const std::uint64_t seed = service_.seed_of(request.fields);
  answer(res, service_.task_of(request, seed), make_text_answer(answer_options(request.fields, "cmpl", seed)),
         request.fields.stream);
}

void HttpServer::State::answer_chat(const Request& req, Response& res) {
  const ChatCompletionRequest request = parse_chat_completion(req.body);
  const std::uint64_t seed = service_.seed_of(request.fields);
  answer(res, service_.task_of(request, seed),
         make_chat_answer(answer_options(request.fields, "chatcmpl", seed), service_.markup_of(request)),
         request.fields.stream);
}

AnswerOptions HttpServer::State::answer_options(const CompletionFields& fields, const char* prefix,
                                                std::uint64_t seed) {
  AnswerOptions options;
  options.head.id = fmt::format("{}-{:x}-{}", prefix, started_, ++n_answers_);
  options.head.created = std::time(nullptr);
  options.head.model = service_.model().name;
  options.head.fingerprint = service_.model().fingerprint;
  options.head.seed = seed;
  options.wants_logprobs = fields.n_logprobs ? &service_.model().tokenizer : nullptr;
  options.include_usage = fields.include_usage;
  return options;
}

void HttpServer::State::answer(Response& res, CompletionTask task, std::unique_ptr<Answer> answer,
                               bool stream) {
  std::shared_ptr<RunningCompletion> running = service_.start(std::move(task));
  CompletionPiece piece;
  // The first piece is awaited before a stream begins: until then an error still has a status.
  bool has_piece = running->next(piece, HttpConnections::client_is_gone);
  if (!stream) {
    for (; has_piece; has_piece = running->next(piece, HttpConnections::client_is_gone)) {
      answer->take(std::move(piece));
    }
    res.set_content(answer->body(running->outcome()) + "\n", kJson);
    return;
  }
  const auto write = [this, running, answer = std::shared_ptr<Answer>(std::move(answer)),
                      piece = std::move(piece), has_piece](std::size_t, httplib::DataSink& sink) mutable {
    const auto send = [&](const std::vector<std::string>& chunks) {
      for (const std::string& chunk : chunks) {
        const std::string event = event_of(chunk);
        if (!sink.write(event.data(), event.size())) {
          throw ClientGone();
        }
      }
    };
    try {
      send(answer->begin());
      for (; has_piece; has_piece = running->next(piece, HttpConnections::client_is_gone)) {
        send(answer->take(std::move(piece)));
      }
      send(answer->end(running->outcome()));
      send({"[DONE]"});
    } catch (const ClientGone&) {
      metrics_.count_cancelled();
      return false;
    } catch (const ApiError& error) {
      const std::string event = event_of(error.to_json());
      sink.write(event.data(), event.size());
    } catch (const std::exception& error) {
      const std::string event = event_of(ApiError(500, "server_error", error.what()).to_json());
      sink.write(event.data(), event.size());
    }
    sink.done();
    return true;
  };
  res.set_header("Cache-Control", "no-cache");
  res.set_chunked_content_provider("text/event-stream", write);
}

nlohmann::ordered_json HttpServer::State::model_json() const {
  const ServedModel& model = service_.model();
  Json json;
  json["id"] = model.name;
  json["object"] = "model";
  json["created"] = started_;
  json["owned_by"] = "reprise";
  json["reprise"]["architecture"] = model.model->config().architecture;
  json["reprise"]["parameters"] = model.model->config().n_parameters();
  json["reprise"]["n_context"] = service_.slots().n_positions();
  json["reprise"]["placement"] = describe(placement());
  json["reprise"]["chat_template"] = model.chat ? Json(model.chat->name()) : Json(nullptr);
  return json;
}

std::string HttpServer::State::health_json() const {
  Json json;
  json["status"] = service_.is_stopping() ? "stopping" : "ok";
  json["slots"] = service_.slots().size();
  json["busy"] = service_.slots().n_busy();
  json["waiting"] = service_.slots().n_waiting();
  return json.dump();
}

ServerMetrics::Gauges HttpServer::State::gauges() const {
  ServerMetrics::Gauges gauges = {
      {"reprise_slots", service_.slots().size()},
      {"reprise_slots_busy", static_cast<double>(service_.slots().n_busy())},
      {"reprise_requests_waiting", static_cast<double>(service_.slots().n_waiting())}};
  if (hooks_.gauges) {
    const ServerMetrics::Gauges more = hooks_.gauges();
    gauges.insert(gauges.end(), more.begin(), more.end());
  }
  return gauges;
}

HttpServer::HttpServer(ServedModel model, const Placement& placement, HttpServerOptions options,
                       HttpServerHooks hooks)
    : state_(std::make_unique<State>(std::move(model), placement, std::move(options), std::move(hooks))) {}

HttpServer::~HttpServer() = default;

int HttpServer::port() const {
  return state_->port();
}
const Placement& HttpServer::placement() const {
  return state_->placement();
}
void HttpServer::run() {
  state_->run();
}
void HttpServer::stop() {
  state_->stop();
}

}  // namespace reprise::engine
