/// reprise gate: is the head build worse than the base build? For change requests.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "engine/core/error.h"
#include "engine/core/utc_time.h"
#include "engine/io/atomic_write.h"
#include "harness/regress/gate_json.h"
#include "harness/regress/gate_junit.h"
#include "harness/regress/gate_markdown.h"
#include "harness/regress/gate_table.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/gate_run.h"
#include "tools/cli/paired_run.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using harness::Gate;
using harness::GateOutcome;

struct GateFlags {
  GatePlan plan;
  std::string spec;
  std::vector<std::string> captures;
  std::string out = ".";
  std::string acknowledged;
  std::optional<std::uint64_t> seed;
};

int exit_code_of(const Gate& gate) {
  switch (gate.outcome) {
    case GateOutcome::pass:
      break;
    case GateOutcome::regression:
      return gate.options.informational ? kPass : kRegression;
    case GateOutcome::inconclusive:
      return gate.options.informational ? kPass : kInconclusive;
    case GateOutcome::outputs_differ:
      return kOutputsDiffer;
  }
  return kPass;
}

/// As a shell reads it.
std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
    return word;
  }
  std::string text = "'";
  for (const char c : word) {
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return text + "'";
}

/// The command that does the same again: defaults that decide what is found are spelled out.
std::string command_of(const GateFlags& flags) {
  const GatePlan& plan = flags.plan;
  std::vector<std::string> words = {"reprise",    "gate",    "--base-bin", plan.base,
                                    "--head-bin", plan.head, "--spec",     flags.spec};
  const auto add = [&](const char* flag, const std::string& value) {
    words.insert(words.end(), {flag, value});
  };
  add("--budget", fmt::format("{}", plan.budget_seconds));
  add("--processes", fmt::format("{}", plan.processes));
  add("--band", fmt::format("{}", plan.band));
  add("--confidence", fmt::format("{}", plan.options.confidence));
  add("--max-noise", fmt::format("{}", plan.options.max_noise));
  add("--seed", fmt::format("{}", plan.seed));
  if (!plan.model.empty()) {
    add("--model", plan.model);
  }
  if (!flags.acknowledged.empty()) {
    add("--acknowledged", flags.acknowledged);
  }
  if (plan.options.strict) {
    words.emplace_back("--strict");
  }
  if (plan.options.informational) {
    words.emplace_back("--informational");
  }
  words.insert(words.end(), flags.captures.begin(), flags.captures.end());
  std::string command;
  for (const std::string& word : words) {
    command += (command.empty() ? "" : " ") + quoted(word);
  }
  return command;
}

/// Completes the plan by what the specification says.
void read_spec(GateFlags& flags) {
  GatePlan& plan = flags.plan;
  plan.spec = read_bench_spec(flags.spec);
  plan.spec.captures.insert(plan.spec.captures.end(), flags.captures.begin(), flags.captures.end());
  if (plan.spec.captures.empty()) {
    fail(ErrorCode::invalid_argument,
         "{}: captures: expected at least one here or on the command line, found none", flags.spec);
  }
  plan.seed = flags.seed.value_or(plan.spec.seed);
  if (plan.head.empty()) {
    plan.head = own_program();
  }
}

/// The files of one gate: none takes its place before all are written.
class GateFiles {
 public:
  explicit GateFiles(const std::filesystem::path& folder)
      : json_(folder / "gate.json"), markdown_(folder / "gate.md"), junit_(folder / "gate.xml") {}

  void write(const Gate& gate) {
    json_.write(harness::gate_json(gate));
    markdown_.write(harness::gate_markdown(gate));
    junit_.write(harness::gate_junit(gate));
    json_.commit();
    markdown_.commit();
    junit_.commit();
  }

 private:
  engine::AtomicFile json_;
  engine::AtomicFile markdown_;
  engine::AtomicFile junit_;
};

