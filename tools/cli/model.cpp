/// reprise model: what a model is, and making one from another, from a seed, or by training.
#include "tools/cli/app.h"
#include "tools/cli/usage.h"

namespace reprise::cli {

void add_model(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("model", "Look at a model, convert it, make one up, or train a small one");
  command->require_subcommand(1);
  set_examples(*command,
               "Examples:\n"
               "  reprise model info models/Qwen3-0.6B\n"
               "  reprise model convert models/Qwen3-0.6B qwen3.gguf --precision int8\n"
               "  reprise model synthesize llama3.2-1b llama.gguf --precision int4\n"
               "  reprise model train names.txt my-model\n");
  add_model_info(*command, exit_code);
  add_model_convert(*command, exit_code);
  add_model_synthesize(*command, exit_code);
  add_model_train(*command, exit_code);
}

}  // namespace reprise::cli
