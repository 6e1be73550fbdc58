#include "tools/cli/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace reprise::cli {
namespace {

constexpr std::size_t kHelpWidth = 110;
constexpr std::size_t kNameWidth = 30;

/// CLI11 2.1 leaves descriptions on one line; it indents the line breaks that it finds in them.
class WrappedHelp final : public CLI::Formatter {
 public:
  WrappedHelp() { column_width(kNameWidth); }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string wrapped;
    std::size_t line = 0;
    std::string_view rest = option->get_description();
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      const bool fits = line + 1 + word.size() <= kHelpWidth - kNameWidth;
      if (!wrapped.empty()) {
        wrapped += fits ? ' ' : '\n';
      }
      wrapped += word;
      line = fits ? line + 1 + word.size() : word.size();
    }
    return wrapped;
  }
};

/// The subcommand that was being read when the error came.
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
  }
  return *at;
}

std::string full_name(const CLI::App& command) {
  return command.get_parent() == nullptr ? command.get_name()
                                         : full_name(*command.get_parent()) + " " + command.get_name();
}

template <class Kind>
bool is(const CLI::ParseError& error) {
  return dynamic_cast<const Kind*>(&error) != nullptr;
}

/// Those that only programs call have no group, and no place in --help.
bool is_listed(const CLI::App* command) {
  return !command->get_group().empty();
}

std::string expected_subcommand(const CLI::App& command) {
  std::string names;
  for (const CLI::App* sub : command.get_subcommands(is_listed)) {
    names += (names.empty() ? "" : ", ") + sub->get_name();
  }
  const auto rest = command.remaining();
  const std::string place = command.get_parent() == nullptr ? "command" : command.get_name();
  return fmt::format("{}: expected one of {}, found {}", place, names,
                     rest.empty() ? "nothing" : fmt::format("'{}'", rest.front()));
}

/// CLI11 says "Could not convert: --seed = x".
std::string expected_number(const CLI::App& command, std::string_view text) {
  constexpr std::string_view kPrefix = "Could not convert: ";
  const std::size_t equals = text.find(" = ");
  if (!text.starts_with(kPrefix) || equals == std::string_view::npos) {
    return std::string(text);
  }
  const std::string name(text.substr(kPrefix.size(), equals - kPrefix.size()));
  const CLI::Option* option = command.get_option_no_throw(name);
  const bool real = option != nullptr && option->get_type_name() == "FLOAT";
  return fmt::format("{}: expected a {}, found '{}'", name, real ? "number" : "whole number",
                     text.substr(equals + 3));
}

}  // namespace

void explain_usage(CLI::App& app) {
  app.formatter(std::make_shared<WrappedHelp>());
}

void set_examples(CLI::App& command, const std::string& examples) {
  const CLI::App* program = &command;
  while (program->get_parent() != nullptr) {
    program = program->get_parent();
  }
  const std::string exit_codes = program == &command ? "" : program->get_footer();
  command.footer(examples + (exit_codes.empty() ? "" : "\n" + exit_codes.substr(0, exit_codes.find('\n'))));
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = innermost(app);
  const std::string text = error.what();
  std::string line = text;
  if (is<CLI::RequiredError>(error)) {
    const bool subcommand = command.get_require_subcommand_min() > 0;
    const std::string what = text.substr(0, text.find(" is required"));
    line = subcommand ? expected_subcommand(command) : fmt::format("{}: expected one, found nothing", what);
  } else if (is<CLI::ExtrasError>(error)) {
    line = fmt::format("{}: expected only the arguments of its --help, found '{}'", command.get_name(),
                       fmt::join(command.remaining_for_passthrough(), " "));
  } else if (is<CLI::ConversionError>(error)) {
    line = expected_number(command, text);
  } else if (is<CLI::ArgumentMismatch>(error)) {
    line = fmt::format("{}: expected a value, found nothing", text.substr(0, text.find(':')));
  }
  return fmt::format("{} (see {} --help)", line, full_name(command));
}

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  const auto check = [=](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good =
        problem == std::errc() && end == text.data() + text.size() && least <= value && value <= most;
    return good ? "" : fmt::format("expected a whole number from {} to {}, found '{}'", least, most, text);
  };
  return {check, ""};
}

CLI::Validator number_from(double least, double most) {
  const auto check = [=](const std::string& text) -> std::string {
    double value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good =
        problem == std::errc() && end == text.data() + text.size() && least <= value && value <= most;
    return good ? "" : fmt::format("expected a number from {} to {}, found '{}'", least, most, text);
  };
  return {check, ""};
}

}  // namespace reprise::cli
