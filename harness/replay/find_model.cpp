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
                                                           const engine::Capture& capture,
                                                           std::string& found) {
  try {
    // The configuration is read first: only a model that could match is hashed.
    if (!engine::is_made_from_a_name(spec)) {
      std::error_code error;
      if (!std::filesystem::exists(spec, error)) {
        found = "no such model";
        return nullptr;
      }
      const engine::ModelConfig config =
          std::filesystem::is_directory(spec, error) ? engine::read_config(spec) : open(spec)->config();
      if (config.architecture != capture.model.architecture ||
          config.n_parameters() != capture.model.parameters) {
        found = "a model of another shape";
        std::erase_if(opened_, [&](const auto& model) { return model->spec() == spec; });
        return nullptr;
      }
    }
    const auto model = open(spec);
    if (model->identity().sha256 == capture.model.sha256) {
      return model;
    }
    found = "digest " + model->identity().sha256;
  } catch (const Error& error) {
    found = error.what();  // not a model, or not one this build reads: look on
  }
  std::erase_if(opened_, [&](const auto& model) { return model->spec() == spec; });
  return nullptr;
}

std::shared_ptr<const engine::Model> ModelFinder::find(const engine::Capture& capture) {
  if (!explicit_model_.empty()) {
    return open(explicit_model_);
  }
  std::string found_at_hint;
  if (auto model = matching(capture.model.spec, capture, found_at_hint); model != nullptr) {
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
      std::string found;
      if (auto model = matching(candidate.string(), capture, found); model != nullptr) {
        return model;
      }
    }
  }
  fail(ErrorCode::not_found, "model {} ({}): expected digest {} in {}{}, found {}; name it with --model",
       engine::printable(capture.model.name), engine::printable(capture.model.architecture),
       capture.model.sha256, engine::printable(capture.model.spec), searched,
       engine::printable(found_at_hint, 200));
}

}  // namespace reprise::harness
