#include "tools/cli/paired_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "harness/replay/child_replay.h"

namespace reprise::cli {
namespace {

using harness::ChildReplay;
using harness::ReplayMode;

/// Profiled pairs from which a change of one centre can be told from chance, after adjusting for the others.
constexpr int kFewestProfilePairs = 12;

struct Children {
  std::unique_ptr<ChildReplay> a;
  std::unique_ptr<ChildReplay> b;
};

std::unique_ptr<ChildReplay> start(const ArmPlan& arm, const std::string& capture, bool forced) {
  std::vector<std::string> arguments = {"runs", capture};
  arguments.insert(arguments.end(), arm.flags.begin(), arm.flags.end());
  if (forced) {
    arguments.emplace_back("--forced");
  }
  try {
    return std::make_unique<ChildReplay>(arm.program, arguments);
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", arm.name, error.what());
  }
}

/// Both arms, in equal modes.
Children start_both(const PairPlan& plan, bool& forced) {
  Children children{start(plan.a, plan.capture, forced), start(plan.b, plan.capture, forced)};
  if (children.a->handshake().verification.mode != children.b->handshake().verification.mode) {
    forced = true;
    // One after the other: two models at once are in memory already.
    children.a.reset();
    children.b.reset();
    return {start(plan.a, plan.capture, forced), start(plan.b, plan.capture, forced)};
  }
  return children;
}

harness::ArmInfo info_of(const ChildReplay& child) {
  const harness::ChildHandshake& hello = child.handshake();
  return {hello.capture,
          engine::PlacementFields(hello.placement),
          hello.verification,
          hello.memory,
          hello.n_prompt_processed,
          hello.tool};
}

harness::CostProfile profile_of(ChildReplay& child) {
  const harness::ChildProfile sent = child.profile(1).front();
  harness::CostProfile profile;
  profile.wall_seconds = sent.wall_seconds;
  profile.unattributed_seconds = sent.unattributed_seconds;
  for (const harness::ChildCostCentre& centre : sent.cost_centres) {
    harness::CostCentre& own = profile.centres.emplace_back();
    own.phase = centre.phase;
    own.name = centre.name;
    own.calls = centre.calls;
    own.seconds = centre.seconds;
  }
  return profile;
}

/// In turns as ABBA, until there are enough or a quarter of the budget is spent.
std::vector<harness::ProfilePair> profile_pairs(const Children& children, const PairPlan& plan,
                                                harness::Clock& clock, ProgressLine& progress) {
  const harness::Seconds start = clock.now();
  std::vector<harness::ProfilePair> pairs;
  while (std::ssize(pairs) < plan.profile_pairs) {
    if (std::ssize(pairs) >= kFewestProfilePairs && clock.now() - start > plan.paired.budget_seconds / 4) {
      break;
    }
    progress.show(fmt::format("profiling, pair {}", pairs.size() + 1));
    harness::ProfilePair pair;
    if (pairs.size() % 2 == 0) {
      pair.first = profile_of(*children.a);
      pair.second = profile_of(*children.b);
    } else {
      pair.second = profile_of(*children.b);
      pair.first = profile_of(*children.a);
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

harness::PairedSession failed_session(bool a_failed) {
  harness::PairedSession session;
  session.a_failed = a_failed;
  return session;
}

}  // namespace

std::string own_program() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

std::vector<std::string> split_words(const std::string& text) {
  return CLI::detail::split_up(text);
}

void try_arms(const PairPlan& plan) {
  bool forced = false;
  start_both(plan, forced);
}

PairedRun run_pairs(const PairPlan& plan, ProgressLine& progress) {
  harness::MonotonicClock clock;
  PairedRun run;
  bool forced = false;
  for (int process = 0; process < plan.processes; ++process) {
    progress.show(fmt::format("starting processes {} of {}", process + 1, plan.processes));
    const Children children = start_both(plan, forced);
    if (process == 0) {
      run.a = info_of(*children.a);
      run.b = info_of(*children.b);
    }
    const bool a_agrees = children.a->handshake().verification.agrees();
    if (!a_agrees || !children.b->handshake().verification.agrees()) {
      run.result.sessions.push_back(failed_session(!a_agrees));
      return run;
    }
    harness::PairedOptions options = plan.paired;
    options.budget_seconds = plan.paired.budget_seconds / plan.processes;
    options.seed = plan.paired.seed + static_cast<std::uint64_t>(process);
    const auto show = [&](std::size_t pairs) {
      progress.show(fmt::format("{}: processes {} of {}, pair {}", run.a.capture.name, process + 1,
                                plan.processes, pairs));
    };
    run.result.sessions.push_back(
        harness::measure_pairs(*children.a, *children.b, options, clock, run.result.sessions, show));
    if (run.result.sessions.back().stop == harness::PairedStop::failed) {
      return run;
    }
    if (process == 0 && plan.profile_pairs > 0) {
      run.result.profiles = profile_pairs(children, plan, clock, progress);
    }
    if (process == 0 && plan.counts) {
      run.a_counts = children.a->counts();
      run.b_counts = children.b->counts();
    }
  }
  return run;
}

}  // namespace reprise::cli