int run(GateFlags flags, const HtmlFlag& html) {
  read_spec(flags);
  html.check();
  const auto accepted = flags.acknowledged.empty() ? std::vector<harness::Acknowledgement>{}
                                                   : harness::read_acknowledgements(flags.acknowledged);
  GateFiles(flags.out);  // what cannot be written is said before anything is measured
  Gate gate = run_gate(flags.plan);
  gate.command = command_of(flags);
  gate = harness::judge(std::move(gate), accepted, engine::utc_now().substr(0, 10));
  GateFiles files(flags.out);
  files.write(gate);
  html.write(harness::gate_json(gate));
  write_output("-", harness::gate_text(gate));
  return exit_code_of(gate);
}

void add_measuring_flags(CLI::App& command, GateFlags& flags) {
  GatePlan& plan = flags.plan;
  command
      .add_option("--budget", plan.budget_seconds, "Seconds at most for the pairs of each row (default 60)")
      ->check(number_from(0.001, 1e6))
      ->group("Measuring");
  command
      .add_option("--processes", plan.processes,
                  "Pairs of processes for each row, one after the other: 3 or more (default 5)")
      ->check(whole_number(3, 1000))
      ->group("Measuring");
  command.add_option("--band", plan.band, "The relative change that does not matter (default 0.01)")
      ->check(number_from(0.0, 10.0))
      ->group("Measuring");
  command
      .add_option("--confidence", plan.options.confidence,
                  "Of intervals, and that no timed metric of the gate is a false alarm (default 0.99)")
      ->check(number_from(0.5, 0.9999))
      ->group("Measuring");
  command
      .add_option("--max-noise", plan.options.max_noise,
                  "A row whose base build against itself is further apart than this informs only (default "
                  "0.05); counts fail all the same")
      ->check(number_from(0.0, 1e6))
      ->group("Measuring");
  command.add_option("--seed", flags.seed, "Of the order of turns (default: the specification's)")
      ->group("Measuring");
}

}  // namespace

void add_gate(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("gate", "Is a build worse than the one before? For change requests");
  set_examples(
      *command,
      "Runs both builds in turns on every capture and placement of a specification, and writes\n"
      "gate.json (the report), gate.md (a comment) and gate.xml (JUnit). Timings fail it when they\n"
      "are certainly worse, twice; counts (kernels, bytes, operations, allocations, memory) when they\n"
      "grow at all.\n\n"
      "Examples:\n"
      "  reprise gate --base-bin before/reprise --head-bin after/reprise --spec specs/gate.json\n"
      "  reprise gate --base-bin before/reprise --spec specs/gate.json call.safetensors --out results\n"
      "  reprise gate --base-bin before/reprise --spec specs/gate.json --acknowledged accepted.json\n");
  auto flags = std::make_shared<GateFlags>();
  GatePlan& plan = flags->plan;
  command->add_option("CAPTURE", flags->captures, "Captures, besides those the specification names")
      ->type_name("");
  command->add_option("--base-bin", plan.base, "The program before the change")
      ->type_name("FILE")
      ->required();
  command->add_option("--head-bin", plan.head, "The program after it (default: this one)")->type_name("FILE");
  command->add_option("--spec", flags->spec, "Captures and placements: a specification (specs/README.md)")
      ->type_name("FILE")
      ->required();
  command->add_option("--model", plan.model, "The model of both builds, if not where the captures say");
  command->add_option("--out", flags->out, "The folder of gate.json, gate.md and gate.xml (default .)")
      ->type_name("DIR");
  command->add_option("--acknowledged", flags->acknowledged, "Regressions that are accepted, a JSON file")
      ->type_name("FILE");
  command->add_flag("--strict", plan.options.strict, "Exit code 2 when a verdict is inconclusive");
  command->add_flag("--informational", plan.options.informational,
                    "Tell regressions, and exit with 0 for all but outputs that differ and errors");
  auto html = std::make_shared<HtmlFlag>(*command);
  add_measuring_flags(*command, *flags);
  command->callback([=, &exit_code] { exit_code = run(*flags, *html); });
}

}  // namespace reprise::cli
