/// How the command line explains itself: the layout of --help, and errors in what was typed, as one line with
/// the argument, what was expected and what was found. Used by app.cpp, and by subcommands for their
/// examples.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace reprise::cli {

/// Wraps long descriptions, for `app` and the subcommands that are added to it afterwards.
void explain_usage(CLI::App& app);

/// What --help ends with: examples, one a line, and the exit codes.
void set_examples(CLI::App& command, const std::string& examples);

/// `error` of parsing `app`, in this project's words, and whose --help to see.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

/// For counts and seeds, which CLI11 would let wrap around below 0.
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);

/// For seconds, shares and the like: finite, from `least` to `most`.
CLI::Validator number_from(double least, double most);

}  // namespace reprise::cli
