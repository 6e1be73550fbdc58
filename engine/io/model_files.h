/// The weight files of a Hugging Face model folder: one `model.safetensors`, or the shards that
/// `model.safetensors.index.json` lists, seen as one set of tensors. Knows files, not architectures.
/// Used by the model loader, and by captures, which name a model by the digests of its files.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/io/safetensors.h"

namespace reprise::engine {

class WeightFiles {
 public:
  /// `model.safetensors` is preferred when both are there, as the transformers library does.
  /// Errors: those of SafetensorsFile::open; neither file there; an index that is not JSON of the known form
  /// or names a file outside the folder; a tensor that is not in the shard the index names, or in two shards.
  static WeightFiles open(const std::filesystem::path& folder);

  /// Null when no file has it.
  [[nodiscard]] const SafetensorsTensor* find(std::string_view name) const;
  /// Errors: not_found, naming folder and tensor.
  [[nodiscard]] const SafetensorsTensor& at(std::string_view name) const;
  /// All tensors: files in the order of files(), then as they stand in each. Valid while this object lives,
  /// moves included.
  [[nodiscard]] std::vector<const SafetensorsTensor*> tensors() const;

  /// Weight files, sorted by name; the index is not one of them.
  [[nodiscard]] std::vector<std::filesystem::path> files() const;
  /// (file name without folder, SHA-256 in hex) of each, in the order of files(). Reads every byte: slow.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> digests() const;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  WeightFiles() = default;
  void add_file(const std::string& file_name);
  void check_weight_map(const std::map<std::string, std::string>& weight_map) const;

  struct Place {
    std::size_t file;
    std::size_t tensor;
  };

  std::filesystem::path folder_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Place, std::less<>> index_;
};

}  // namespace reprise::engine
