/// reprise capture import and export: a `gen` call of fuchat's Futhark programs as a capture, and the
/// reverse.
#include <fmt/format.h>

#include "engine/capture/recorder.h"
#include "engine/core/error.h"
#include "engine/core/utc_time.h"
#include "engine/model/convert.h"
#include "engine/serve/futhark/data_in.h"
#include "tools/cli/app.h"
#include "tools/cli/capture_call.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

namespace futhark = engine::futhark;

struct ImportFlags {
  std::string data;
  std::string out;
  std::string model;
  std::string model_out;
};

struct ExportFlags {
  std::string capture;
  std::string data;
  std::string program;
};

/// The model that the capture will name: one that is there, or the data's weights as a folder.
std::shared_ptr<const engine::Model> model_for(const futhark::DataIn& data, const ImportFlags& flags) {
  if (flags.model.empty() == flags.model_out.empty()) {
    fail(ErrorCode::invalid_argument,
         "capture import: expected --model MODEL, which has the data's weights, or --model-out FOLDER, to "
         "write "
         "them, found {}",
         flags.model.empty() ? "neither" : "both");
  }
  if (!flags.model.empty()) {
    auto model = engine::Model::open(flags.model);
    futhark::check_same_weights(data, model);
    return model;
  }
  engine::write_hugging_face(*data.inputs.params->model(), flags.model_out);
  return engine::Model::open(std::filesystem::absolute(flags.model_out).lexically_normal().string());
}

void run_import(const ImportFlags& flags, const PlacementFlags& placement) {
  const futhark::DataIn data = futhark::read_data_in(flags.data);
  auto request = futhark::request_of(data.inputs);
  if (!request) {
    fail(ErrorCode::invalid_data, "{}: expected a call that draws a token, found one that draws none",
         flags.data);
  }
  const engine::Placement where = placement.placement(futhark::qwen_placement(data.element));
  const futhark::Params params(futhark::params_type(data.element), model_for(data, flags));
  engine::Session& session = data.inputs.cache->session(params, where, data.inputs.xsat);
  request->prompt_ids.insert(request->prompt_ids.begin(), session.history().begin(), session.history().end());
  engine::Recorder recorder(session, *request);
  const engine::GenerateResult result = engine::generate(session, *request, &recorder);
  engine::CaptureOrigin origin{engine::build_info(), machine_json(), engine::utc_now(), "import"};
  const auto capture = recorder.finish(session, result, std::move(origin), "");
  if (!capture) {
    fail(ErrorCode::io, "{}: not captured: {}", flags.data, recorder.problem());
  }
  const std::string id = engine::write_capture(*capture, flags.out);
  say("captured {} to {}: {} tokens cached, {} new, {} generated\n", id, flags.out, result.n_cached,
      result.n_prompt, result.generated_ids.size());
  if (result.n_cached > 0) {
    say("note: the data does not say which tokens are cached, only their rows: replay it at these precisions, with "
        "the KV cache on\n");
  }
}

void run_export(const ExportFlags& flags, harness::ModelFinder finder) {
  const engine::Capture capture = engine::read_capture(flags.capture);
  const bool is_half = capture.placement.precision == "f16";
  const std::string program = !flags.program.empty() ? flags.program : is_half ? "qwen-f16" : "qwen-f32";
  futhark::write_data_in(capture, finder.find(capture), *futhark::qwen_element(program), flags.data);
  say("wrote the inputs of gen, for {}, to {}\n", program, flags.data);
}

}  // namespace

void add_capture_import(CLI::App& capture_command) {
  auto* command = capture_command.add_subcommand(
      "import", "Make a capture of a Futhark program's data.in: the inputs of fuchat's gen");
  set_examples(*command,
               "Examples:\n"
               "  reprise capture import data.in --out call.safetensors --model models/Qwen3-0.6B\n"
               "  reprise capture import data.in --out call.safetensors --model-out models/from-data\n");
  auto flags = std::make_shared<ImportFlags>();
  command
      ->add_option("DATA", flags->data, "xsat, xs, Params, Cache, eos_token_id and max_new_tokens in order")
      ->type_name("")
      ->required();
  command->add_option("--out", flags->out, "The capture to write")->required();
  command->add_option("--model", flags->model, "A model with the same weights, which is compared");
  command->add_option("--model-out", flags->model_out, "A folder for the weights, in Hugging Face's form");
  auto placement = std::make_shared<PlacementFlags>(*command);
  command->callback([=] { run_import(*flags, *placement); });
}

void add_capture_export(CLI::App& capture_command) {
  auto* command =
      capture_command.add_subcommand("export", "Write a captured call for a Futhark program, as a data.in");
  set_examples(*command,
               "Example:\n"
               "  reprise capture export call.safetensors --futhark data.in --model models/Qwen3-0.6B\n");
  auto flags = std::make_shared<ExportFlags>();
  command->add_option("CAPTURE", flags->capture, "A capture file")->type_name("")->required();
  command->add_option("--futhark", flags->data, "The file to write: as large as the weights and the cache")
      ->required();
  command
      ->add_option("--program", flags->program,
                   "qwen-f32 or qwen-f16 (default: as the weights were when captured)")
      ->check(CLI::IsMember({"qwen-f32", "qwen-f16"}));
  auto model = std::make_shared<ModelFlags>(*command);
  command->callback([=] { run_export(*flags, model->finder()); });
}

}  // namespace reprise::cli
