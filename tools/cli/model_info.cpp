/// reprise model info: what a model is, without computing with it.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "engine/core/block_formats.h"
#include "engine/model/model.h"
#include "harness/report/units.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/model_text.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using engine::DType;

constexpr std::int64_t kPositions = 1000;

struct InfoFlags {
  std::string model;
  bool tensors = false;
  bool json = false;
};

struct TensorInfo {
  std::string name;
  engine::AnyTensorView view;
};

std::vector<TensorInfo> tensors_in(const engine::Model& model) {
  std::vector<TensorInfo> tensors;
  for (const engine::TensorSpec& spec : engine::tensors_of(model.config())) {
    const std::string name(engine::name_of(spec.slot));
    tensors.push_back({spec.layer == engine::kNoLayer ? name : fmt::format("layers.{}.{}", spec.layer, name),
                       model.tensor(spec.slot, spec.layer)});
  }
  return tensors;
}

/// Bytes of weights at a precision: matrices in it, vectors in f32; nothing where blocks do not fit the rows.
std::optional<std::int64_t> weights_bytes(const std::vector<TensorInfo>& tensors, DType precision) {
  std::int64_t bytes = 0;
  for (const TensorInfo& tensor : tensors) {
    const engine::Shape shape = tensor.view.shape();
    const bool is_vector = shape.rank() == 1;
    if (!is_vector && shape[1] % engine::block_extent(precision) != 0) {
      return std::nullopt;
    }
    bytes += static_cast<std::int64_t>(engine::bytes_of(is_vector ? DType::f32 : precision, shape.count()));
  }
  return bytes;
}

std::optional<std::int64_t> kv_bytes(const engine::ModelConfig& config, DType precision) {
  return config.head_dim % engine::block_extent(precision) != 0
             ? std::nullopt
             : std::optional(kPositions * config.kv_bytes_per_position(precision));
}

std::string shape_text(const engine::Shape& shape) {
  return shape.rank() == 1 ? fmt::format("[{}]", shape[0]) : fmt::format("[{}, {}]", shape[0], shape[1]);
}

nlohmann::ordered_json info_of(const engine::Model& model) {
  const engine::ModelConfig& c = model.config();
  const auto tensors = tensors_in(model);
  nlohmann::ordered_json json;
  json["name"] = model.name();
  json["architecture"] = c.architecture;
  json["parameters"] = c.n_parameters();
  json["config"] = nlohmann::ordered_json::parse(model.config_json());
  json["tokenizer"] = nullptr;
  if (const auto text = text_if_readable(model); text) {
    json["tokenizer"] =
        text->kind == engine::TokenizerKind::sentence_piece ? "SentencePiece BPE" : "byte-level BPE";
  }
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> stored;  // dtype: tensors, bytes
  for (const TensorInfo& tensor : tensors) {
    auto& [count, bytes] = stored[std::string(engine::name_of(tensor.view.dtype()))];
    ++count;
    bytes += static_cast<std::int64_t>(tensor.view.size_bytes());
    nlohmann::ordered_json entry;
    entry["name"] = tensor.name;
    entry["dtype"] = engine::name_of(tensor.view.dtype());
    for (std::size_t axis = 0; axis < tensor.view.shape().rank(); ++axis) {
      entry["shape"].push_back(tensor.view.extent(axis));
    }
    json["tensors"].push_back(std::move(entry));
  }
  for (const auto& [name, part] : stored) {
    json["stored"][name] = {{"tensors", part.first}, {"bytes", part.second}};
  }
  json["sha256"] = model.identity().sha256;
  for (const auto& [file, digest] : model.identity().files) {
    json["files"][file] = digest;
  }
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::int8, DType::int4}) {
    const auto bytes = weights_bytes(tensors, dtype);
    json["weights_bytes"][std::string(engine::name_of(dtype))] =
        bytes ? nlohmann::ordered_json(*bytes) : nlohmann::ordered_json(nullptr);
  }
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::int8}) {
    const auto bytes = kv_bytes(c, dtype);
    json["kv_bytes_per_1000_positions"][std::string(engine::name_of(dtype))] =
        bytes ? nlohmann::ordered_json(*bytes) : nlohmann::ordered_json(nullptr);
  }
  return json;
}

std::string memory_line(const nlohmann::ordered_json& by_precision) {
  std::string line;
  for (const auto& [name, bytes] : by_precision.items()) {
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", name,
                        bytes.is_null() ? "not possible" : harness::format_bytes(bytes.get<std::int64_t>()));
  }
  return line;
}

std::string as_text(const engine::Model& model, const nlohmann::ordered_json& info, bool with_tensors) {
  const engine::ModelConfig& c = model.config();
  std::string stored;
  for (const auto& [name, part] : info["stored"].items()) {
    stored += fmt::format("{}{} in {} ({})", stored.empty() ? "" : ", ", part["tensors"].get<int>(), name,
                          harness::format_bytes(part["bytes"].get<std::int64_t>()));
  }
  std::string text = fmt::format(
      "name          {}\n"
      "architecture  {}: {} layers, width {}, feed-forward {}, {} heads of {} ({} key-value heads)\n"
      "vocabulary    {} tokens{}; tokenizer: {}\n"
      "context       {} positions\n"
      "parameters    {}\n"
      "tensors       {}\n"
      "sha256        {}\n",
      info["name"].get<std::string>(), c.architecture, c.n_layers, c.d_model, c.d_ff, c.n_heads, c.head_dim,
      c.n_kv_heads, c.n_vocab, c.tied_head ? ", head tied to the embedding" : "",
      info["tokenizer"].is_null() ? "none" : info["tokenizer"].get<std::string>(), c.n_context,
      c.n_parameters(), stored, info["sha256"].get<std::string>());
  for (const auto& [file, digest] : model.identity().files) {
    text += fmt::format("  {}  {}\n", file, digest);
  }
  text += fmt::format("weights       {}\nkv cache      {} (per 1,000 positions)\n",
                      memory_line(info["weights_bytes"]), memory_line(info["kv_bytes_per_1000_positions"]));
  if (with_tensors) {
    for (const TensorInfo& tensor : tensors_in(model)) {
      text += fmt::format("  {:<28} {:<5} {}\n", tensor.name, engine::name_of(tensor.view.dtype()),
                          shape_text(tensor.view.shape()));
    }
  }
  return text;
}

}  // namespace

void add_model_info(CLI::App& model_command, int& /*exit_code*/) {
  auto* command = model_command.add_subcommand(
      "info", "Architecture, parameters, tensors, precisions, digests, and the memory a model needs");
  set_examples(*command,
               "Examples:\n"
               "  reprise model info model.gguf --tensors\n"
               "  reprise model info synthetic:qwen3-0.6b --json\n");
  auto flags = std::make_shared<InfoFlags>();
  command->add_option("MODEL", flags->model, "As for `generate`")->type_name("")->required();
  command->add_flag("--tensors", flags->tensors, "List every tensor");
  command->add_flag("--json", flags->json, "Print all of it as JSON");
  command->callback([flags] {
    const auto model = engine::Model::open(flags->model);
    const auto info = info_of(*model);
    write_output("-", flags->json ? info.dump(2) + "\n" : as_text(*model, info, flags->tensors));
  });
}

}  // namespace reprise::cli
