#include "engine/model/hugging_face.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/io/model_files.h"
#include "engine/model/folder_text.h"

namespace reprise::engine {
namespace {

using Extents = std::vector<std::int64_t>;

class HuggingFaceModel final : public Model {
 public:
  HuggingFaceModel(const std::string& folder, ModelConfig config, std::string config_json, WeightFiles files)
      : Model(folder, short_name(folder), std::move(config), std::move(config_json)),
        files_(std::move(files)) {
    for (const TensorSpec& tensor : tensors_of(this->config())) {
      set_tensor(tensor, find(tensor));
    }
  }

  [[nodiscard]] std::optional<ModelText> text() const override {
    return read_folder_text(files_.folder(), config());
  }

 protected:
  [[nodiscard]] ModelIdentity compute_identity() const override {
    ModelIdentity identity{"", files_.digests()};
    if (identity.files.size() == 1) {
      identity.sha256 = identity.files.front().second;
      return identity;
    }
    std::string listing;
    for (const auto& [name, digest] : identity.files) {
      listing += name + " " + digest + "\n";
    }
    identity.sha256 = to_hex(sha256(std::as_bytes(std::span(listing))));
    return identity;
  }

 private:
  static std::string short_name(const std::string& folder) {
    const auto path = std::filesystem::weakly_canonical(folder);
    return path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
  }

  /// GPT-2's names stand in published files both bare and under "transformer."; a tied head may be spelled
  /// out.
  const SafetensorsTensor& locate(const std::string& name) const {
    if (const SafetensorsTensor* tensor = files_.find("transformer." + name); tensor != nullptr) {
      return *tensor;
    }
    return files_.at(name);
  }

  AnyTensorView find(const TensorSpec& spec) {
    const StoredTensor stored = hugging_face_tensor(config(), spec);
    const SafetensorsTensor& tensor = locate(stored.name);
    check_form(tensor, spec, stored);
    if (stored.transposed) {
      return transposed(tensor, spec, stored);
    }
    const std::size_t row_bytes = tensor.data.size() / static_cast<std::size_t>(stored.n_rows_stored);
    return {tensor.dtype, tensor.data.data() + static_cast<std::size_t>(stored.first_row) * row_bytes,
            spec.shape};
  }

  void check_form(const SafetensorsTensor& tensor, const TensorSpec& spec, const StoredTensor& stored) const {
    const std::string path = files_.folder().string();
    if (tensor.dtype != DType::f32 && tensor.dtype != DType::f16 && tensor.dtype != DType::bf16) {
      fail(ErrorCode::invalid_data, "{}: {}: dtype: expected f32, f16 or bf16, found {}", path, tensor.name,
           name_of(tensor.dtype));
    }
    Extents expected = {stored.n_rows_stored};
    if (spec.shape.rank() == 2) {
      expected.push_back(spec.shape[1]);
    }
    if (stored.transposed) {
      std::reverse(expected.begin(), expected.end());
    }
    if (tensor.shape != expected) {
      fail(ErrorCode::mismatch, "{}: {}: shape: expected [{}] by config.json, found [{}]", path, tensor.name,
           fmt::join(expected, ", "), fmt::join(tensor.shape, ", "));
    }
  }

  AnyTensorView transposed(const SafetensorsTensor& tensor, const TensorSpec& spec,
                           const StoredTensor& stored) {
    const std::size_t width = size_of(tensor.dtype);
    const auto n_out = static_cast<std::size_t>(spec.shape[0]);
    const auto n_in = static_cast<std::size_t>(spec.shape[1]);
    const auto stored_row = static_cast<std::size_t>(stored.n_rows_stored);
    std::vector<std::byte>& copy = copies_.emplace_back(n_out * n_in * width);
    for (std::size_t i = 0; i < n_in; ++i) {
      const std::byte* column =
          tensor.data.data() + (i * stored_row + static_cast<std::size_t>(stored.first_row)) * width;
      for (std::size_t o = 0; o < n_out; ++o) {
        std::memcpy(copy.data() + (o * n_in + i) * width, column + o * width, width);
      }
    }
    return {tensor.dtype, copy.data(), spec.shape};
  }

  WeightFiles files_;
  std::vector<std::vector<std::byte>> copies_;
};

}  // namespace

std::shared_ptr<const Model> open_hugging_face(const std::string& folder) {
  ModelConfig config = read_config(folder);
  std::string json = read_text_file(std::filesystem::path(folder) / "config.json");
  return std::make_shared<HuggingFaceModel>(folder, std::move(config), std::move(json),
                                            WeightFiles::open(folder));
}

}  // namespace reprise::engine
