/// reprise serve: one model over HTTP, for clients of OpenAI's API, or by Futhark's server protocol.
#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "engine/core/build_info.h"
#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/serve/futhark/qwen_program.h"
#include "engine/serve/http/http_server.h"
#include "tools/cli/app.h"
#include "tools/cli/capture_call.h"
#include "tools/cli/capture_flags.h"
#include "tools/cli/context_flag.h"
#include "tools/cli/flags.h"
#include "tools/cli/live_profile.h"
#include "tools/cli/model_text.h"
#include "tools/cli/serve_stdio.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

struct ServeFlags {
  std::string model;
  std::string name;
  std::string chat_template;
  std::string api_key_file;
  engine::HttpServerOptions options;
  bool profile = false;
  std::string program = "qwen-f32";
  bool log = false;
};

/// While it lives, SIGINT and SIGTERM wait in line: for this thread and those it starts.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM}) {
      sigaddset(&signals_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  [[nodiscard]] const sigset_t& set() const { return signals_; }

 private:
  sigset_t signals_{};
  sigset_t before_{};
};

/// Stops a server at the first of them.
class StopAtSignals {
 public:
  StopAtSignals(const BlockedSignals& signals, engine::HttpServer& server)
      : waiter_([this, &signals, &server] {
          int signal = 0;
          if (sigwait(&signals.set(), &signal) == 0 && !is_over_) {
            say("stopping: requests at work have a few seconds to end\n");
            server.stop();
          }
        }) {}
  ~StopAtSignals() {
    is_over_ = true;
    pthread_kill(waiter_.native_handle(), SIGTERM);  // where the server ended by itself
    waiter_.join();
  }
  StopAtSignals(const StopAtSignals&) = delete;
  StopAtSignals& operator=(const StopAtSignals&) = delete;

 private:
  std::atomic<bool> is_over_{false};
  std::thread waiter_;  // last: it uses the rest
};

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// The first line of a file: a key on the command line would stand in every process list.
std::string key_of(const std::string& path) {
  std::string text = engine::read_text_file(path);
  text = text.substr(0, text.find_first_of("\r\n"));
  if (text.size() < 8) {
    fail(ErrorCode::invalid_data, "{}: expected a key of at least 8 characters, found {}", path, text.size());
  }
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '%') {  // what a header may change on its way
      fail(ErrorCode::invalid_data,
           "{}: expected a key of printable ASCII without spaces and %, found another", path);
    }
  }
  return text;
}

/// A model without a chat template that is known still completes texts; one that was named must be known.
void find_chat_template(engine::ServedModel& served, const TextTools& text, const std::string& name) {
  try {
    served.chat = chat_template_of(text, served.name, name);
    served.chat_ends = turn_ends(served.model->config(), served.tokenizer, *served.chat);
  } catch (const Error& error) {
    if (!name.empty()) {
      throw;
    }
    served.why_no_chat = error.what();
  }
}

engine::ServedModel served_model(const ServeFlags& flags) {
  const auto model = engine::Model::open(lasting_spec(flags.model));
  const std::optional<TextTools> text = text_of(*model);
  if (!text) {
    fail(ErrorCode::not_found, "{}: tokenizer: expected one with the weights, found none", flags.model);
  }
  engine::ServedModel served{.model = model,
                             .name = flags.name.empty() ? model->name() : flags.name,
                             .tokenizer = text->tokenizer,
                             .chat = {},
                             .why_no_chat = {},
                             .bos = text->facts.add_bos ? text->facts.bos : std::nullopt,
                             .chat_ends = {},
                             .fingerprint = {}};
  find_chat_template(served, *text, flags.chat_template);
  served.fingerprint = fmt::format("reprise-{}-{}", engine::build_info().git_commit.substr(0, 12),
                                   model->identity().sha256.substr(0, 12));
  return served;
}

/// Counters of captures, as /metrics tells them.
engine::ServerMetrics::Gauges gauges_of(const engine::FieldCaptureCounts& counts) {
  const auto number = [](auto count) { return static_cast<double>(count); };
  return {{"reprise_calls_captured", number(counts.captured)},
          {"reprise_captures_written", number(counts.written)},
          {"reprise_captures_dropped", number(counts.dropped)},
          {"reprise_captures_failed", number(counts.failed)},
          {"reprise_capture_bytes", number(counts.bytes)}};
}

void run_serve(ServeFlags flags, const ContextFlag& context, const FieldCaptureFlags& capture_flags,
               const engine::Placement& placement) {
  capture_flags.check();
  if (!flags.api_key_file.empty()) {
    flags.options.api_key = key_of(flags.api_key_file);
  } else if (!is_loopback(flags.options.host)) {
    fail(ErrorCode::invalid_argument,
         "--host: expected --api-key-file with an address that others reach, found {} alone",
         flags.options.host);
  }
  engine::ServedModel served = served_model(flags);
  flags.options.slots.session = context.options(*served.model);
  const std::string name = served.name;
  const std::string chat = served.chat ? std::string(served.chat->name()) : served.why_no_chat;
  const BlockedSignals signals;  // before the first thread is started
  const std::unique_ptr<engine::FieldCapture> capture = capture_flags.make(served.tokenizer.digest());
  LiveProfile profile(calls_of(capture.get()));
  engine::HttpServerHooks hooks;
  hooks.generate = calls_of(capture.get());
  if (flags.profile) {
    hooks.generate = [&](auto& session, const auto& request, auto* observer) {
      return profile.generate(session, request, observer);
    };
    hooks.report = [&] { return profile.report_json(); };
  }
  if (capture != nullptr) {
    hooks.gauges = [&] { return gauges_of(capture->counts()); };
  }
  engine::HttpServer server(std::move(served), placement, flags.options, std::move(hooks));
  say("{} on http://{}:{}/v1 ({})\nchat template: {}\n", name, flags.options.host, server.port(),
      describe(server.placement()), chat);
  {
    const StopAtSignals stopping(signals, server);
    server.run();
  }
  finish(capture.get());
}

