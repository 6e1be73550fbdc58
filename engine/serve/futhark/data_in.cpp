#include "engine/serve/futhark/data_in.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/io/atomic_write.h"
#include "engine/serve/futhark/value_file.h"

namespace reprise::engine::futhark {
namespace {

/// Qwen3's own; a file says nothing but how long its cache is.
constexpr std::int64_t kUsualContext = 40960;
constexpr double kTheta = 1e6;

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path.string()), source_(path) {}

  Array next(const std::string& name, const ArrayType& type) {
    try {
      return read_value(source_, type);
    } catch (const Error& error) {
      fail(error.code(), "{}: {}: {}", path_, name, error.what());
    }
  }
  std::int64_t next_i64(const std::string& name) { return next(name, {DType::i64, 0}).as_i64(); }
  std::vector<Value> next_fields(const RecordType& type) {
    std::vector<Value> fields;
    for (const RecordField& field : type.fields) {
      fields.emplace_back(next(type.name + "." + field.name, *array_type_named(field.type)));
    }
    return fields;
  }
  /// The type of the next value in the binary format.
  DType next_element() {
    source_.skip_spaces();
    char header[7] = {};
    const std::size_t n = source_.read(std::as_writable_bytes(std::span(header)));
    return std::string_view(header, n).ends_with(" f16") ? DType::f16 : DType::f32;
  }
  void expect_end() {
    if (!at_end(source_)) {
      fail(ErrorCode::invalid_data, "{}: expected the end after max_new_tokens, found more", path_);
    }
  }

 private:
  std::string path_;
  ByteSource source_;
};

DType element_in(const std::filesystem::path& path) {
  Reader reader(path);
  (void)reader.next_i64("xsat");
  (void)reader.next("xs", {DType::i64, 1});
  return reader.next_element();
}

void check_request(const Capture& capture) {
  const GenerateRequest& request = capture.request;
  const bool greedy = request.sampling.temperature == 0 && request.sampling.repetition_penalty == 1;
  if (!greedy || !request.forced_ids.empty()) {
    fail(ErrorCode::unsupported,
         "capture: request: expected one that draws the likeliest token, as gen does, found {}",
         greedy ? "forced ids" : "another");
  }
}

/// gen knows one: the one that came, or else any.
std::int64_t end_token(const Capture& capture) {
  const bool came = capture.finish_reason == FinishReason::eos;
  const std::vector<TokenId>& ids = capture.request.eos_ids;
  const std::int64_t id = came ? capture.steps.generated_ids.back() : ids.empty() ? -1 : ids.front();
  if (id == 0 && came) {
    fail(ErrorCode::unsupported,
         "capture: eos_ids: expected another end than token 0, with which gen draws nothing");
  }
  return id == 0 ? -1 : id;
}

}  // namespace

DataIn read_data_in(const std::filesystem::path& path) {
  DataIn data{element_in(path), {}};
  Reader reader(path);
  GenInputs& in = data.inputs;
  in.xsat = reader.next_i64("xsat");
  in.xs = reader.next("xs", {DType::i64, 1}).as_i64s();
  const auto params = params_type(data.element);
  const auto cache = cache_type(data.element);
  std::vector<Value> weights = reader.next_fields(*params);
  std::vector<Value> arrays = reader.next_fields(*cache);
  in.eos_token_id = reader.next_i64("eos_token_id");
  in.max_new_tokens = reader.next_i64("max_new_tokens");
  reader.expect_end();
  try {
    in.cache = std::make_shared<Cache>(cache, std::move(arrays), kTheta);
    const std::int64_t n_context = std::max(kUsualContext, in.cache->shape().n_positions);
    in.params = std::make_shared<Params>(params, std::move(weights), n_context);
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", path.string(), error.what());
  }
  return data;
}

void check_same_weights(const DataIn& data, const std::shared_ptr<const Model>& model) {
  const auto type = params_type(data.element);
  const Params other(type, model);
  const auto different = data.inputs.params->first_difference(other);
  if (!different) {
    return;
  }
  const Value field = other.field(*different);
  const Value theirs = data.inputs.params->field(*different);
  const Extents& b = std::get<Array>(field).extents();
  fail(ErrorCode::mismatch, "{}: expected the weights of the data, found others: {} {}", model->spec(),
       type->fields[*different].name,
       std::get<Array>(theirs).extents() == b ? "differs" : "is " + to_text(b));
}

void write_data_in(const Capture& capture, const std::shared_ptr<const Model>& model, DType element,
                   const std::filesystem::path& path) {
  check_request(capture);
  const ModelConfig& c = model->config();
  const auto params = std::make_shared<Params>(params_type(element), model);
  if (c.rope_theta != kTheta) {
    fail(ErrorCode::unsupported, "{}: rope_theta: expected {}, as init has it, found {}", model->spec(),
         kTheta, c.rope_theta);
  }
  const CacheShape shape{c.n_layers, c.n_kv_heads, capture.n_prompt() + 2 * capture.n_generated(),
                         c.head_dim};
  const auto cache = std::make_shared<Cache>(cache_type(element), shape, kTheta);
  const std::int64_t n_cached = capture.kv ? capture.n_cached : 0;
  const std::vector<TokenId>& ids = capture.request.prompt_ids;
  const std::vector<std::int64_t> xs(ids.begin() + n_cached, ids.end());
  std::vector<Value> arrays;
  for (std::size_t i = 0; i < cache->type().fields.size(); ++i) {
    const std::string& name = cache->type().fields[i].name;
    const bool from_capture = n_cached > 0 && (name == "kcache" || name == "vcache");
    arrays.push_back(
        from_capture ? Value(rows_array(element, shape, capture.kv->dtype,
                                        name == "kcache" ? capture.kv->keys : capture.kv->values, n_cached))
                     : cache->field(i));
  }
  AtomicFile file(path);
  const auto write = [&](const Value& value) {
    write_value(value, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  };
  write(Array::of_i64(n_cached));
  write(Array::of_i64s(xs));
  write(std::static_pointer_cast<Record>(params));
  std::ranges::for_each(arrays, write);
  write(Array::of_i64(end_token(capture)));
  write(Array::of_i64(capture.n_generated()));
  file.commit();
}

}  // namespace reprise::engine::futhark
