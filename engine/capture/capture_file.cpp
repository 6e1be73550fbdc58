#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>

#include "engine/capture/capture.h"
#include "engine/capture/capture_fields.h"
#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/io/safetensors.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::json;
using Extents = std::vector<std::int64_t>;

constexpr const char* kFormat = "reprise.capture";
constexpr const char* kTrailer = "digest.sha256";
/// Features a reader must know to understand a file. This reader knows these.
constexpr const char* kRequiresKvRows = "kv_rows";

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

RequestFields to_fields(const GenerateRequest& request) {
  const SamplingParameters& s = request.sampling;
  return {
      request.max_new_tokens, request.eos_ids, s.repetition_penalty, s.temperature, s.top_k, s.top_p, s.min_p,
      std::to_string(s.seed)};
}

/// safetensors knows no blocks: int8 rows are stored as their bytes.
DType stored_as(DType kv) {
  return is_block_format(kv) ? DType::u8 : kv;
}
std::int64_t stored_row(DType kv, std::int64_t head_dim) {
  return is_block_format(kv) ? static_cast<std::int64_t>(bytes_of(kv, head_dim)) : head_dim;
}

void add_tensors(SafetensorsWriter& writer, const Capture& c, const std::vector<std::int64_t>& prompt,
                 const std::vector<std::int64_t>& generated, const std::vector<std::int64_t>& top) {
  const std::int64_t n = c.n_generated();
  writer.add("prompt_ids", DType::i64, {c.n_prompt()}, bytes_of(prompt));
  writer.add("generated_ids", DType::i64, {n}, bytes_of(generated));
  writer.add("steps.logits_xxh3", DType::u64, {n}, bytes_of(c.steps.logits_digests));
  writer.add("steps.top_ids", DType::i64, {n, c.steps.n_top}, bytes_of(top));
  writer.add("steps.top_logits", DType::f32, {n, c.steps.n_top}, bytes_of(c.steps.top_logits));
  writer.add("steps.logsumexp", DType::f64, {n}, bytes_of(c.steps.logsumexp));
  writer.add("steps.seconds", DType::f64, {n}, bytes_of(c.steps.token_seconds));
  if (c.kv) {
    const Extents shape = {c.kv->n_layers, c.kv->n_kv_heads, c.n_cached,
                           stored_row(c.kv->dtype, c.kv->head_dim)};
    writer.add("kv.keys", stored_as(c.kv->dtype), shape, c.kv->keys);
    writer.add("kv.values", stored_as(c.kv->dtype), shape, c.kv->values);
  }
}

void set_metadata(SafetensorsWriter& writer, const Capture& c) {
  const ResultFields result = {c.n_cached, c.n_prompt(), c.n_generated(), c.steps.n_top, c.finish_reason};
  writer.set_metadata("format", kFormat);
  writer.set_metadata("version", fmt::format("{}.{}", kCaptureMajor, kCaptureMinor));
  writer.set_metadata("requires", c.kv ? Json::array({kRequiresKvRows}).dump() : "[]");
  writer.set_metadata("model", to_json_text(c.model));
  writer.set_metadata("model_config", c.model.config_json);
  writer.set_metadata("request", to_json_text(to_fields(c.request)));
  writer.set_metadata("result", to_json_text(result));
  writer.set_metadata("placement", to_json_text(to_fields(c.placement)));
  writer.set_metadata("build", to_json_text(c.origin.build));
  writer.set_metadata("machine", c.origin.machine_json);
  writer.set_metadata("created", c.origin.created);
  writer.set_metadata("policy", c.origin.policy);
}

