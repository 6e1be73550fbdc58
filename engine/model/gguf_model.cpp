#include "engine/model/gguf_model.h"

#include <array>
#include <cstring>
#include <fstream>
#include <set>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"

namespace reprise::engine {
namespace {

class GgufModel final : public Model {
 public:
  GgufModel(const std::string& path, ModelConfig config, GgufFile file)
      : Model(path, std::filesystem::path(path).stem().string(), config, to_config_json(config)),
        file_(std::move(file)) {
    for (const TensorSpec& tensor : tensors_of(this->config())) {
      set_tensor(tensor, find(tensor));
    }
    refuse_other_tensors();
  }

  [[nodiscard]] std::optional<ModelText> text() const override {
    if (!file_.has("tokenizer.ggml.model") || file_.text("tokenizer.ggml.model") == "no_vocab") {
      return std::nullopt;
    }
    return ModelText{read_tokenizer_gguf(file_), read_tokenizer_facts(file_)};
  }

 protected:
  [[nodiscard]] ModelIdentity compute_identity() const override {
    const std::string digest = to_hex(sha256(file_.bytes()));
    return {digest, {{file_.path().filename().string(), digest}}};
  }

 private:
  AnyTensorView find(const TensorSpec& spec) const {
    const StoredTensor stored = gguf_tensor(config(), spec);
    const GgufTensor& tensor = file_.at(stored.name);
    check_form(tensor, spec, stored);
    const std::size_t row_bytes = tensor.data.size() / static_cast<std::size_t>(stored.n_rows_stored);
    return {tensor.dtype, tensor.data.data() + static_cast<std::size_t>(stored.first_row) * row_bytes,
            spec.shape};
  }

  /// What is not computed with would silently make another model of it.
  void refuse_other_tensors() const {
    std::set<std::string> known = {"rope_freqs.weight"};
    for (const TensorSpec& spec : tensors_of(config())) {
      known.insert(gguf_tensor(config(), spec).name);
    }
    for (const GgufTensor& tensor : file_.tensors()) {
      if (!known.contains(tensor.name)) {
        fail(ErrorCode::unsupported,
             "{}: {}: expected only tensors that a {} of this configuration has, found another",
             file_.path().string(), printable(tensor.name), config().architecture);
      }
    }
  }

  void check_form(const GgufTensor& tensor, const TensorSpec& spec, const StoredTensor& stored) const {
    const bool is_float =
        tensor.dtype == DType::f32 || tensor.dtype == DType::f16 || tensor.dtype == DType::bf16;
    const bool is_vector = spec.shape.rank() == 1;
    if (!is_float && (is_vector || !is_block_format(tensor.dtype))) {
      fail(ErrorCode::invalid_data, "{}: {}: type: expected {}, found {}", file_.path().string(), tensor.name,
           is_vector ? "f32, f16 or bf16" : "a float or block format", name_of(tensor.dtype));
    }
    std::vector<std::int64_t> expected = {stored.n_rows_stored};
    if (!is_vector) {
      expected.push_back(spec.shape[1]);
    }
    if (tensor.shape != expected) {
      fail(ErrorCode::mismatch, "{}: {}: shape: expected [{}] by the metadata, found [{}]",
           file_.path().string(), tensor.name, fmt::join(expected, ", "), fmt::join(tensor.shape, ", "));
    }
  }

  GgufFile file_;
};

/// A tokenizer may have fewer tokens than the embedding rows, never more.
void check_vocabulary(const GgufFile& file, const ModelConfig& config) {
  if (!file.has("tokenizer.ggml.tokens")) {
    return;
  }
  const std::size_t n_tokens = file.texts("tokenizer.ggml.tokens").size();
  if (std::cmp_greater(n_tokens, config.n_vocab)) {
    fail(ErrorCode::mismatch,
         "{}: tokenizer.ggml.tokens: expected at most the {} rows of token_embd.weight, found {}",
         file.path().string(), config.n_vocab, n_tokens);
  }
}

}  // namespace

bool begins_as_gguf(const std::string& path) {
  std::array<char, 4> magic = {};
  std::ifstream file(path, std::ios::binary);
  return file.read(magic.data(), magic.size()) && std::memcmp(magic.data(), "GGUF", magic.size()) == 0;
}

std::shared_ptr<const Model> open_gguf(const std::string& path) {
  GgufFile file = GgufFile::open(path);
  ModelConfig config = gguf_config(file);
  check_vocabulary(file, config);
  return std::make_shared<GgufModel>(path, std::move(config), std::move(file));
}

}  // namespace reprise::engine
