/// reprise capture redact: a capture that may be given away.
#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <optional>
#include <random>

#include "engine/capture/redact.h"
#include "engine/core/error.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/model_text.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

struct RedactFlags {
  std::string in;
  std::string out;
  std::optional<std::uint64_t> seed;
  bool keep_special = false;
};

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

/// End-of-sequence ids, the model's and the request's; with --keep-special all tokens that are no text.
std::vector<engine::TokenId> kept_ids(const engine::Capture& capture, const engine::Model& model,
                                      bool special) {
  std::vector<engine::TokenId> kept = model.config().eos_ids;
  kept.insert(kept.end(), capture.request.eos_ids.begin(), capture.request.eos_ids.end());
  if (special) {
    const auto text = text_of(model);
    if (!text) {
      fail(ErrorCode::not_found, "--keep-special: expected a tokenizer with the model {}, found none",
           model.spec());
    }
    for (std::int64_t i = 0; i < text->tokenizer.size(); ++i) {
      const auto id = static_cast<engine::TokenId>(i);
      if (text->tokenizer.contains(id) && text->tokenizer.is_special(id)) {
        kept.push_back(id);
      }
    }
  }
  return kept;
}

std::shared_ptr<const engine::Model> model_for(const engine::Capture& capture, harness::ModelFinder finder) {
  try {
    return finder.find(capture);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) {
      throw;
    }
    fail(error.code(), "{} (redacting performs the call again: logits belong to their tokens)", error.what());
  }
}

void run_redact(const RedactFlags& flags, const ModelFlags& model_flags) {
  std::error_code error;
  if (std::filesystem::equivalent(flags.in, flags.out, error)) {
    fail(ErrorCode::invalid_argument, "--out: expected another file than the capture, found {}", flags.out);
  }
  const engine::Capture capture = engine::read_capture(flags.in);
  const auto model = model_for(capture, model_flags.finder());
  const engine::TokenPermutation permutation(model->config().n_vocab,
                                             flags.seed ? *flags.seed : random_seed(),
                                             kept_ids(capture, *model, flags.keep_special));
  const std::string id = engine::write_capture(engine::redacted(capture, model, permutation), flags.out);
  fmt::print("{}: redacted {} as {}\n", flags.out, capture.id, id);
}

}  // namespace

void add_capture_redact(CLI::App& capture_command) {
  auto* command = capture_command.add_subcommand(
      "redact", "Replace a capture's tokens by others and perform the call again, to give it away");
  set_examples(
      *command,
      "Examples:\n"
      "  reprise capture redact call.safetensors --out redacted.safetensors\n"
      "  reprise capture redact turn-2.safetensors --out r2.safetensors --seed 8123406 --keep-special\n");
  auto flags = std::make_shared<RedactFlags>();
  command->add_option("FILE", flags->in, "A capture file")->type_name("")->required();
  command->add_option("--out", flags->out, "Write the redacted capture here")->type_name("FILE")->required();
  command
      ->add_option(
          "--seed", flags->seed,
          "Equal seeds, equal replacements: captures keep the prefixes they share. Whoever knows it can undo "
          "them (default: random)")
      ->check(whole_number(0, std::numeric_limits<std::uint64_t>::max()));
  command->add_flag(
      "--keep-special", flags->keep_special,
      "Keep the tokenizer's special tokens (turns of a chat) where they are; end-of-sequence tokens "
      "always are");
  auto model = std::make_shared<ModelFlags>(*command);
  command->callback([flags, model] { run_redact(*flags, *model); });
}

}  // namespace reprise::cli
