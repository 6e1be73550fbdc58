/// An HTTP server for one model: OpenAI's /v1/completions and /v1/chat/completions (streamed by server-sent
/// events, too), /v1/models, /health, Prometheus' /metrics, and /report.
///
/// Answers are what generate() gives: bits depend on the request and the seed alone, not on which slot ran
/// it, what was cached, or who else was served. Requests wait in one line; a full line is 429, a body that is
/// too large 413, an answer that took too long 408; all errors are JSON (api_error.h). A client that hangs up
/// gives its slot back before the next token. engine/README.md, "Serving", tells of limits and what is not
/// there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/serve/completion.h"
#include "engine/serve/http/metrics.h"
#include "engine/serve/turn_ends.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;      ///< 0: any that is free
  std::string api_key;  ///< what "Authorization: Bearer" must give; empty: nothing is asked
  std::size_t max_body_bytes = 4 << 20;
  double max_seconds = 600;  ///< of an answer, its time in line included
  double grace_seconds = 5;  ///< that requests are given when the server stops
  SlotOptions slots;
};

/// What is served.
struct ServedModel {
  std::shared_ptr<const Model> model;
  std::string name;  ///< in /v1/models and answers
  Tokenizer tokenizer;
  std::optional<ChatTemplate> chat;  ///< absent: /v1/chat/completions says why
  std::string why_no_chat;
  std::optional<TokenId> bos;  ///< put before the text of a completion
  TurnEnds chat_ends;          ///< of an answer in a chat; a completion ends at the model's own ids
  std::string fingerprint;     ///< AnswerHead::fingerprint
};

struct HttpServerHooks {
  GenerateFunction generate;            ///< performs each call; empty: generate()
  std::function<std::string()> report;  ///< JSON for /report; empty: 404 with how to get one
  std::function<std::uint64_t()>
      draw_seed;  ///< for requests without one; empty: from the system's randomness
  std::function<ServerMetrics::Gauges()> gauges;  ///< more for /metrics
};

class HttpServer {
 public:
  /// Places the model and binds the port; serves nothing yet.
  /// Errors: those of Session; io naming address and port.
  HttpServer(ServedModel model, const Placement& placement, HttpServerOptions options, HttpServerHooks hooks);
  ~HttpServer();

  [[nodiscard]] int port() const;
  [[nodiscard]] const Placement& placement() const;
  /// Serves until stop(); returns when the last answer is written.
  void run();
  /// From any thread: no further requests; those at work have the grace, then end as they are.
  void stop();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace reprise::engine