/// Reads one file into a Capture; every member function checks what it reads.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : path_(path.string()), file_(SafetensorsFile::open(path)) {}

  Capture read() {
    check_digest();
    check_format();
    Capture c;
    c.id = digest_.substr(0, 16);
    c.model = section<CapturedModel>("model");
    c.model.config_json = metadata("model_config");
    const ModelConfig config = parse_config(c.model.config_json, path_ + ": model_config");
    c.origin = {section<BuildInfo>("build"), metadata("machine"), metadata("created"), metadata("policy")};
    if (!parse_json(c.origin.machine_json, path_ + ": machine").is_object()) {
      wrong("machine", "a JSON object", "something else");
    }
    read_placement(c);
    const auto result = section<ResultFields>("result");
    c.finish_reason = result.finish_reason;
    c.n_cached = result.n_cached;
    if (result.n_prompt < 1 || result.n_cached >= result.n_prompt || result.n_generated < 1 ||
        result.n_top > config.n_vocab) {
      wrong("result", "0 <= n_cached < n_prompt, 1 <= n_generated and n_top <= n_vocab",
            to_json_text(result));
    }
    read_request(c, config, result);
    read_steps(c, config, result);
    read_kv(c, config);
    return c;
  }

 private:
  [[noreturn]] void wrong(std::string_view field, std::string_view expected, std::string_view found) const {
    fail(ErrorCode::invalid_data, "{}: {}: expected {}, found {}", path_, field, expected, found);
  }

  const std::string& metadata(const std::string& key) const {
    const auto found = file_.metadata().find(key);
    if (found == file_.metadata().end()) {
      wrong(key, "a metadata entry", "nothing");
    }
    return found->second;
  }

  template <class T>
  T section(const std::string& key) const {
    return from_json_value<T>(parse_json(metadata(key), path_ + ": " + key), path_, key);
  }

  void check_digest() {
    if (file_.tensors().empty() || file_.tensors().back().name != kTrailer) {
      wrong(kTrailer, "the file's last tensor", "another, or none");
    }
    const SafetensorsTensor& trailer = file_.tensors().back();
    if (trailer.dtype != DType::u8 || trailer.shape != Extents{32}) {
      wrong(kTrailer, "u8 [32]",
            fmt::format("{} [{}]", name_of(trailer.dtype), fmt::join(trailer.shape, ", ")));
    }
    Sha256Digest stored;
    std::memcpy(stored.data(), trailer.data.data(), stored.size());
    const Sha256Digest computed = sha256(file_.bytes().first(file_.bytes().size() - stored.size()));
    digest_ = to_hex(stored);
    if (computed != stored) {
      wrong(kTrailer, digest_ + " as stored", to_hex(computed) + " (the file is damaged)");
    }
  }

  void check_format() {
    if (metadata("format") != kFormat) {
      wrong("format", kFormat, printable(metadata("format")));
    }
    const std::string& version = metadata("version");
    const std::string major = fmt::format("{}.", kCaptureMajor);
    const bool is_minor_a_number = version.size() > major.size() &&
                                   version.find_first_not_of("0123456789", major.size()) == std::string::npos;
    if (!version.starts_with(major) || !is_minor_a_number) {
      wrong("version", fmt::format("{}.x", kCaptureMajor), printable(version));
    }
    const Json features = parse_json(metadata("requires"), path_ + ": requires");
    if (!features.is_array()) {
      wrong("requires", "a list of features", features.type_name());
    }
    for (const Json& feature : features) {
      if (feature != kRequiresKvRows) {
        wrong("requires", fmt::format("features this version knows ({})", kRequiresKvRows),
              printable(feature.dump()));
      }
      requires_kv_rows_ = true;
    }
  }

  void read_placement(Capture& c) const {
    const auto p = section<PlacementFields>("placement");
    const auto kv_precision = dtype_named(p.kv_precision);
    if (kv_precision != DType::f32 && kv_precision != DType::f16 && kv_precision != DType::bf16 &&
        kv_precision != DType::int8) {
      wrong("placement.kv_precision", "f32, f16, bf16 or int8", printable(p.kv_precision));
    }
    c.placement = {p.backend, p.isa, p.precision, p.kv_cache, *kv_precision, p.threads, p.numerics};
  }

  const SafetensorsTensor& tensor(const char* name, DType dtype, const Extents& shape) const {
    const SafetensorsTensor& found = file_.at(name);
    if (found.dtype != dtype || found.shape != shape) {
      wrong(name, fmt::format("{} [{}]", name_of(dtype), fmt::join(shape, ", ")),
            fmt::format("{} [{}]", name_of(found.dtype), fmt::join(found.shape, ", ")));
    }
    return found;
  }

  template <class T>
  std::vector<T> values(const char* name, DType dtype, const Extents& shape) const {
    const SafetensorsTensor& found = tensor(name, dtype, shape);
    std::vector<T> copy(found.data.size() / sizeof(T));
    if (!copy.empty()) {
      std::memcpy(copy.data(), found.data.data(), found.data.size());
    }
    return copy;
  }

  /// Not numbers and infinities would hide from every comparison with a replay's.
  template <class T>
  std::vector<T> finite_values(const char* name, DType dtype, const Extents& shape) const {
    std::vector<T> result = values<T>(name, dtype, shape);
    for (const T value : result) {
      if (!std::isfinite(value)) {
        wrong(name, "finite values", fmt::format("{}", value));
      }
    }
    return result;
  }

  std::vector<TokenId> ids(const char* name, const Extents& shape, std::int64_t n_vocab) const {
    std::vector<TokenId> result;
    for (const std::int64_t id : values<std::int64_t>(name, DType::i64, shape)) {
      if (id < 0 || id >= n_vocab) {
        wrong(name, fmt::format("token ids below {}", n_vocab), fmt::format("{}", id));
      }
      result.push_back(static_cast<TokenId>(id));
    }
    return result;
  }

  void read_request(Capture& c, const ModelConfig& config, const ResultFields& result) const {
    const auto r = section<RequestFields>("request");
    c.request.prompt_ids = ids("prompt_ids", {result.n_prompt}, config.n_vocab);
    c.request.max_new_tokens = r.max_new_tokens;
    c.request.eos_ids = r.eos_ids;
    SamplingParameters& s = c.request.sampling;
    s = {static_cast<float>(r.repetition_penalty),
         static_cast<float>(r.temperature),
         r.top_k,
         static_cast<float>(r.top_p),
         static_cast<float>(r.min_p),
         0};
    const auto [end, error] = std::from_chars(r.seed.data(), r.seed.data() + r.seed.size(), s.seed);
    if (error != std::errc() || end != r.seed.data() + r.seed.size()) {
      wrong("request.seed", "a decimal number below 2^64 as a string", printable(r.seed));
    }
  }

  void read_steps(Capture& c, const ModelConfig& config, const ResultFields& result) const {
    const Extents steps = {result.n_generated};
    const Extents top = {result.n_generated, result.n_top};
    c.steps.generated_ids = ids("generated_ids", steps, config.n_vocab);
    c.steps.logits_digests = values<std::uint64_t>("steps.logits_xxh3", DType::u64, steps);
    c.steps.n_top = result.n_top;
    c.steps.top_ids = ids("steps.top_ids", top, config.n_vocab);
    c.steps.top_logits = finite_values<float>("steps.top_logits", DType::f32, top);
    c.steps.logsumexp = finite_values<double>("steps.logsumexp", DType::f64, steps);
    c.steps.token_seconds = finite_values<double>("steps.seconds", DType::f64, steps);
  }

  void read_kv(Capture& c, const ModelConfig& config) const {
    if (!requires_kv_rows_ && file_.find("kv.keys") == nullptr) {
      return;
    }
    CapturedKv kv{c.placement.kv_precision, config.n_layers, config.n_kv_heads, config.head_dim, {}, {}};
    if (const DType found = file_.at("kv.keys").dtype; found != stored_as(kv.dtype)) {
      wrong("kv.keys", fmt::format("{} by the placement", name_of(stored_as(kv.dtype))), name_of(found));
    }
    if (kv.head_dim % block_extent(kv.dtype) != 0) {
      wrong("placement.kv_precision", fmt::format("f32, f16 or bf16 for heads of {} dimensions", kv.head_dim),
            name_of(kv.dtype));
    }
    const Extents shape = {kv.n_layers, kv.n_kv_heads, c.n_cached, stored_row(kv.dtype, kv.head_dim)};
    const SafetensorsTensor& k = tensor("kv.keys", stored_as(kv.dtype), shape);
    const SafetensorsTensor& v = tensor("kv.values", stored_as(kv.dtype), shape);
    kv.keys.assign(k.data.begin(), k.data.end());
    kv.values.assign(v.data.begin(), v.data.end());
    c.kv = std::move(kv);
  }

  std::string path_;
  SafetensorsFile file_;
  std::string digest_;
  bool requires_kv_rows_ = false;
};

std::vector<std::int64_t> widened(const std::vector<TokenId>& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

std::string write_capture(const Capture& capture, const std::filesystem::path& path) {
  const auto prompt = widened(capture.request.prompt_ids);
  const auto generated = widened(capture.steps.generated_ids);
  const auto top = widened(capture.steps.top_ids);
  SafetensorsWriter writer;
  set_metadata(writer, capture);
  add_tensors(writer, capture, prompt, generated, top);
  writer.set_trailer_digest(kTrailer);
  writer.write(path);
  const SafetensorsFile written = SafetensorsFile::open(path);
  Sha256Digest digest;
  std::memcpy(digest.data(), written.tensors().back().data.data(), digest.size());
  return to_hex(digest).substr(0, 16);
}

Capture read_capture(const std::filesystem::path& path) {
  return Reader(path).read();
}

bool looks_like_capture(const std::filesystem::path& path) {
  try {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const auto format = file.metadata().find("format");
    return format != file.metadata().end() && format->second == kFormat;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace reprise::engine
