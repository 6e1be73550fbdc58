/// reprise generate: one call, printed as it comes; --capture records it, --capture-dir and --call-log do
/// what they do for programs that make many.
#include "engine/generate/generate.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/capture/recorder.h"
#include "engine/core/error.h"
#include "engine/serve/logprobs.h"
#include "tools/cli/app.h"
#include "tools/cli/capture_call.h"
#include "tools/cli/capture_flags.h"
#include "tools/cli/flags.h"
#include "tools/cli/model_text.h"
#include "tools/cli/sampling_flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using engine::TokenId;

struct GenerateFlags {
  std::string model;
  std::optional<std::string> prompt;
  std::optional<std::string> prompt_ids;
  std::int64_t max_new_tokens = 64;
  std::int64_t n_cached = 0;
  std::int64_t prefill_chunk = engine::SessionOptions{}.prefill_chunk;
  bool ignore_eos = false;
  std::string capture;
  bool no_bos = false;
  bool json = false;
  int n_logprobs = 0;
};

/// Shows tokens as they are drawn, and passes each on to the other observers.
class Printer final : public engine::GenerateObserver {
 public:
  Printer(const std::optional<TextTools>& text, bool silent, std::vector<engine::GenerateObserver*> others)
      : silent_(silent), others_(std::move(others)) {
    if (text) {
      tokenizer_ = &text->tokenizer;
      decoder_.emplace(text->tokenizer);
    }
  }

  void on_token(const engine::TokenEvent& event) override {
    for (engine::GenerateObserver* other : others_) {
      other->on_token(event);
    }
    const bool has_text = decoder_ && tokenizer_->contains(event.id);
    const std::string piece = has_text ? decoder_->push(event.id) : fmt::format("<{}>", event.id);
    text_ += piece;
    show(piece);
  }
  std::string finish() {
    if (decoder_) {
      const std::string rest = decoder_->finish();
      text_ += rest;
      show(rest);
    }
    show("\n");
    return text_;
  }

 private:
  void show(const std::string& piece) const {
    if (!silent_) {
      fmt::print("{}", piece);
      std::fflush(stdout);
    }
  }

  bool silent_;
  std::vector<engine::GenerateObserver*> others_;
  const engine::Tokenizer* tokenizer_ = nullptr;
  std::optional<engine::StreamingDecoder> decoder_;
  std::string text_;
};

std::vector<TokenId> prompt_of(const GenerateFlags& flags, const std::optional<TextTools>& text) {
  if (flags.prompt_ids) {
    return parse_ids(*flags.prompt_ids, "--prompt-ids");
  }
  const bool with_bos = text && text->facts.add_bos && !flags.no_bos;
  if (!flags.prompt || (flags.prompt->empty() && !with_bos)) {
    fail(ErrorCode::invalid_argument, "prompt: expected --prompt TEXT or --prompt-ids 1,2,3, found {}",
         flags.prompt ? "an empty text" : "neither");
  }
  if (!text) {
    fail(ErrorCode::not_found, "{}: tokenizer: expected one with the weights, found none; use --prompt-ids",
         flags.model);
  }
  std::vector<TokenId> ids;
  if (with_bos) {
    ids.push_back(*text->facts.bos);
  }
  const std::vector<TokenId> encoded = text->tokenizer.encode(*flags.prompt);
  ids.insert(ids.end(), encoded.begin(), encoded.end());
  return ids;
}

/// Tokens per second after the first one, if there are any.
std::optional<double> decode_rate(const engine::GenerateResult& result) {
  const double decode = result.total_seconds - result.token_seconds.front();
  const std::size_t n_decoded = result.generated_ids.size() - 1;
  return n_decoded > 0 && decode > 0 ? std::optional(static_cast<double>(n_decoded) / decode) : std::nullopt;
}

