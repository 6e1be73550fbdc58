#include "tools/cli/app.h"

#include <fmt/format.h>

#include <cstdio>

#include "engine/core/build_info.h"
#include "engine/core/error.h"

namespace reprise::cli {
namespace {

std::string version_line() {
  const engine::BuildInfo& build = engine::build_info();
  return fmt::format("reprise {} ({}{}, {}, {})", build.version, build.git_commit.substr(0, 12),
                     build.dirty ? ", modified" : "", build.compiler, build.build_type);
}

/// One line, whatever the library says in several.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app(
      "Captures a language model's generate call, performs it again elsewhere, checks the outputs, times it and shows "
      "where the time goes.\n\n"
      "  reprise generate MODEL --prompt TEXT --capture call.safetensors\n"
      "  reprise replay call.safetensors --precision bf16 --threads 2\n"
      "  reprise bench specs/quickstart.json call.safetensors --json report.json\n"
      "  reprise profile call.safetensors\n");
  app.set_version_flag("--version", version_line());
  app.require_subcommand(1);
  app.footer("Exit codes: 0 pass, 1 regression, 2 inconclusive (with --strict), 3 outputs differ, 4 usage or "
             "environment.\nEvery subcommand explains itself: reprise COMMAND --help");
  int exit_code = kPass;
  add_generate(app, exit_code);
  add_capture(app, exit_code);
  add_replay(app, exit_code);
  add_bench(app, exit_code);
  add_profile(app, exit_code);
  try {
    app.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);  // --help, --version
    }
    fmt::print(stderr, "reprise: {} (see --help)\n", first_line(error.what()));
  } catch (const Error& error) {
    fmt::print(stderr, "reprise: {}\n", error.what());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "reprise: memory: expected enough for this model and context, found too little\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "reprise: internal error: {}\n", first_line(error.what()));
  }
  return kUsage;
}

}  // namespace reprise::cli
