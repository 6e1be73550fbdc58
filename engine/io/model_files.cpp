#include "engine/io/model_files.h"

#include <algorithm>
#include <set>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/io/printable.h"

namespace reprise::engine {
namespace {

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

/// Tensor name to file name, as the index says; every file name is one of the folder itself.
std::map<std::string, std::string> read_weight_map(const std::filesystem::path& path) {
  const nlohmann::json index = read_json_file(path);
  const auto found = index.is_object() ? index.find("weight_map") : index.end();
  if (found == index.end() || !found->is_object() || found->empty()) {
    fail(ErrorCode::invalid_data, "{}: weight_map: expected an object of tensor and file names, found {}",
         path.string(),
         found == index.end() ? "none"
         : found->empty()     ? "an empty one"
                              : found->type_name());
  }
  std::map<std::string, std::string> weight_map;
  for (const auto& [tensor, file] : found->items()) {
    if (!file.is_string()) {
      fail(ErrorCode::invalid_data, "{}: weight_map: '{}': expected a file name, found {}", path.string(),
           printable(tensor), file.type_name());
    }
    const auto& name = file.get_ref<const std::string&>();
    if (name.empty() || name == "." || name.find("..") != std::string::npos ||
        name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
      fail(ErrorCode::invalid_data,
           "{}: weight_map: '{}': expected the name of a file beside the index, found '{}'", path.string(),
           printable(tensor), printable(name));
    }
    weight_map.emplace(tensor, name);
  }
  return weight_map;
}

}  // namespace

WeightFiles WeightFiles::open(const std::filesystem::path& folder) {
  std::error_code error;  // what cannot be looked at is as good as missing
  WeightFiles weights;
  weights.folder_ = folder;
  if (std::filesystem::exists(folder / kSingleFile, error)) {
    weights.add_file(kSingleFile);
    return weights;
  }
  if (!std::filesystem::exists(folder / kIndexFile, error)) {
    fail(ErrorCode::not_found, "{}: expected a folder with {} or {}, found neither", folder.string(),
         kSingleFile, kIndexFile);
  }
  const std::map<std::string, std::string> weight_map = read_weight_map(folder / kIndexFile);
  std::set<std::string> names;
  for (const auto& [tensor, file] : weight_map) {
    names.insert(file);
  }
  for (const std::string& name : names) {
    weights.add_file(name);
  }
  weights.check_weight_map(weight_map);
  return weights;
}

void WeightFiles::add_file(const std::string& file_name) {
  SafetensorsFile file = SafetensorsFile::open(folder_ / file_name);
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const std::string& name = file.tensors()[i].name;
    const auto [place, is_new] = index_.try_emplace(name, Place{files_.size(), i});
    if (!is_new) {
      fail(ErrorCode::invalid_data, "{}: tensor '{}': expected in one file, found in {} too",
           file.path().string(), printable(name), files_[place->second.file].path().filename().string());
    }
  }
  files_.push_back(std::move(file));
}

void WeightFiles::check_weight_map(const std::map<std::string, std::string>& weight_map) const {
  for (const auto& [tensor, file] : weight_map) {
    const auto place = index_.find(tensor);
    const std::string found =
        place == index_.end() ? "no file" : files_[place->second.file].path().filename().string();
    if (found != file) {
      fail(ErrorCode::mismatch, "{}: weight_map: tensor '{}': expected in {}, found in {}",
           (folder_ / kIndexFile).string(), printable(tensor), file, found);
    }
  }
}

const SafetensorsTensor* WeightFiles::find(std::string_view name) const {
  const auto place = index_.find(name);
  return place == index_.end() ? nullptr : &files_[place->second.file].tensors()[place->second.tensor];
}

const SafetensorsTensor& WeightFiles::at(std::string_view name) const {
  const SafetensorsTensor* tensor = find(name);
  if (tensor == nullptr) {
    fail(ErrorCode::not_found, "{}: tensor '{}': expected to be there, found {} other tensors",
         folder_.string(), printable(name), index_.size());
  }
  return *tensor;
}

std::vector<const SafetensorsTensor*> WeightFiles::tensors() const {
  std::vector<const SafetensorsTensor*> all;
  all.reserve(index_.size());
  for (const SafetensorsFile& file : files_) {
    for (const SafetensorsTensor& tensor : file.tensors()) {
      all.push_back(&tensor);
    }
  }
  return all;
}

std::vector<std::filesystem::path> WeightFiles::files() const {
  std::vector<std::filesystem::path> paths;
  for (const SafetensorsFile& file : files_) {
    paths.push_back(file.path());
  }
  return paths;
}

std::vector<std::pair<std::string, std::string>> WeightFiles::digests() const {
  std::vector<std::pair<std::string, std::string>> digests;
  for (const SafetensorsFile& file : files_) {
    digests.emplace_back(file.path().filename().string(), to_hex(sha256(file.bytes())));
  }
  return digests;
}

}  // namespace reprise::engine
