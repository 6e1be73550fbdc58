/// reprise capture trim|diff: smaller captures, and what tells two apart.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/capture/capture_fields.h"
#include "engine/capture/trim.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using engine::Capture;

struct TrimFlags {
  std::string in;
  std::string out;
  std::optional<std::int64_t> max_new_tokens;
  bool drop_kv = false;
};

void run_trim(const TrimFlags& flags) {
  if (!flags.max_new_tokens && !flags.drop_kv) {
    fail(ErrorCode::invalid_argument, "trim: expected --max-new-tokens, --drop-kv or both, found neither");
  }
  Capture capture = engine::read_capture(flags.in);
  const std::string id = capture.id;
  if (flags.max_new_tokens) {
    try {
      capture = engine::trimmed(std::move(capture), *flags.max_new_tokens);
    } catch (const Error& error) {
      fail(error.code(), "--max-new-tokens: {}", expectation(error));
    }
  }
  if (flags.drop_kv) {
    capture = engine::without_kv(std::move(capture));
  }
  fmt::print("{}: trimmed {} to {}\n", flags.out, id, engine::write_capture(capture, flags.out));
}

/// Lines of what differs, gathered field by field.
class Differences {
 public:
  /// Fields that decide what is computed, or what came out.
  void field(const char* name, const std::string& a, const std::string& b) { differs_ |= line(name, a, b); }
  /// Fields that two captures of equal calls need not share.
  void circumstance(const char* name, const std::string& a, const std::string& b) { line(name, a, b); }
  /// Sequences: how long, and where they part.
  template <class T>
  void sequence(const char* name, const std::vector<T>& a, const std::vector<T>& b) {
    const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (x == a.end() && y == b.end()) {
      return;
    }
    const auto element = [](const std::vector<T>& of, auto at) {
      return at == of.end() ? std::string("the end") : fmt::format("{}", *at);
    };
    differs_ |= line(fmt::format("{}[{}]", name, x - a.begin()), element(a, x), element(b, y));
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool differs() const { return differs_; }

 private:
  bool line(const std::string& name, const std::string& a, const std::string& b) {
    if (a == b) {
      return false;
    }
    text_ += fmt::format("{}: {} | {}\n", name, engine::printable(a, 400), engine::printable(b, 400));
    return true;
  }

  std::string text_;
  bool differs_ = false;
};

std::string rows_of(const Capture& c) {
  return c.kv ? fmt::format("{} rows", name_of(c.kv->dtype)) : "no rows";
}

Differences differences(const Capture& a, const Capture& b) {
  Differences found;
  found.field("model.sha256", a.model.sha256, b.model.sha256);
  found.sequence("prompt_ids", a.request.prompt_ids, b.request.prompt_ids);
  found.field("n_cached", std::to_string(a.n_cached), std::to_string(b.n_cached));
  found.field("max_new_tokens", std::to_string(a.request.max_new_tokens),
              std::to_string(b.request.max_new_tokens));
  found.sequence("eos_ids", a.request.eos_ids, b.request.eos_ids);
  const auto sampling = [](const Capture& c) {
    const engine::SamplingParameters& s = c.request.sampling;
    return fmt::format("repetition_penalty {} temperature {} top_k {} top_p {} min_p {} seed {}",
                       s.repetition_penalty, s.temperature, s.top_k, s.top_p, s.min_p, s.seed);
  };
  found.field("sampling", sampling(a), sampling(b));
  found.sequence("generated_ids", a.steps.generated_ids, b.steps.generated_ids);
  found.sequence("steps.logits_xxh3", a.steps.logits_digests, b.steps.logits_digests);
  found.field("finish_reason", std::string(name_of(a.finish_reason)), std::string(name_of(b.finish_reason)));
  found.circumstance("kv", rows_of(a), rows_of(b));
  if (a.kv && b.kv && a.kv->dtype == b.kv->dtype && a.n_cached == b.n_cached) {
    found.field("kv.keys", "", a.kv->keys == b.kv->keys ? "" : "other bits");
    found.field("kv.values", "", a.kv->values == b.kv->values ? "" : "other bits");
  }
  found.circumstance("placement", describe(a.placement), describe(b.placement));
  found.circumstance("model.spec", a.model.spec, b.model.spec);
  found.circumstance("build.git_commit", a.origin.build.git_commit, b.origin.build.git_commit);
  found.circumstance("machine", a.origin.machine_json, b.origin.machine_json);
  found.circumstance("created", a.origin.created, b.origin.created);
  found.circumstance("policy", a.origin.policy, b.origin.policy);
  return found;
}

}  // namespace

void add_capture_trim(CLI::App& capture_command) {
  auto* command = capture_command.add_subcommand("trim", "Make a smaller capture of the same call");
  set_examples(
      *command,
      "Examples:\n"
      "  reprise capture trim call.safetensors --out short.safetensors --max-new-tokens 16 --drop-kv\n");
  auto flags = std::make_shared<TrimFlags>();
  command->add_option("FILE", flags->in, "A capture file")->type_name("")->required();
  command->add_option("--out", flags->out, "Write the smaller capture here")->type_name("FILE")->required();
  command->add_option("--max-new-tokens", flags->max_new_tokens, "Keep the first N generated tokens")
      ->type_name("N")
      ->check(whole_number(1, std::numeric_limits<std::int64_t>::max()));
  command->add_flag("--drop-kv", flags->drop_kv,
                    "Leave out the prefix's keys and values: recomputed on replay");
  command->callback([flags] { run_trim(*flags); });
}

void add_capture_diff(CLI::App& capture_command, int& exit_code) {
  auto* command = capture_command.add_subcommand(
      "diff", "What tells two captures apart; exit code 3 when it is the call or its outputs");
  auto files = std::make_shared<std::pair<std::string, std::string>>();
  command->add_option("A", files->first, "A capture file")->type_name("")->required();
  command->add_option("B", files->second, "Another")->type_name("")->required();
  command->callback([files, &exit_code] {
    const Differences found =
        differences(engine::read_capture(files->first), engine::read_capture(files->second));
    write_output("-", found.text().empty() ? "no difference\n" : found.text());
    exit_code = found.differs() ? kOutputsDiffer : kPass;
  });
}

}  // namespace reprise::cli
