/// Finds the model a capture names by digest.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/capture/capture.h"
#include "engine/model/model.h"

namespace reprise::harness {

/// Models opened so far, so that the rows of a matrix and several captures share them.
class ModelFinder {
 public:
  /// `explicit_model`: what the user named, or empty; used whatever its digest, which the replay then checks.
  /// Otherwise the capture's own hint is tried, then each of `folders` and its sub-folders.
  ModelFinder(std::string explicit_model, std::vector<std::filesystem::path> folders)
      : explicit_model_(std::move(explicit_model)), folders_(std::move(folders)) {}

  /// Errors: those of Model::open for an explicit model; not_found, naming the digest and the places looked
  /// at.
  std::shared_ptr<const engine::Model> find(const engine::Capture& capture);

 private:
  std::shared_ptr<const engine::Model> open(const std::string& spec);
  /// The model of `spec` if it opens and has the digest, else null and, in `found`, what is there instead.
  std::shared_ptr<const engine::Model> matching(const std::string& spec, const engine::Capture& capture,
                                                std::string& found);

  std::string explicit_model_;
  std::vector<std::filesystem::path> folders_;
  std::vector<std::shared_ptr<const engine::Model>> opened_;
};

}  // namespace reprise::harness