std::string summary_line(const engine::GenerateResult& result) {
  const auto rate = decode_rate(result);
  return fmt::format(
      "{} prompt tokens ({} cached), first token after {:.1f} ms{}; {}\n", result.n_cached + result.n_prompt,
      result.n_cached, result.token_seconds.front() * 1e3,
      rate ? fmt::format(", {} more at {:.1f} tokens/s", result.generated_ids.size() - 1, *rate) : "",
      name_of(result.finish_reason));
}

std::string as_json(const std::vector<TokenId>& prompt, const engine::GenerateResult& result,
                    const std::optional<std::string>& text, const engine::Logprobs* logprobs) {
  const double first = result.token_seconds.front();
  nlohmann::ordered_json json;
  json["prompt_ids"] = prompt;
  json["generated_ids"] = result.generated_ids;
  json["text"] = text ? nlohmann::ordered_json(*text) : nlohmann::ordered_json(nullptr);
  json["finish_reason"] = name_of(result.finish_reason);
  auto& metrics = json["metrics"];
  metrics["n_cached"] = result.n_cached;
  metrics["n_prompt_processed"] = result.n_prompt;
  metrics["total_seconds"] = result.total_seconds;
  metrics["time_to_first_token_seconds"] = first;
  metrics["prefill_tokens_per_second"] = static_cast<double>(result.n_prompt) / first;
  const auto rate = decode_rate(result);
  metrics["decode_tokens_per_second"] =
      rate ? nlohmann::ordered_json(*rate) : nlohmann::ordered_json(nullptr);
  if (logprobs != nullptr) {
    json["logprobs"] = logprobs->to_json();
  }
  return json.dump(2) + "\n";
}

void run_generate(const GenerateFlags& flags, const engine::SamplingParameters& sampling,
                  const FieldCaptureFlags& field_flags, const engine::Placement& placement) {
  field_flags.check();
  const auto model = engine::Model::open(lasting_spec(flags.model));
  const auto text = flags.prompt_ids ? text_if_readable(*model) : text_of(*model);
  engine::GenerateRequest request;
  request.prompt_ids = prompt_of(flags, text);
  request.max_new_tokens = flags.max_new_tokens;
  request.sampling = sampling;
  if (!flags.ignore_eos) {
    request.eos_ids = model->config().eos_ids;
  }
  const std::int64_t n_prompt = std::ssize(request.prompt_ids);
  if (flags.n_cached < 0 || (flags.n_cached > 0 && flags.n_cached >= n_prompt)) {
    fail(ErrorCode::invalid_argument, "--cached: expected 0 to {} (one less than the prompt), found {}",
         n_prompt - 1, flags.n_cached);
  }
  if (flags.n_cached > 0 && !placement.kv_cache) {
    fail(ErrorCode::invalid_argument, "--cached: expected 0 with --kv-cache off, found {}", flags.n_cached);
  }
  if (flags.n_logprobs > 0 && !flags.json) {
    fail(ErrorCode::invalid_argument, "--logprobs: expected together with --json, found it alone");
  }
  if (flags.prefill_chunk < 1) {
    fail(ErrorCode::invalid_argument, "--prefill-chunk: expected at least 1, found {}", flags.prefill_chunk);
  }
  if (n_prompt > model->config().n_context) {
    fail(ErrorCode::invalid_argument, "prompt: expected at most {} tokens (the context), found {}",
         model->config().n_context, n_prompt);
  }
  const std::int64_t n_most = std::min(flags.max_new_tokens, model->config().n_context);
  engine::SessionOptions options{n_prompt + std::max<std::int64_t>(n_most, 1), flags.prefill_chunk};
  engine::Session session(model, placement, options);
  if (flags.n_cached > 0) {
    engine::GenerateRequest earlier = request;
    earlier.prompt_ids.resize(static_cast<std::size_t>(flags.n_cached));
    earlier.max_new_tokens = 1;
    engine::generate(session, earlier);
  }
  std::optional<engine::Recorder> recorder;
  if (!flags.capture.empty()) {
    engine::RecorderOptions recording;
    recording.kv_rows = !field_flags.history_only();
    recorder.emplace(session, request, recording);
  }
  std::optional<engine::Logprobs> logprobs;
  std::vector<engine::GenerateObserver*> observers;
  if (recorder) {
    observers.push_back(&*recorder);
  }
  if (flags.n_logprobs > 0) {
    observers.push_back(&logprobs.emplace(flags.n_logprobs));
  }
  Printer printer(text, flags.json, observers);
  const std::string tokenizer_sha256 = text ? text->tokenizer.digest() : "";
  const auto field = field_flags.make(tokenizer_sha256);
  const engine::GenerateResult result = calls_of(field.get())(session, request, &printer);
  const std::string generated = printer.finish();
  if (!flags.json) {
    say("{}", summary_line(result));
  }
  // Before anything is written to standard output, which may be closed or full.
  if (recorder) {
    save_capture(*recorder, session, result, tokenizer_sha256, flags.capture);
  }
  finish(field.get());
  if (flags.json) {
    write_output("-", as_json(request.prompt_ids, result, text ? std::optional(generated) : std::nullopt,
                              logprobs ? &*logprobs : nullptr));
  }
}

}  // namespace

