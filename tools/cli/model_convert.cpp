/// reprise model convert and synthesize: a model written as a GGUF file or a Hugging Face folder.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/core/error.h"
#include "engine/core/monotonic.h"
#include "engine/model/convert.h"
#include "harness/report/units.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

struct ConvertFlags {
  std::string in;
  std::string out;
  std::string precision = "native";
};

std::int64_t written_bytes(const std::filesystem::path& out) {
  return static_cast<std::int64_t>(
      std::filesystem::file_size(std::filesystem::is_directory(out) ? out / "model.safetensors" : out));
}

bool names_gguf(const std::string& out) {
  constexpr std::string_view kSuffix = ".gguf";
  return out.size() > kSuffix.size() &&
         std::equal(kSuffix.rbegin(), kSuffix.rend(), out.rbegin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

/// Writing over what is being read would pull the mapped file away; and the files of an older folder beside
/// new weights would make a model that nobody meant.
void check_places(const ConvertFlags& flags) {
  std::error_code error;
  if (flags.out.empty()) {
    fail(ErrorCode::invalid_argument,
         "OUT: expected a name ending in .gguf or a folder, found an empty name");
  }
  if (std::filesystem::equivalent(flags.in, flags.out, error)) {
    fail(ErrorCode::invalid_argument, "OUT: expected another place than {}, found the same", flags.in);
  }
  const bool gguf = names_gguf(flags.out);
  if (gguf && std::filesystem::is_directory(flags.out, error)) {
    fail(ErrorCode::invalid_argument, "{}: expected a file name, found a folder", flags.out);
  }
  if (gguf || !std::filesystem::exists(flags.out, error)) {
    return;
  }
  if (!std::filesystem::is_directory(flags.out, error)) {
    fail(ErrorCode::invalid_argument,
         "{}: expected a name ending in .gguf, or a new or empty folder, found a file", flags.out);
  }
  if (!std::filesystem::is_empty(flags.out, error) || error) {
    fail(ErrorCode::invalid_argument, "{}: expected a new or an empty folder, found {}", flags.out,
         error ? error.message() : "files in it");
  }
}

void run_convert(const ConvertFlags& flags) {
  check_places(flags);
  const double start = engine::monotonic_seconds();
  const auto model = engine::Model::open(flags.in);
  ProgressLine line;
  engine::ConvertOptions options{flags.precision, [&](double share) {
                                   line.show(fmt::format("writing {}: {:.0f} %", flags.out, share * 100));
                                 }};
  if (names_gguf(flags.out)) {
    engine::write_gguf(*model, flags.out, options);
  } else {
    engine::write_hugging_face(*model, flags.out, options);
  }
  line.clear();
  write_output(
      "-", fmt::format("{}: {} parameters, {}, in {:.1f} s\n", flags.out, model->config().n_parameters(),
                       harness::format_bytes(written_bytes(flags.out)), engine::monotonic_seconds() - start));
}

void add_common(CLI::App& command, ConvertFlags& flags) {
  command
      .add_option("OUT", flags.out, "A name ending in .gguf: a GGUF file; any other: a Hugging Face folder")
      ->type_name("")
      ->required();
  command
      .add_option("--precision", flags.precision,
                  "Of matrices: native (default: as stored) | f32 | f16 | bf16 | int8 (Q8_0) | int4 (Q4_0)")
      ->type_name("WORD")
      ->check(CLI::IsMember({"native", "f32", "f16", "bf16", "int8", "int4"}));
}

}  // namespace

void add_model_convert(CLI::App& model_command, int& /*exit_code*/) {
  auto* command = model_command.add_subcommand(
      "convert", "Between Hugging Face folders, GGUF files and llama2.c checkpoints");
  set_examples(*command,
               "Examples:\n"
               "  reprise model convert models/Qwen3-0.6B qwen3.gguf --precision int8\n"
               "  reprise model convert qwen3.gguf qwen3-folder --precision bf16\n"
               "  reprise model convert stories15M.bin stories15M.gguf\n");
  auto flags = std::make_shared<ConvertFlags>();
  command->add_option("IN", flags->in, "A model, as for `generate`")->type_name("")->required();
  add_common(*command, *flags);
  command->callback([flags] { run_convert(*flags); });
}

void add_model_synthesize(CLI::App& model_command, int& /*exit_code*/) {
  auto* command = model_command.add_subcommand(
      "synthesize", "Write a model of a known shape with seeded weights: real speed, no download");
  set_examples(*command,
               "Examples:\n"
               "  reprise model synthesize qwen3-0.6b qwen3.gguf --precision int4\n"
               "  reprise model synthesize gpt2 gpt2-folder\n");
  auto flags = std::make_shared<ConvertFlags>();
  std::string names;
  for (const std::string& name : engine::synthetic_names()) {
    names += (names.empty() ? "" : ", ") + name;
  }
  command->add_option("NAME", flags->in, "One of " + names)->type_name("")->required();
  add_common(*command, *flags);
  command->callback([flags] {
    ConvertFlags named = *flags;
    if (!named.in.starts_with("synthetic:")) {
      named.in = "synthetic:" + named.in;
    }
    run_convert(named);
  });
}

}  // namespace reprise::cli
