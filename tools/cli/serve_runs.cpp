/// reprise runs: performs one captured call as often as its parent asks for on standard input, and answers on
/// standard output (harness/replay/child_protocol.h). For `compare` and `gate`, which start it; not for
/// people, so --help does not list it.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <tuple>

#include "harness/profile/profile_replay.h"
#include "harness/replay/child_protocol.h"
#include "harness/replay/line_buffer.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using harness::ChildRequest;
using harness::EngineReplay;

/// Of one request: far more than any has.
constexpr std::size_t kMaxRequestBytes = std::size_t{1} << 16;

/// The next line of standard input; absent at its end, where half a line counts for nothing.
std::optional<std::string> read_request(harness::LineBuffer& input) {
  while (!input.has_line()) {
    if (input.line_bytes() > kMaxRequestBytes) {
      fail(ErrorCode::invalid_data, "standard input: expected a request of at most {} bytes, found more",
           kMaxRequestBytes);
    }
    char bytes[4096];
    const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (n > 0) {
      input.append({bytes, static_cast<std::size_t>(n)});
    } else if (n == 0 || errno != EINTR) {
      return std::nullopt;
    }
  }
  return input.take_line();
}

void answer(const std::string& line) {
  write_output("-", line + "\n");
}

harness::ChildHandshake handshake_of(const NamedCapture& named, const EngineReplay& replay) {
  const harness::Row row = describe_row(named, replay);
  return {engine::build_info(),        row.capture,      row.placement, replay.verification(),
          replay.n_prompt_processed(), memory_of(replay)};
}

harness::Sample restore_and_run(EngineReplay& replay) {
  replay.restore();
  return replay.run();
}

harness::CostProfile observed_profile(EngineReplay& replay) {
  const harness::ObservedRun run = harness::observe_run(replay);
  return run.builder.build(run.wall_seconds);
}

harness::ChildProfile profile_of_one_run(EngineReplay& replay) {
  const harness::CostProfile profile = observed_profile(replay);
  harness::ChildProfile sent{profile.wall_seconds, profile.unattributed_seconds, {}};
  for (const harness::CostCentre& centre : profile.centres) {
    sent.cost_centres.push_back(
        {centre.phase, centre.name, centre.calls, centre.seconds, centre.bytes, centre.flops});
  }
  return sent;
}

harness::ChildCounts count(EngineReplay& replay, AllocationCounter allocations) {
  harness::ChildCounts counts;
  for (const harness::CostCentre& centre : observed_profile(replay).centres) {
    counts.kernels.push_back({centre.phase, centre.name, centre.calls, centre.bytes, centre.flops});
  }
  const auto key = [](const harness::ChildKernelCount& kernel) {
    return std::tie(kernel.phase, kernel.name);
  };
  std::sort(counts.kernels.begin(), counts.kernels.end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  replay.restore();  // the run before was the warm-up: memory that is kept has been asked for
  const std::int64_t before = allocations != nullptr ? allocations() : 0;
  replay.run_unobserved();
  if (allocations != nullptr) {
    counts.allocations = allocations() - before;
  }
  counts.peak_kv_bytes = replay.session().cache().live_bytes();  // a call only adds rows
  counts.weights_bytes = replay.session().weights()->bytes;
  return counts;
}

std::string answer_to(const ChildRequest& request, EngineReplay& replay, AllocationCounter allocations) {
  std::vector<harness::Sample> samples;
  std::vector<harness::ChildProfile> profiles;
  switch (request.what) {
    case ChildRequest::Do::run:
      return to_line(restore_and_run(replay));
    case ChildRequest::Do::runs:
      for (std::int64_t i = 0; i < request.n; ++i) {
        samples.push_back(restore_and_run(replay));
      }
      return to_line(samples);
    case ChildRequest::Do::profile:
      for (std::int64_t i = 0; i < request.n; ++i) {
        profiles.push_back(profile_of_one_run(replay));
      }
      return to_line(profiles);
    case ChildRequest::Do::counts:
      return to_line(count(replay, allocations));
    case ChildRequest::Do::quit:
      break;
  }
  return {};
}

void serve(EngineReplay& replay, AllocationCounter allocations) {
  harness::LineBuffer input;
  while (const auto line = read_request(input)) {
    std::string text;
    try {
      const ChildRequest request = harness::parse_request(*line);
      if (request.what == ChildRequest::Do::quit) {
        return;
      }
      text = answer_to(request, replay, allocations);
    } catch (const std::exception& error) {
      text = harness::error_line(describe_error(error));
    }
    answer(text);
  }
}

}  // namespace

void add_serve_runs(CLI::App& app, AllocationCounter allocations) {
  auto* command = app.add_subcommand(
      "runs",
      "Perform a captured call as often as requests on standard input ask, answering in JSON lines: how "
      "`compare` and `gate` run builds");
  command->group("");
  auto file = std::make_shared<std::string>();
  set_examples(*command,
               "Example:\n"
               "  echo '{\"do\":\"run\"}' | reprise runs call.safetensors --threads 2\n");
  command->add_option("CAPTURE", *file, "A capture file")->type_name("")->required();
  auto model = std::make_shared<ModelFlags>(*command);
  auto mode = std::make_shared<ModeFlags>(*command);
  auto placement = std::make_shared<PlacementFlags>(*command);
  command->callback([=] {
    std::optional<NamedCapture> named;
    std::optional<EngineReplay> replay;
    harness::ModelFinder finder = model->finder();
    harness::WeightPool pool;
    try {
      named = read_named_capture(*file);
      replay.emplace(named->capture, finder.find(named->capture),
                     harness::ReplayPlan{placement->placement(), mode->mode()}, pool);
      replay->verify();
      answer(to_line(handshake_of(*named, *replay)));
    } catch (const std::exception& error) {
      answer(harness::error_line(describe_error(error), kUsage));
      throw;
    }
    serve(*replay, allocations);
  });
}

}  // namespace reprise::cli
