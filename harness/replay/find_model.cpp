#include "harness/replay/find_model.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/io/printable.h"

namespace reprise::harness {

std::shared_ptr<const engine::Model> ModelFinder::open(const std::string& spec) {
  for (const auto& model : opened_) {
    if (model->spec() == spec) {
      return model;
    }
  }
  return opened_.emplace_back(engine::Model::open(spec));
}

std::shared_ptr<const engine::Model> ModelFinder::matching(const std::string& spec,
                                                           const engine::Capture& capture) {
  try {
    // The architecture is read from config.json: only a folder that could match is hashed.
    const auto model = open(spec);
    const bool same = model->config().architecture == capture.model.architecture &&
                      model->config().n_parameters() == capture.model.parameters &&
                      model->identity().sha256 == capture.model.sha256;
    return same ? model : nullptr;
  } catch (const Error&) {
    return nullptr;  // not a model, or not one this build reads: look on
  }
}

std::shared_ptr<const engine::Model> ModelFinder::find(const engine::Capture& capture) {
  if (!explicit_model_.empty()) {
    return open(explicit_model_);
  }
  if (auto model = matching(capture.model.spec, capture); model != nullptr) {
    return model;
  }
  std::string searched;
  for (const std::filesystem::path& folder : folders_) {
    searched += ", " + folder.string();
    std::error_code error;
    std::vector<std::filesystem::path> candidates = {folder};
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      candidates.push_back(entry.path());
    }
    std::sort(candidates.begin(), candidates.end());
    for (const std::filesystem::path& candidate : candidates) {
      if (auto model = matching(candidate.string(), capture); model != nullptr) {
        return model;
      }
    }
  }
  fail(ErrorCode::not_found,
       "model {} ({}): expected digest {} in {}{}, found no such model; name it with --model",
       engine::printable(capture.model.name), engine::printable(capture.model.architecture),
       capture.model.sha256, engine::printable(capture.model.spec), searched);
}

}  // namespace reprise::harness