void add_generate(CLI::App& app, int& /*exit_code*/) {
  auto* command = app.add_subcommand("generate", "Generate text; with --capture, record the call");
  set_examples(
      *command,
      "Examples:\n"
      "  reprise generate models/Qwen3-0.6B --prompt \"The capital of France is\"\n"
      "  reprise generate synthetic:qwen3-tiny --prompt-ids 1,2,3,4 --cached 2 --capture call.safetensors\n");
  auto flags = std::make_shared<GenerateFlags>();
  command
      ->add_option("MODEL", flags->model,
                   "A Hugging Face folder (config.json, model.safetensors or its sharded index, "
                   "tokenizer.json), a .gguf "
                   "file, a llama2.c checkpoint, builtin:names, or synthetic:NAME, e.g. synthetic:qwen3-0.6b")
      ->type_name("")
      ->required();
  auto* prompt =
      command->add_option("--prompt", flags->prompt, "The text to continue, as it is (no chat template)");
  command->add_option("--prompt-ids", flags->prompt_ids, "The same as token ids: 1,2,3")->excludes(prompt);
  command->add_option("--max-new-tokens", flags->max_new_tokens, "Tokens to generate at most (default 64)");
  command->add_flag("--no-bos", flags->no_bos,
                    "Put no begin token before --prompt, whatever the model asks for");
  command->add_flag("--ignore-eos", flags->ignore_eos, "Go on after an end-of-sequence token");
  command->add_option(
      "--cached", flags->n_cached,
      "Process this many prompt tokens before the call, as an earlier turn would have; the capture "
      "then holds their keys and values");
  command->add_option("--prefill-chunk", flags->prefill_chunk,
                      fmt::format("Prompt tokens per forward pass (default {}); the bits are the same",
                                  flags->prefill_chunk));
  auto sampling = std::make_shared<SamplingFlags>(*command);
  command->add_option("--capture", flags->capture, "Record the call into this file")->group("Capture");
  auto field = std::make_shared<FieldCaptureFlags>(*command, "all");
  command->add_flag("--json", flags->json, "Print {prompt_ids, generated_ids, text, finish_reason, metrics}");
  command
      ->add_option("--logprobs", flags->n_logprobs,
                   "With --json: the log-probabilities of each token and of the K likeliest, before sampling")
      ->type_name("K")
      ->check(whole_number(1, 1'000'000));
  auto placement = std::make_shared<PlacementFlags>(*command);
  command->callback([flags, sampling, field, placement] {
    run_generate(*flags, sampling->parameters(), *field, placement->placement());
  });
}

}  // namespace reprise::cli
