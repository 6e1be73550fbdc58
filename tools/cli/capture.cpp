/// reprise capture list|show|verify: what is in capture files, and whether they are whole. The other verbs
/// are in files of their own.
#include "engine/capture/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/capture/capture_fields.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"

namespace reprise::cli {
namespace {

using engine::Capture;
using Json = nlohmann::ordered_json;

struct CaptureFlags {
  std::vector<std::string> files;
  bool json = false;
};

std::string ids_preview(const std::vector<engine::TokenId>& ids) {
  constexpr std::size_t kShown = 12;
  std::string text;
  for (std::size_t i = 0; i < std::min(ids.size(), kShown); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : " ", ids[i]);
  }
  return ids.size() > kShown ? text + " ..." : text;
}

std::string sampling_line(const engine::SamplingParameters& s) {
  if (s.temperature == 0) {
    return fmt::format("greedy, repetition_penalty {}", s.repetition_penalty);
  }
  return fmt::format("temperature {}, top_k {}, top_p {}, min_p {}, repetition_penalty {}, seed {}",
                     s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.seed);
}

double total_seconds(const Capture& c) {
  double total = 0;
  for (const double seconds : c.steps.token_seconds) {
    total += seconds;
  }
  return total;
}

std::string prefix_line(const Capture& c) {
  if (c.n_cached == 0) {
    return "none";
  }
  return c.kv ? fmt::format("{} tokens, {} rows, {} bytes", c.n_cached, name_of(c.kv->dtype),
                            c.kv->keys.size() + c.kv->values.size())
              : fmt::format("{} tokens, to be recomputed", c.n_cached);
}

std::string as_text(const std::string& path, const Capture& c) {
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("  {:<12} {}\n", name, engine::printable(value, 4096));
  };
  text += fmt::format("{}\n", path);
  line("capture", c.id);
  line("model",
       fmt::format("{} ({}, {} parameters)", c.model.name, c.model.architecture, c.model.parameters));
  line("sha256", c.model.sha256);
  line("was at", c.model.spec);
  line("prompt", fmt::format("{} tokens: {}", c.n_prompt(), ids_preview(c.request.prompt_ids)));
  line("cached", prefix_line(c));
  line("generated", fmt::format("{} tokens: {}", c.n_generated(), ids_preview(c.steps.generated_ids)));
  line("finished", std::string(name_of(c.finish_reason)));
  line("sampling", sampling_line(c.request.sampling));
  line("placement", describe(c.placement));
  line("observed", fmt::format("{:.1f} ms in all, first token after {:.1f} ms (one run, not a measurement)",
                               total_seconds(c) * 1e3, c.steps.token_seconds.front() * 1e3));
  line("recorded", fmt::format("{} by reprise {} ({}), policy {}", c.origin.created, c.origin.build.version,
                               c.origin.build.git_commit.substr(0, 12), c.origin.policy));
  line("machine", c.origin.machine_json);
  return text;
}

Json sampling_json(const engine::SamplingParameters& s) {
  Json json;
  json["temperature"] = s.temperature;
  json["top_k"] = s.top_k;
  json["top_p"] = s.top_p;
  json["min_p"] = s.min_p;
  json["repetition_penalty"] = s.repetition_penalty;
  json["seed"] = std::to_string(s.seed);  // JavaScript's numbers end at 2^53
  return json;
}

Json as_json(const std::string& path, const Capture& c) {
  Json json;
  json["path"] = path;
  json["id"] = c.id;
  json["model"] = engine::to_json_value(c.model);
  json["n_prompt"] = c.n_prompt();
  json["n_cached"] = c.n_cached;
  json["kv_rows"] = c.kv.has_value();
  json["n_generated"] = c.n_generated();
  json["prompt_ids"] = c.request.prompt_ids;
  json["sampling"] = sampling_json(c.request.sampling);
  json["generated_ids"] = c.steps.generated_ids;
  json["finish_reason"] = name_of(c.finish_reason);
  json["placement"] = describe(c.placement);
  json["token_seconds"] = c.steps.token_seconds;
  json["build"] = engine::to_json_value(c.origin.build);
  json["created"] = c.origin.created;
  json["policy"] = c.origin.policy;
  return json;
}

void run_show(const CaptureFlags& flags) {
  Json all = Json::array();
  std::string text;
  for (const std::string& file : flags.files) {
    const Capture capture = engine::read_capture(file);
    all.push_back(as_json(file, capture));
    text += as_text(file, capture);
  }
  write_output("-", flags.json ? all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text);
}

/// Every file is checked, also after a bad one.
void run_verify(const CaptureFlags& flags, int& exit_code) {
  for (const std::string& file : flags.files) {
    try {
      const Capture capture = engine::read_capture(file);
      fmt::print("{}: whole ({}, {} tokens generated)\n", file, capture.id, capture.n_generated());
    } catch (const Error& error) {
      say("reprise: {}\n", engine::printable(error.what(), 4096));
      exit_code = kUsage;
    }
  }
}

/// Files as given, and the captures of folders given, by name.
std::vector<std::string> expanded(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with('.') && entry.is_regular_file(error) &&
          engine::looks_like_capture(entry.path())) {
        found.push_back(entry.path().string());
      }
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

void run_list(const CaptureFlags& flags, int& exit_code) {
  Json all = Json::array();
  std::string text;
  for (const std::string& file : expanded(flags.files)) {
    try {
      const Capture c = engine::read_capture(file);
      all.push_back(as_json(file, c));
      text += fmt::format("{:<16}  {:<16}  {:>6}  {:>6}  {:>9}  {:<8}  {}\n", c.id,
                          engine::printable(c.model.name, 16), c.n_prompt(), c.n_cached, c.n_generated(),
                          c.placement.precision, file);
    } catch (const Error& error) {
      say("reprise: {}\n", engine::printable(error.what(), 4096));
      exit_code = kUsage;
    }
  }
  if (all.empty() && exit_code != kPass) {
    return;
  }
  const std::string heading = fmt::format("{:<16}  {:<16}  {:>6}  {:>6}  {:>9}  {:<8}  {}\n", "capture",
                                          "model", "prompt", "cached", "generated", "weights", "file");
  text.insert(0, heading);
  write_output("-", flags.json ? all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text);
}

}  // namespace

void add_capture(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "capture", "Look into capture files, compare, trim, redact them, and choose representative ones");
  command->require_subcommand(1);
  auto flags = std::make_shared<CaptureFlags>();
  const auto add = [&](const char* name, const char* help, const char* paths) {
    auto* verb = command->add_subcommand(name, help);
    verb->add_option("FILE", flags->files, paths)->type_name("")->required();
    return verb;
  };
  auto* show =
      add("show", "Print what a capture holds: model, request, result, placement, origin", "Capture files");
  show->add_flag("--json", flags->json, "The same for machines");
  show->callback([flags] { run_show(*flags); });
  auto* verify =
      add("verify", "Check that captures are whole, to the last byte (exit code 4 if not)", "Capture files");
  verify->callback([flags, &exit_code] { run_verify(*flags, exit_code); });
  auto* list = add("list", "One line for each capture", "Capture files, or folders that hold some");
  list->add_flag("--json", flags->json, "The same for machines");
  list->callback([flags, &exit_code] { run_list(*flags, exit_code); });
  add_capture_diff(*command, exit_code);
  add_capture_trim(*command);
  add_capture_redact(*command);
  add_capture_select(*command, exit_code);
  add_capture_import(*command);
  add_capture_export(*command);
}

}  // namespace reprise::cli
