// reprise-gbench: captures x placements as Google Benchmarks, for those who know its flags, its JSON and its
// compare.py. Each iteration is one verified replay; its time is the call's own, without restoring. For
// figures with intervals, warm-up and a stopping rule, `reprise bench` is the tool.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/build_info.h"
#include "engine/core/error.h"
#include "harness/replay/engine_replay.h"
#include "tools/cli/app.h"
#include "tools/cli/bench_spec.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

/// Shared by all benchmarks. One replay is open at a time: together their models might not fit into memory.
class Replays {
 public:
  explicit Replays(harness::ModelFinder finder) : finder_(std::move(finder)) {}

  harness::EngineReplay& open(const NamedCapture& capture, const harness::ReplayPlan& plan) {
    if (replay_ == nullptr || capture_ != &capture || plan_ != &plan) {
      capture_ = nullptr;  // until the new one is verified
      replay_.reset();
      pool_.emplace();
      replay_ = std::make_unique<harness::EngineReplay>(capture.capture, finder_.find(capture.capture), plan,
                                                        *pool_);
      replay_->verify();
      capture_ = &capture;
      plan_ = &plan;
    }
    return *replay_;
  }

  bool differs = false;  ///< of any replay that was open: its outputs from its capture
  std::string error;     ///< of any that could not be opened

 private:
  harness::ModelFinder finder_;
  std::optional<harness::WeightPool> pool_;
  std::unique_ptr<harness::EngineReplay> replay_;
  const NamedCapture* capture_ = nullptr;  // those of the replay that is open
  const harness::ReplayPlan* plan_ = nullptr;
};

/// "chat-1/cpu/auto/f32/kv:on/f32/threads:2/exact": a benchmark's name must not depend on the machine, or
/// compare.py finds no partner.
std::string name_of(const NamedCapture& capture, const engine::Placement& placement) {
  const engine::PlacementFields fields = engine::to_fields(placement);
  return fmt::format("{}/{}/{}/{}/kv:{}/{}/threads:{}/{}", capture.name, fields.backend, fields.isa,
                     fields.precision, fields.kv_cache ? "on" : "off", fields.kv_precision, fields.threads,
                     fields.numerics);
}

void run(benchmark::State& state, Replays& replays, const NamedCapture& capture,
         const harness::ReplayPlan& plan) {
  double first_token_seconds = 0;
  double later_seconds = 0;
  double later_tokens = 0;
  double generated_tokens = 0;  // of each run
  try {
    harness::EngineReplay& replay = replays.open(capture, plan);
    for (auto _ : state) {
      replay.restore();
      const harness::Sample sample = replay.run();
      if (!sample.verified) {
        replays.differs = true;
        state.SkipWithError("outputs differ from the capture");
        return;
      }
      state.SetIterationTime(sample.total_seconds);
      first_token_seconds += sample.time_to_first_token_seconds;
      later_seconds += sample.total_seconds - sample.time_to_first_token_seconds;
      generated_tokens = static_cast<double>(sample.token_seconds.size());
      later_tokens += generated_tokens - 1;
    }
  } catch (const std::exception& error) {
    replays.error = fmt::format("{}: {}", capture.name, describe_error(error));
    state.SkipWithError(replays.error.c_str());
    return;
  }
  state.counters["time_to_first_token_seconds"] =
      first_token_seconds / static_cast<double>(state.iterations());
  state.counters["generated_tokens"] = generated_tokens;
  if (later_seconds > 0 && later_tokens > 0) {
    state.counters["decode_tokens_per_second"] = later_tokens / later_seconds;
  }
}

/// Placements of the first file if it is a specification, else the one of the flags; captures of both.
BenchSpec spec_of(const std::vector<std::string>& files, const PlacementFlags& placement,
                  const ModeFlags& mode) {
  BenchSpec spec;
  std::size_t first = 0;
  if (files.front().ends_with(".json")) {
    if (placement.are_given() || mode.mode()) {
      fail(ErrorCode::invalid_argument,
           "{}: expected no flags of a placement or a mode beside a specification, which has its own, found some",
           files.front());
    }
    spec = read_bench_spec(files.front());
    first = 1;
  } else {
    spec.placements = {placement.placement()};
    spec.mode = mode.mode();
  }
  spec.captures.insert(spec.captures.end(), files.begin() + static_cast<std::ptrdiff_t>(first), files.end());
  if (spec.captures.empty()) {
    fail(ErrorCode::invalid_argument,
         "{}: captures: expected at least one here or on the command line, found none", files.front());
  }
  return spec;
}

int run_all(const BenchSpec& spec, harness::ModelFinder finder) {
  std::vector<NamedCapture> captures;
  for (const auto& path : spec.captures) {
    captures.push_back(read_named_capture(path.string()));
  }
  std::vector<harness::ReplayPlan> plans;
  for (const engine::Placement& placement : spec.placements) {
    plans.push_back({placement, spec.mode});
  }
  Replays replays(std::move(finder));
  for (const NamedCapture& capture : captures) {
    for (const harness::ReplayPlan& plan : plans) {
      benchmark::RegisterBenchmark(name_of(capture, plan.placement).c_str(),
                                   [&](benchmark::State& state) { run(state, replays, capture, plan); })
          ->UseManualTime()
          ->Unit(benchmark::kMicrosecond);
    }
  }
  if (benchmark::RunSpecifiedBenchmarks() == 0) {
    say("reprise-gbench: --benchmark_filter: expected a pattern that some benchmark has, found one of "
        "none\n");
    return kUsage;
  }
  if (!replays.error.empty()) {
    say("reprise-gbench: {}\n", replays.error);
    return kUsage;
  }
  return replays.differs ? kOutputsDiffer : kPass;
}

int gbench(int argc, char** argv) {
  const engine::BuildInfo build = engine::build_info();
  benchmark::AddCustomContext("reprise_version", build.version);
  benchmark::AddCustomContext("reprise_git_commit", build.git_commit);
  const bool asks_for_help = std::any_of(argv, argv + argc, [](const char* argument) {
    return std::string_view(argument) == "--help" || std::string_view(argument) == "-h";
  });
  if (!asks_for_help) {                  // it would print its own alone
    benchmark::Initialize(&argc, argv);  // takes its own flags out
  }
  CLI::App app(
      "Captures x placements as Google Benchmarks; --benchmark_filter, --benchmark_format and the like "
      "are Google Benchmark's",
      "reprise-gbench");
  app.footer(
      "Examples:\n"
      "  reprise-gbench call.safetensors --threads 2\n"
      "  reprise-gbench specs/quickstart.json call.safetensors --benchmark_filter=f32 "
      "--benchmark_format=json\n\n"
      "Exit codes: 0 all ran, 3 outputs differ from a capture, 4 usage or environment.");
  std::vector<std::string> files;
  app.add_option("FILE", files, "A specification and captures, or captures alone")->type_name("")->required();
  const ModelFlags model(app);
  const ModeFlags mode(app);
  const PlacementFlags placement(app);
  try {
    app.parse(argc, argv);
    return run_all(spec_of(files, placement, mode), model.finder());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);  // --help
    }
    say("reprise-gbench: {}\n", usage_error(app, error));
    return kUsage;
  } catch (const std::exception& error) {
    say("reprise-gbench: {}\n", describe_error(error));
    return kUsage;
  }
}

}  // namespace
}  // namespace reprise::cli

int main(int argc, char** argv) {
  return reprise::cli::gbench(argc, argv);
}