/// `captured` for calls with MODEL's weights, and generate() for those with others, which a capture could not
/// name.
engine::GenerateFunction calls_with(const std::string& model, engine::GenerateFunction captured) {
  return [model, captured = std::move(captured), told = false](auto& session, const auto& request,
                                                               auto* observer) mutable {
    if (session.model().spec() == model) {
      return captured(session, request, observer);
    }
    if (!std::exchange(told, true)) {
      say("warning: not captured: the client's weights are not those of {}\n", model);
    }
    return engine::generate(session, request, observer);
  };
}

void run_stdio(const ServeFlags& flags, const FieldCaptureFlags& capture_flags,
               const PlacementFlags& placement) {
  capture_flags.check();
  if (capture_flags.is_given() && flags.model.empty()) {
    fail(ErrorCode::invalid_argument,
         "MODEL: expected one with --stdio and captures or a log, whose weights they name, found none");
  }
  StdioOptions options;
  options.element = *engine::futhark::qwen_element(flags.program);
  options.placement = placement.placement(engine::futhark::qwen_placement(options.element));
  options.model = flags.model.empty() ? "" : lasting_spec(flags.model);
  options.profile = flags.profile;
  options.log = flags.log;
  const std::unique_ptr<engine::FieldCapture> capture = capture_flags.make("");
  if (capture != nullptr) {
    options.perform = calls_with(options.model, calls_of(capture.get()));
  }
  run_stdio_server(options);
  finish(capture.get());
}

/// Flags of one of the two protocols are refused beside the other.
void add_http_flags(CLI::App& command, ServeFlags& flags, CLI::Option* stdio) {
  auto& options = flags.options;
  const auto http = [&](CLI::Option* option) { return option->group("HTTP")->excludes(stdio); };
  http(command.add_option("--host", options.host,
                          "Address to listen on; others than loopback want --api-key-file"))
      ->capture_default_str();
  http(command.add_option("--port", options.port, "0: any that is free (it is told on standard error)"))
      ->check(whole_number(0, 65535))
      ->capture_default_str();
  http(command.add_option("--name", flags.name, "The model's name in answers (default: its own)"));
  http(command.add_option("--slots", options.slots.n_slots, "Requests computed at the same time"))
      ->check(whole_number(1, 256))
      ->capture_default_str();
  http(
      command.add_option("--queue", options.slots.max_waiting, "Requests that may wait; more get status 429"))
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  http(command.add_option("--max-body", options.max_body_bytes, "Bytes of a request; more get status 413"))
      ->check(whole_number(1, std::uint64_t{1} << 30))
      ->capture_default_str();
  http(command.add_option("--timeout", options.max_seconds,
                          "Seconds for an answer, waiting included; then status 408"))
      ->check(number_from(0.001, 86400))
      ->capture_default_str();
  http(command.add_option("--api-key-file", flags.api_key_file, "Ask for the bearer token in this file"));
}

}  // namespace

void add_serve(CLI::App& app) {
  auto* command = app.add_subcommand("serve", "Serve a model: to clients of OpenAI's API, or to Futhark's");
  set_examples(*command,
               "Examples:\n"
               "  reprise serve models/Qwen3-0.6B --port 8080\n"
               "  curl http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\\n"
               "    -d '{\"prompt\": \"Once upon a time\", \"max_tokens\": 32}'\n"
               "  reprise serve --stdio --program qwen-f16\n"
               "  ln -s reprise qwen-f32 && ./qwen-f32\n");
  auto flags = std::make_shared<ServeFlags>();
  auto stdio = std::make_shared<bool>(false);
  command
      ->add_option("MODEL", flags->model,
                   "As for generate; with --stdio, weights that the entry point `params` gives")
      ->type_name("");
  auto* stdio_flag =
      command->add_flag("--stdio", *stdio, "Futhark's server protocol on standard input and output")
          ->group("Stdio");
  command
      ->add_option("--program", flags->program,
                   "qwen-f32 (default) or qwen-f16: the program to be; weights and KV cache are f32 or f16 "
                   "accordingly, unless placement flags say otherwise")
      ->check(CLI::IsMember({"qwen-f32", "qwen-f16"}))
      ->needs(stdio_flag)
      ->group("Stdio");
  command->add_flag("--log", flags->log, "A line on standard error for each command")
      ->needs(stdio_flag)
      ->group("Stdio");
  add_chat_template_flag(*command, flags->chat_template);
  auto context = std::make_shared<ContextFlag>(*command);
  for (const char* flag : {"--chat-template", "--context"}) {
    command->get_option(flag)->excludes(stdio_flag);
  }
  add_http_flags(*command, *flags, stdio_flag);
  command->add_flag("--profile", flags->profile,
                    "Time every kernel, for GET /report or the command `report`");
  auto capture = std::make_shared<FieldCaptureFlags>(*command);
  auto placement = std::make_shared<PlacementFlags>(*command);
  command->callback([=] {
    if (*stdio) {
      run_stdio(*flags, *capture, *placement);
      return;
    }
    if (flags->model.empty()) {
      fail(ErrorCode::invalid_argument,
           "MODEL: expected one, or --stdio, found neither (see reprise serve --help)");
    }
    run_serve(*flags, *context, *capture, placement->placement());
  });
}

}  // namespace reprise::cli
