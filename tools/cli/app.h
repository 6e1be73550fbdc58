/// The `reprise` program: one subcommand a file, each adding itself to the command line. Errors from
/// everywhere below are caught here, once, and become one line on stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <exception>
#include <string>

namespace reprise::cli {

/// Exit codes of every subcommand.
enum ExitCode {
  kPass = 0,
  kRegression = 1,
  kInconclusive = 2,  ///< only with --strict
  kOutputsDiffer = 3,
  kUsage = 4,  ///< wrong flags, files or environment: nothing was measured
};

/// Calls of operator new so far (tools/allocation_count.h); null where they are not counted.
using AllocationCounter = std::int64_t (*)();

int run(int argc, char** argv, AllocationCounter allocations = nullptr);

/// What an error of any kind says to the user, on one line.
std::string describe_error(const std::exception& error);

/// Each adds one subcommand, whose callback sets `exit_code` when it is not kPass.
void add_generate(CLI::App& app, int& exit_code);
void add_chat(CLI::App& app, int& exit_code);
void add_capture(CLI::App& app, int& exit_code);
void add_replay(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_profile(CLI::App& app, int& exit_code);
void add_tokenize(CLI::App& app, int& exit_code);
void add_model(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_gate(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_history(CLI::App& app, int& exit_code);
void add_report(CLI::App& app);
void add_serve(CLI::App& app);
void add_serve_runs(CLI::App& app, AllocationCounter allocations);

/// Each adds one subcommand of `capture`.
void add_capture_redact(CLI::App& capture_command);
void add_capture_select(CLI::App& capture_command, int& exit_code);
void add_capture_trim(CLI::App& capture_command);
void add_capture_diff(CLI::App& capture_command, int& exit_code);
void add_capture_import(CLI::App& capture_command);
void add_capture_export(CLI::App& capture_command);

/// Each adds one subcommand of `model`.
void add_model_info(CLI::App& model_command, int& exit_code);
void add_model_convert(CLI::App& model_command, int& exit_code);
void add_model_synthesize(CLI::App& model_command, int& exit_code);
void add_model_train(CLI::App& model_command, int& exit_code);

}  // namespace reprise::cli
