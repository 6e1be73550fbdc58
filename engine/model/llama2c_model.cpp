#include "engine/model/llama2c_model.h"

#include <array>
#include <cstring>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/model/limits.h"
#include "engine/text/llama2c_tokenizer.h"

namespace reprise::engine {
namespace {

constexpr std::size_t kHeaderBytes = 7 * sizeof(std::int32_t);
constexpr std::int32_t kLaterMagic = 0x616b3432;  ///< "ak42": versions 1 and 2 of the format
constexpr std::int64_t kLlama3Vocabulary = 65536;

/// The tensors in the order of the file: one of every layer after the other.
constexpr std::array kLayerSlots = {Slot::attention_norm, Slot::q,    Slot::k,    Slot::v, Slot::o,
                                    Slot::ffn_norm,       Slot::gate, Slot::down, Slot::up};

struct Header {
  std::array<std::int32_t, 7> words;

  [[nodiscard]] std::int64_t word(std::size_t i) const { return words[i]; }
};

Header read_header(const MappedFile& file, const std::string& path) {
  if (file.bytes().size() < kHeaderBytes) {
    fail(ErrorCode::invalid_data,
         "{}: header: expected a model: a GGUF file or a llama2.c checkpoint, found {} bytes", path,
         file.bytes().size());
  }
  Header header;
  std::memcpy(header.words.data(), file.bytes().data(), kHeaderBytes);
  if (header.words[0] == kLaterMagic) {
    fail(ErrorCode::unsupported, "{}: header: expected a llama2.c checkpoint of version 0, found version {}",
         path, header.words[1]);
  }
  return header;
}

ModelConfig config_of(const Header& header, const std::string& path) {
  constexpr std::array kNames = {"dim",        "hidden_dim", "n_layers", "n_heads",
                                 "n_kv_heads", "vocab_size", "seq_len"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::int64_t value =
        kNames[i] == std::string_view("vocab_size") ? std::abs(header.word(i)) : header.word(i);
    if (value < 1 || value > (i == 2 ? kMaxLayers : kMaxExtent)) {
      fail(ErrorCode::invalid_data,
           "{}: header: {}: expected a model: a GGUF file or a llama2.c checkpoint, found {}", path,
           kNames[i], header.word(i));
    }
  }
  ModelConfig config;
  config.architecture = "llama";
  config.d_model = header.word(0);
  config.d_ff = header.word(1);
  config.n_layers = header.word(2);
  config.n_heads = header.word(3);
  config.n_kv_heads = header.word(4);
  config.n_vocab = std::abs(header.word(5));
  config.n_context = header.word(6);
  config.tied_head = header.word(5) > 0;
  config.head_dim = config.d_model / config.n_heads;
  if (config.d_model % config.n_heads != 0 || config.head_dim % 2 != 0 ||
      config.n_heads % config.n_kv_heads != 0 || config.n_heads / config.n_kv_heads > 64) {
    fail(ErrorCode::invalid_data,
         "{}: header: n_heads: expected heads of even width in at most 64 for each key-value head, found dim "
         "{}, "
         "n_heads {}, n_kv_heads {}",
         path, config.d_model, config.n_heads, config.n_kv_heads);
  }
  const bool llama3 = config.n_vocab >= kLlama3Vocabulary;
  config.norm_eps = 1e-5F;
  config.rope_theta = llama3 ? 500000 : 10000;
  config.rotary_layout = RotaryLayout::interleaved;
  if (llama3 && config.n_vocab > 128009) {
    config.bos_id = 128000;
    config.eos_ids = {128001, 128009};
  } else if (!llama3 && config.n_vocab > kLlama2cEndId) {
    config.bos_id = kLlama2cBeginId;
    config.eos_ids = {kLlama2cBeginId, kLlama2cEndId};  // llama2.c ends a story where the next would begin
  }
  return config;
}

/// f32 with its rotary tables or without them, or bf16 likewise: whichever the file's size is.
DType stored_dtype(const ModelConfig& config, std::size_t size_bytes, const std::string& path) {
  std::size_t n = 0;  // not n_parameters(): a made-up header's may overflow
  for (const TensorSpec& tensor : tensors_of(config)) {
    n += static_cast<std::size_t>(tensor.shape.count());
    if (n > size_bytes) {
      break;
    }
  }
  const auto tables = static_cast<std::size_t>(config.n_context * config.head_dim);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const std::size_t weights = n * size_of(dtype);
    if (size_bytes == kHeaderBytes + weights ||
        size_bytes == kHeaderBytes + weights + tables * size_of(dtype)) {
      return dtype;
    }
  }
  if (n > size_bytes) {
    fail(ErrorCode::invalid_data,
         "{}: size: expected more than {} bytes for the weights of its header (a model is a GGUF file or a "
         "llama2.c "
         "checkpoint), found {}",
         path, n, size_bytes);
  }
  fail(ErrorCode::invalid_data,
       "{}: size: expected {} or {} bytes of f32, or {} or {} of bf16, for the {} weights of its header "
       "without or with "
       "rotary tables (a model is a GGUF file or a llama2.c checkpoint), found {}",
       path, kHeaderBytes + n * 4, kHeaderBytes + (n + tables) * 4, kHeaderBytes + n * 2,
       kHeaderBytes + (n + tables) * 2, n, size_bytes);
}

class Llama2cModel final : public Model {
 public:
  Llama2cModel(const std::string& path, ModelConfig config, MappedFile file)
      : Model(path, std::filesystem::path(path).stem().string(), config, to_config_json(config)),
        file_(std::move(file)) {
    next_ = file_.bytes().data() + kHeaderBytes;
    const auto specs = tensors_of(this->config());
    take(specs, Slot::token_embedding);
    for (const Slot slot : kLayerSlots) {
      take(specs, slot);
    }
    take(specs, Slot::final_norm);
    skip_tables();
    take(specs, Slot::head);
  }

