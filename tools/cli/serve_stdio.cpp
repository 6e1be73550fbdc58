#include "tools/cli/serve_stdio.h"

#include <getopt.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "engine/core/error.h"
#include "engine/serve/futhark/qwen_program.h"
#include "engine/serve/futhark/server.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"

namespace reprise::cli {
namespace {

std::string base_name(const std::string& program) {
  return std::filesystem::path(program).filename().string();
}

/// Of options without a letter.
enum LongOption : int { kCacheFile = 256, kParam, kTuning, kPrintParams, kNumThreads, kIgnored, kPlacement };

constexpr option kOptions[] = {
    {"help", no_argument, nullptr, 'h'},
    {"debugging", no_argument, nullptr, 'D'},
    {"log", no_argument, nullptr, 'L'},
    {"profile", no_argument, nullptr, 'P'},
    {"cache-file", required_argument, nullptr, kCacheFile},
    {"param", required_argument, nullptr, kParam},
    {"tuning", required_argument, nullptr, kTuning},
    {"print-params", no_argument, nullptr, kPrintParams},
    {"device", required_argument, nullptr, 'd'},
    {"platform", required_argument, nullptr, 'p'},
    {"num-threads", required_argument, nullptr, kNumThreads},
    {"default-thread-block-size", required_argument, nullptr, kIgnored},
    {"default-num-thread-blocks", required_argument, nullptr, kIgnored},
    {"default-tile-size", required_argument, nullptr, kIgnored},
    {"default-reg-tile-size", required_argument, nullptr, kIgnored},
    {"default-threshold", required_argument, nullptr, kIgnored},
    {"build-option", required_argument, nullptr, kIgnored},
    {"backend", required_argument, nullptr, kPlacement},
    {"isa", required_argument, nullptr, kPlacement},
    {"precision", required_argument, nullptr, kPlacement},
    {"kv-cache", required_argument, nullptr, kPlacement},
    {"kv-precision", required_argument, nullptr, kPlacement},
    {"threads", required_argument, nullptr, kPlacement},
    {"numerics", required_argument, nullptr, kPlacement},
    {nullptr, 0, nullptr, 0},
};

constexpr const char* kHelp =
    "Speaks Futhark's server protocol on standard input and output, as fuchat's program of this name "
    "does.\n\n"
    "  -P, --profile          the command `report` tells of every kernel\n"
    "  -L, --log              a line on standard error for each command\n"
    "  --num-threads=N        threads to compute with (--threads)\n"
    "  --backend, --isa, --precision, --kv-cache, --kv-precision, --threads, --numerics: see reprise serve "
    "--help\n"
    "  --print-params         the tuning parameters: none\n"
    "  Accepted and without effect: -D, --debugging, -d, --device, -p, --platform, --cache-file=FILE, "
    "--tuning=FILE,\n"
    "  --default-...=N, --build-option=OPTION. Any unambiguous beginning of an option will do.\n";

/// "--threads" as the key of a placement.
std::string key_of(std::string_view option) {
  std::string key(option);
  std::ranges::replace(key, '-', '_');
  return key;
}

/// Nothing where the program is done: --help and the like.
std::optional<StdioOptions> parse(int argc, char** argv) {
  StdioOptions options;
  options.element = *engine::futhark::qwen_element(base_name(argv[0]));
  options.placement = engine::futhark::qwen_placement(options.element);
  opterr = 0;
  optind = 0;  // starts over: tests come here more than once
  int which = 0;
  for (int found = 0; (found = getopt_long(argc, argv, ":hDLPd:p:", kOptions, &which)) != -1;) {
    switch (found) {
      case 'h':
        fmt::print("Usage: {} [OPTION]...\n\n{}", base_name(argv[0]), kHelp);
        return std::nullopt;
      case 'L':
        options.log = true;
        break;
      case 'P':
        options.profile = true;
        break;
      case kPrintParams:
        return std::nullopt;
      case kParam:
        fail(ErrorCode::invalid_argument,
             "--param: expected the name of a tuning parameter, of which there is "
             "none, found {}",
             optarg);
      case kNumThreads:
        engine::set_placement(options.placement, "threads", optarg);
        break;
      case kPlacement:
        engine::set_placement(options.placement, key_of(kOptions[which].name), optarg);
        break;
      case ':':
        fail(ErrorCode::invalid_argument, "{}: expected a value, found none", argv[optind - 1]);
      case '?':
        fail(ErrorCode::invalid_argument,
             "{}: expected an option of Futhark's server executables, found "
             "another; see --help",
             optopt != 0 ? fmt::format("-{}", static_cast<char>(optopt)) : argv[optind - 1]);
      default:
        break;
    }
  }
  if (optind < argc) {
    fail(ErrorCode::invalid_argument, "{}: expected options only", argv[optind]);
  }
  return options;
}

}  // namespace

void run_stdio_server(const StdioOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe ends the loop, not the process
  engine::futhark::QwenOptions program;
  program.element = options.element;
  program.placement = engine::resolved(options.placement);
  program.profile = options.profile;
  program.perform = options.perform;
  if (!options.model.empty()) {
    program.model = engine::Model::open(options.model);
  }
  engine::futhark::ServerOptions server;
  if (options.log) {
    server.log = [](std::string_view line) { say("{}\n", line); };
  }
  engine::futhark::Server(engine::futhark::make_qwen_program(std::move(program)), std::move(server))
      .run(std::cin, std::cout);
}

bool is_futhark_server_name(const std::string& program) {
  return engine::futhark::qwen_element(base_name(program)).has_value();
}

int run_as_futhark_server(int argc, char** argv) {
  try {
    if (const auto options = parse(argc, argv)) {
      run_stdio_server(*options);
    }
    return kPass;
  } catch (const std::exception& error) {
    say("{}: {}\n", base_name(argv[0]), describe_error(error));
    return kUsage;
  }
}

}  // namespace reprise::cli
