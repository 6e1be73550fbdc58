#include "tools/cli/capture_call.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/core/utc_time.h"
#include "harness/clock/machine.h"
#include "tools/cli/flags.h"

namespace reprise::cli {
std::string machine_json() {
  const harness::Machine machine = harness::describe_machine();
  nlohmann::ordered_json json;
  json["cpu"] = machine.cpu;
  json["isa"] = machine.isa;
  json["cores"] = machine.cores;
  json["memory_bytes"] = machine.memory_bytes;
  json["os"] = machine.os;
  json["virtualized"] = machine.virtualized;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string lasting_spec(const std::string& model) {
  std::error_code error;
  return !engine::is_made_from_a_name(model) && std::filesystem::exists(model, error)
             ? std::filesystem::absolute(model).lexically_normal().string()
             : model;
}

void save_capture(engine::Recorder& recorder, const engine::Session& session,
                  const engine::GenerateResult& result, const std::string& tokenizer_sha256,
                  const std::string& path) {
  engine::CaptureOrigin origin{engine::build_info(), machine_json(), engine::utc_now(), "explicit"};
  std::string problem;
  try {
    const auto capture = recorder.finish(session, result, std::move(origin), tokenizer_sha256);
    if (capture) {
      const std::string id = engine::write_capture(*capture, path);
      say("captured {} to {}\n", id, path);
      return;
    }
    problem = recorder.problem();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  say("warning: not captured: {}\n", problem);
}

}  // namespace reprise::cli
