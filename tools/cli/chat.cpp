/// reprise chat: a conversation with a model, on a terminal or through pipes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "engine/generate/token_sampler.h"
#include "engine/serve/demo_tools.h"
#include "tools/cli/app.h"
#include "tools/cli/capture_call.h"
#include "tools/cli/capture_flags.h"
#include "tools/cli/chat_commands.h"
#include "tools/cli/chat_input.h"
#include "tools/cli/context_flag.h"
#include "tools/cli/flags.h"
#include "tools/cli/model_text.h"
#include "tools/cli/sampling_flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

struct ChatFlags {
  std::string model;
  std::string system;
  std::string chat_template;
  std::int64_t max_new_tokens = engine::ConversationOptions{}.max_new_tokens;
  bool no_thinking = false;
  bool hide_thinking = false;
  bool tools = false;
};

engine::ConversationOptions conversation_options(const ChatFlags& flags,
                                                 const engine::SamplingParameters& sampling,
                                                 const engine::ChatTemplate& chat_template) {
  if (flags.tools && !chat_template.knows_tools()) {
    fail(ErrorCode::invalid_argument, "--tools: expected a chat template that describes tools, found {}",
         chat_template.name());
  }
  if (flags.max_new_tokens < 1) {
    fail(ErrorCode::invalid_argument, "--max-new-tokens: expected at least 1, found {}",
         flags.max_new_tokens);
  }
  engine::ConversationOptions options;
  options.system = flags.system;
  options.thinking = !flags.no_thinking;
  options.sampling = sampling;
  options.max_new_tokens = flags.max_new_tokens;
  if (flags.tools) {
    options.tools = engine::demo_tools();
  }
  return options;
}

void run_chat(const ChatFlags& flags, const ContextFlag& context, const engine::SamplingParameters& sampling,
              const FieldCaptureFlags& capture_flags, const engine::Placement& placement) {
  capture_flags.check();
  const auto model = engine::Model::open(lasting_spec(flags.model));
  const auto text = text_of(*model);
  if (!text) {
    fail(ErrorCode::not_found, "{}: tokenizer: expected one with the weights, found none", flags.model);
  }
  const engine::ChatTemplate chat_template = chat_template_of(*text, flags.model, flags.chat_template);
  const engine::ConversationOptions options = conversation_options(flags, sampling, chat_template);
  engine::check(options.sampling);
  engine::Session session(model, placement, context.options(*model));
  const std::unique_ptr<engine::FieldCapture> capture = capture_flags.make(text->tokenizer.digest());
  engine::Conversation conversation(session, text->tokenizer, chat_template, options,
                                    calls_of(capture.get()));

  const bool shows = isatty(STDOUT_FILENO) == 1;
  const bool asks = shows && isatty(STDIN_FILENO) == 1;
  Chat chat(conversation, options, {flags.hide_thinking, wants_colour(), shows}, text->tokenizer.digest());
  std::optional<Interrupts> interrupts;
  if (asks) {
    interrupts.emplace();
    say("{}, chat template {}; /help lists the commands\n", model->name(), chat_template.name());
  }
  MessageReader messages(asks);
  while (true) {
    const auto message =
        messages.read(fmt::format("[{}/{}] > ", conversation.n_tokens(), conversation.n_positions()));
    if (!message) {
      break;
    }
    try {
      if (!chat.handle(*message)) {
        break;
      }
    } catch (const std::exception& error) {
      say("reprise: {}\n", describe_error(error));
    }
  }
  finish(capture.get());
}

}  // namespace

void add_chat(CLI::App& app, int& /*exit_code*/) {
  auto* command =
      app.add_subcommand("chat", "Talk with a model: messages from standard input, replies as they come");
  set_examples(*command, std::string("Commands:\n") + kChatCommands +
                             "\nExamples:\n"
                             "  reprise chat models/Qwen3-0.6B\n"
                             "  reprise chat models/Qwen3-0.6B --tools --hide-thinking\n"
                             "  echo \"Who are you?\" | reprise chat model.gguf --system \"Be brief.\"\n");
  auto flags = std::make_shared<ChatFlags>();
  command->add_option("MODEL", flags->model, "As for `generate`")->type_name("")->required();
  command->add_option("--system", flags->system, "The system prompt (default: what the chat template has)");
  add_chat_template_flag(*command, flags->chat_template);
  command->add_flag("--no-thinking", flags->no_thinking, "Begin with thinking off, as after /nothink");
  command->add_flag("--hide-thinking", flags->hide_thinking, "Do not show what the model thinks");
  command->add_flag(
      "--tools", flags->tools,
      "Let the model call two tools: sumN1, the sum of the first n integers, and sumN2, of their squares");
  command->add_option("--max-new-tokens", flags->max_new_tokens,
                      fmt::format("Tokens of a reply at most (default {})", flags->max_new_tokens));
  auto context = std::make_shared<ContextFlag>(*command);
  auto sampling = std::make_shared<SamplingFlags>(*command);
  auto placement = std::make_shared<PlacementFlags>(*command);
  auto capture = std::make_shared<FieldCaptureFlags>(*command);
  command->callback([flags, context, sampling, capture, placement] {
    run_chat(*flags, *context, sampling->parameters(), *capture, placement->placement());
  });
}

}  // namespace reprise::cli