  [[nodiscard]] std::optional<ModelText> text() const override {
    const std::filesystem::path folder = std::filesystem::path(spec()).parent_path();
    for (const std::string& name :
         {fmt::format("tok{}.bin", config().n_vocab), std::string("tokenizer.bin")}) {
      if (std::filesystem::exists(folder / name)) {
        TokenizerFacts facts;
        facts.bos = config().bos_id;
        facts.eos = config().eos_ids.empty() ? std::nullopt : std::optional(config().eos_ids.back());
        facts.add_bos = facts.bos.has_value();
        return ModelText{read_llama2c_tokenizer(folder / name, config().n_vocab), facts};
      }
    }
    return std::nullopt;
  }

 protected:
  [[nodiscard]] ModelIdentity compute_identity() const override {
    const std::string digest = to_hex(sha256(file_.bytes()));
    return {digest, {{std::filesystem::path(spec()).filename().string(), digest}}};
  }

 private:
  /// Every tensor of the slot, layer by layer.
  void take(const std::vector<TensorSpec>& specs, Slot slot) {
    for (const TensorSpec& spec : specs) {
      if (spec.slot == slot) {
        const AnyTensorView view(config().stored_dtype, next_, spec.shape);
        set_tensor(spec, view);
        next_ += view.size_bytes();
      }
    }
  }

  /// Before a head of its own stand the tables, where the file has them.
  void skip_tables() {
    const std::size_t width = size_of(config().stored_dtype);
    const auto n_head = config().tied_head ? std::int64_t{0} : config().n_vocab * config().d_model;
    const std::byte* head =
        file_.bytes().data() + file_.bytes().size() - static_cast<std::size_t>(n_head) * width;
    next_ = head;
  }

  MappedFile file_;
  const std::byte* next_ = nullptr;
};

}  // namespace

std::shared_ptr<const Model> open_llama2c(const std::string& path) {
  MappedFile file = MappedFile::open(path);
  ModelConfig config = config_of(read_header(file, path), path);
  config.stored_dtype = stored_dtype(config, file.bytes().size(), path);
  return std::make_shared<Llama2cModel>(path, std::move(config), std::move(file));
}

}  // namespace reprise::engine
