#include "engine/capture/redact.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/capture/recorder.h"
#include "engine/core/error.h"
#include "engine/core/philox.h"
#include "engine/core/utc_time.h"
#include "engine/generate/generate.h"

namespace reprise::engine {
namespace {

/// Hugging Face's tools write there where a model was loaded from.
constexpr const char* kPathKey = "_name_or_path";

/// Also of parts, such as "text_config".
void erase_path(nlohmann::ordered_json& config) {
  if (config.is_object()) {
    config.erase(kPathKey);
  }
  if (config.is_structured()) {
    for (auto& part : config) {
      erase_path(part);
    }
  }
}

std::string without_path(const std::string& config_json) {
  auto config = nlohmann::ordered_json::parse(config_json, nullptr, false);
  if (!config.is_object()) {
    return config_json;
  }
  erase_path(config);
  return config.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Placement placement_of(const Placement& captured) {
  Placement placement;
  // A mixture has no name that could be asked for, but is what its model stores.
  placement.precision = captured.precision.find('+') == std::string::npos ? captured.precision : "native";
  placement.kv_precision = captured.kv_precision;
  placement.kv_cache = captured.kv_cache;
  return placement;
}

}  // namespace

TokenPermutation::TokenPermutation(std::int64_t n_vocab, std::uint64_t seed, std::span<const TokenId> kept)
    : to_(static_cast<std::size_t>(n_vocab)) {
  std::iota(to_.begin(), to_.end(), 0);
  for (std::size_t i = to_.size(); i-- > 1;) {  // Fisher and Yates, as Durstenfeld 1964
    const auto words = philox4x32_10({static_cast<std::uint32_t>(i), 0, 0, 0}, philox_key(seed));
    std::swap(to_[i], to_[static_cast<std::size_t>((std::uint64_t{words[0]} * (i + 1)) >> 32)]);
  }
  // Each kept id changes places with what would have become it: all others go where they go without it.
  for (const TokenId id : kept) {
    if (id >= 0 && id < n_vocab) {
      const auto other = std::find(to_.begin(), to_.end(), id);
      std::swap(*other, to_[static_cast<std::size_t>(id)]);
    }
  }
}

std::vector<TokenId> TokenPermutation::operator()(std::span<const TokenId> ids) const {
  std::vector<TokenId> permuted;
  permuted.reserve(ids.size());
  for (const TokenId id : ids) {
    permuted.push_back((*this)(id));
  }
  return permuted;
}

Capture redacted(const Capture& capture, const std::shared_ptr<const Model>& model,
                 const TokenPermutation& permutation) {
  if (model->identity().sha256 != capture.model.sha256) {
    fail(ErrorCode::mismatch, "{}: expected the captured model, digest {}, found {}", model->spec(),
         capture.model.sha256, model->identity().sha256);
  }
  GenerateRequest request = capture.request;
  request.prompt_ids = permutation(capture.request.prompt_ids);
  request.max_new_tokens = capture.n_generated();
  request.eos_ids.clear();
  Session session(model, placement_of(capture.placement),
                  {.n_positions = capture.n_prompt() + capture.n_generated()});
  if (capture.n_cached > 0 && session.placement().kv_cache) {
    session.append(std::span(request.prompt_ids).first(static_cast<std::size_t>(capture.n_cached)));
  }
  Recorder recorder(session, request, {.n_top = capture.steps.n_top, .kv_rows = false});
  const GenerateResult result = generate(session, request, &recorder);
  CaptureOrigin origin{build_info(), "{}", utc_now(), capture.origin.policy + ", redacted"};
  auto again = recorder.finish(session, result, std::move(origin), capture.model.tokenizer_sha256);
  if (!again) {
    fail(ErrorCode::invalid_data, "{}: expected the call to be recorded, found: {}", model->spec(),
         recorder.problem());
  }
  again->model.config_json = without_path(again->model.config_json);
  if (!is_made_from_a_name(again->model.spec)) {
    again->model.spec = again->model.name;
  }
  return std::move(*again);
}

}  // namespace reprise::engine
