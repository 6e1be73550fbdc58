#include "tools/cli/flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "engine/core/error.h"
#include "engine/core/monotonic.h"
#include "engine/io/atomic_write.h"

namespace reprise::cli {
namespace {

struct PlacementFlag {
  const char* flag;
  const char* key;
  const char* help;
};

constexpr PlacementFlag kPlacementFlags[] = {
    {"--backend", "backend", "reference (plain loops, one thread: the definition of correct) | cpu (default)"},
    {"--isa", "isa", "auto (default: the widest this machine has) | scalar | avx2 | avx512; the bits are the same"},
    {"--precision", "precision", "of weight matrices: native (default: as stored) | f32 | f16 | bf16"},
    {"--kv-cache", "kv_cache", "on (default) | off: recompute every position at every step; the bits are the same"},
    {"--kv-precision", "kv_precision", "of cached keys and values: f32 (default) | f16 | bf16"},
    {"--threads", "threads", "0 (default): all of this machine's; the bits are the same"},
    {"--numerics", "numerics", "exact (default): equal bits on every CPU"},
};

}  // namespace

PlacementFlags::PlacementFlags(CLI::App& command) {
  for (const PlacementFlag& flag : kPlacementFlags) {
    const auto keep = [this, key = flag.key](const std::string& value) { values_.emplace_back(key, value); };
    command.add_option_function<std::string>(flag.flag, keep, flag.help)->group("Placement");
  }
}

engine::Placement PlacementFlags::placement() const {
  engine::Placement placement;
  for (const auto& [key, value] : values_) {
    engine::set_placement(placement, key, value);
  }
  return placement;
}

ModelFlags::ModelFlags(CLI::App& command) {
  command.add_option("--model", model_,
                     "The model to use: a Hugging Face folder or synthetic:NAME. Default: the one with the captured "
                     "digest where it was captured, or in a folder of REPRISE_MODELS (separated by colons)");
}

harness::ModelFinder ModelFlags::finder() const {
  std::vector<std::filesystem::path> folders;
  if (const char* variable = std::getenv("REPRISE_MODELS"); variable != nullptr) {
    std::string rest = variable;
    while (!rest.empty()) {
      const std::size_t colon = std::min(rest.find(':'), rest.size());
      if (colon > 0) {
        folders.emplace_back(rest.substr(0, colon));
      }
      rest.erase(0, colon + 1);
    }
  }
  return {model_, std::move(folders)};
}

MeasureFlags::MeasureFlags(CLI::App& command) {
  command.add_option("--target", options_.target_half_width,
                     "Stop when the interval of the median is within plus or minus this share (default 0.01)")
      ->group("Measuring");
  command.add_option("--confidence", options_.confidence, "Of that interval (default 0.95)")->group("Measuring");
  command.add_option("--min-runs", options_.min_runs, "Runs at least (default 10)")->group("Measuring");
  command.add_option("--budget", options_.budget_seconds, "Seconds at most for each row (default 30)")
      ->group("Measuring");
}

ModeFlags::ModeFlags(CLI::App& command) {
  auto* forced = command.add_flag("--forced", forced_,
                                  "The captured tokens drive decoding, whatever this placement would draw: equal work "
                                  "for unequal bits. Default where the placements' bits may differ");
  command.add_flag("--free", free_,
                   "The token sampler runs, and every bit must be the captured one (else exit code 3). Default where "
                   "the numerics contract promises it")
      ->excludes(forced);
}

std::optional<harness::ReplayMode> ModeFlags::mode() const {
  if (forced_) {
    return harness::ReplayMode::forced;
  }
  return free_ ? std::optional(harness::ReplayMode::free) : std::nullopt;
}

void write_output(const std::string& path, const std::string& text) {
  if (path == "-") {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
      fail(ErrorCode::io, "standard output: expected to write {} bytes, found an error", text.size());
    }
    return;
  }
  engine::write_file_atomically(path, text);
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1), start_(engine::monotonic_seconds()) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::show(const std::string& text) {
  const double now = engine::monotonic_seconds();
  if (!terminal_ || now - start_ < 1 || now - last_ < 0.1) {
    return;
  }
  last_ = now;
  shown_ = true;
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (shown_) {
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    shown_ = false;
  }
}

}  // namespace reprise::cli
