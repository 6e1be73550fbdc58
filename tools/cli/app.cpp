#include "tools/cli/app.h"

#include <fmt/format.h>

#include <cstdio>

#include "engine/core/build_info.h"
#include "engine/core/error.h"
#include "tools/cli/flags.h"
#include "tools/cli/serve_stdio.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

std::string version_line() {
  const engine::BuildInfo& build = engine::build_info();
  return fmt::format("reprise {} ({}{}, {}, {})", build.version, build.git_commit.substr(0, 12),
                     build.dirty ? ", modified" : "", build.compiler, build.build_type);
}

/// One line, whatever a library or a path holds.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    line += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return line;
}

/// The subcommands have printed, but the last of it may still be on its way to a full disk.
void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fail(ErrorCode::io, "standard output: expected to write everything, found an error");
  }
}

}  // namespace

std::string describe_error(const std::exception& error) {
  if (dynamic_cast<const Error*>(&error) != nullptr) {
    return one_line(error.what());
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "memory: expected enough for this model and context, found too little";
  }
  return fmt::format("internal error: {}", one_line(error.what()));
}

int run(int argc, char** argv, AllocationCounter allocations) {
  if (argc > 0 && is_futhark_server_name(argv[0])) {
    return run_as_futhark_server(argc, argv);
  }
  CLI::App app(
      "Captures a language model's generate call, performs it again elsewhere, checks the outputs, times it\n"
      "and shows where the time goes.\n\n"
      "  reprise generate MODEL --prompt TEXT --capture call.safetensors\n"
      "  reprise replay call.safetensors --precision bf16 --threads 2\n"
      "  reprise bench specs/quickstart.json call.safetensors --json report.json\n"
      "  reprise profile call.safetensors\n"
      "  reprise history add report.json --branch main\n"
      "  reprise doctor\n",
      "reprise");
  explain_usage(app);
  app.set_version_flag("--version", version_line());
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 pass, 1 regression, 2 inconclusive (with --strict), 3 outputs differ, 4 usage or "
      "environment.\nEvery subcommand explains itself: reprise COMMAND --help");
  int exit_code = kPass;
  add_generate(app, exit_code);
  add_chat(app, exit_code);
  add_serve(app);
  add_capture(app, exit_code);
  add_replay(app, exit_code);
  add_bench(app, exit_code);
  add_profile(app, exit_code);
  add_tokenize(app, exit_code);
  add_model(app, exit_code);
  add_compare(app, exit_code);
  add_gate(app, exit_code);
  add_doctor(app, exit_code);
  add_history(app, exit_code);
  add_report(app);
  add_serve_runs(app, allocations);
  try {
    app.parse(argc, argv);
    flush_output();
    return exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);  // --help, --version
    }
    say("reprise: {}\n", one_line(usage_error(app, error)));
  } catch (const std::exception& error) {
    say("reprise: {}\n", describe_error(error));
  }
  return kUsage;
}

}  // namespace reprise::cli
