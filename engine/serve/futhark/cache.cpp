#include "engine/serve/futhark/cache.h"

#include <cmath>
#include <cstring>

#include "engine/core/block_formats.h"
#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/model/limits.h"
#include "engine/model/rotary.h"

namespace reprise::engine::futhark {
namespace {

enum : std::size_t { kCos, kKeys, kSin, kValues, kFields };

/// A program that computes powers and angles in single precision is off by a few parts in 2^23 of an angle.
/// Another theta shows at the first few positions, where this is far below the difference.
float angle_tolerance(std::int64_t position) {
  return 2e-3F + 1e-6F * static_cast<float>(position);
}

/// What rotary_tables() asks of a model.
ModelConfig rotary_config(const CacheShape& shape, double theta) {
  ModelConfig config;
  config.head_dim = shape.head_dim;
  config.rope_theta = theta;
  config.n_context = shape.n_positions;
  return config;
}

/// Angles are computed where a client asks for them: a million positions of heads of 256 are enough.
constexpr std::int64_t kMaxAngles = std::int64_t{1} << 28;

void check_shape(const CacheShape& shape) {
  const auto check = [](const char* name, std::int64_t value, std::int64_t most) {
    if (value < 1 || value > most) {
      fail(ErrorCode::invalid_argument, "Cache: {}: expected 1 to {}, found {}", name, most, value);
    }
  };
  check("b", shape.n_layers, kMaxLayers);
  check("kvh", shape.n_kv_heads, kMaxExtent);
  check("cs", shape.n_positions, kMaxContext);
  check("dh", shape.head_dim, kMaxExtent);
  if (shape.head_dim % 2 != 0) {
    fail(ErrorCode::invalid_argument, "Cache: dh: expected an even number, found {}", shape.head_dim);
  }
  if (shape.n_positions * shape.head_dim > kMaxAngles) {
    fail(ErrorCode::invalid_argument, "Cache: cs * dh: expected at most {}, found {}", kMaxAngles,
         shape.n_positions * shape.head_dim);
  }
  if (!count_of(shape.rows(), DType::f32)) {
    fail(ErrorCode::invalid_argument, "Cache: expected arrays that fit memory, found {}",
         to_text(shape.rows()));
  }
}

/// `n` elements of `from` as `dtype`: widened exactly, or rounded to nearest even.
void convert(DType dtype, std::byte* to, DType from_dtype, const std::byte* from, std::int64_t n) {
  if (dtype == from_dtype) {
    std::memcpy(to, from, bytes_of(dtype, n));
    return;
  }
  std::vector<float> widened(static_cast<std::size_t>(n));
  dequantize(from_dtype, from, widened);
  quantize(dtype, widened, to);
}

}  // namespace

std::shared_ptr<const RecordType> cache_type(DType element) {
  const std::string angles = name_of(ArrayType{element, 2});
  const std::string rows = name_of(ArrayType{element, 4});
  return std::make_shared<const RecordType>(
      RecordType{"Cache", {{"cos", angles}, {"kcache", rows}, {"sin", angles}, {"vcache", rows}}});
}

Array rows_array(DType element, const CacheShape& shape, DType dtype, std::span<const std::byte> rows,
                 std::int64_t n) {
  const auto n_heads = static_cast<std::size_t>(shape.n_layers * shape.n_kv_heads);
  const std::size_t head_bytes = bytes_of(element, shape.n_positions * shape.head_dim);
  const std::size_t live_bytes = bytes_of(dtype, n * shape.head_dim);
  REPRISE_CHECK(rows.size() == n_heads * live_bytes && n <= shape.n_positions);
  SharedBytes bytes = SharedBytes::zeros_with(n_heads * head_bytes, [&](std::span<std::byte> out) {
    for (std::size_t head = 0; head < n_heads && n > 0; ++head) {
      convert(element, out.data() + head * head_bytes, dtype, rows.data() + head * live_bytes,
              n * shape.head_dim);
    }
  });
  return {element, shape.rows(), std::move(bytes)};
}

Cache::Cache(std::shared_ptr<const RecordType> type, const CacheShape& shape, double rope_theta)
    : Record(std::move(type)), shape_(shape), rope_theta_(rope_theta) {
  check_shape(shape_);
  (void)rotary_frequencies(rotary_config(shape_, rope_theta_));
}

Cache::Cache(std::shared_ptr<const RecordType> type, std::vector<Value> fields, double rope_theta)
    : Record(std::move(type)), rope_theta_(rope_theta) {
  REPRISE_CHECK(fields.size() == kFields);
  for (Value& field : fields) {
    arrays_.push_back(std::get<Array>(std::move(field)));
  }
  const Extents& rows = arrays_[kKeys].extents();
  shape_ = {rows[0], rows[1], rows[2], rows[3]};
  check_shape(shape_);
  for (std::size_t i = 0; i < kFields; ++i) {
    const Extents expected =
        i == kKeys || i == kValues ? shape_.rows() : Extents{shape_.n_positions, shape_.head_dim};
    if (arrays_[i].extents() != expected) {
      fail(ErrorCode::mismatch, "Cache: {}: expected {} by kcache, found {}", this->type().fields[i].name,
           to_text(expected), to_text(arrays_[i].extents()));
    }
  }
  check_angles();
}

DType Cache::element() const {
  return array_type_named(type().fields[kKeys].type)->element;
}

void Cache::check_usable() const {
  if (consumed_) {
    fail(ErrorCode::invalid_argument, "this Cache was consumed by a call; it can only be freed");
  }
}

void Cache::check_angles() const {
  for (const std::size_t field : {kCos, kSin}) {
    const Array expected = angles(field == kCos);
    const auto n = static_cast<std::size_t>(shape_.n_positions * shape_.head_dim);
    std::vector<float> ours(n);
    std::vector<float> theirs(n);
    dequantize(element(), expected.bytes().data(), ours);
    dequantize(element(), arrays_[field].bytes().data(), theirs);
    for (std::size_t i = 0; i < n; ++i) {
      const std::int64_t position = static_cast<std::int64_t>(i) / shape_.head_dim;
      if (!(std::abs(ours[i] - theirs[i]) <= angle_tolerance(position))) {
        fail(ErrorCode::mismatch,
             "Cache: {}: expected rotary angles of theta {}, which are {} at [{}][{}], found {}",
             type().fields[field].name, rope_theta_, ours[i], position,
             static_cast<std::int64_t>(i) % shape_.head_dim, theirs[i]);
      }
    }
  }
}

Value Cache::field(std::size_t index) const {
  check_usable();
  if (index == kCos || index == kSin) {
    return arrays_.empty() ? angles(index == kCos) : arrays_[index];
  }
  return arrays_.empty() ? rows(index == kKeys) : arrays_[index];
}

/// Both halves of a row hold the same angles.
Array Cache::angles(bool cosine) const {
  const RotaryTables tables = rotary_tables(rotary_config(shape_, rope_theta_), shape_.n_positions);
  const std::vector<float>& table = cosine ? tables.cosine : tables.sine;
  const std::int64_t half = shape_.head_dim / 2;
  const std::size_t half_bytes = bytes_of(element(), half);
  const auto n = static_cast<std::size_t>(shape_.n_positions);
  SharedBytes bytes = SharedBytes::filled(2 * n * half_bytes, [&](std::span<std::byte> out) {
    for (std::size_t row = 0; row < n; ++row) {
      std::byte* to = out.data() + 2 * row * half_bytes;
      const float* from = table.data() + row * static_cast<std::size_t>(half);
      quantize(element(), {from, static_cast<std::size_t>(half)}, to);
      std::memcpy(to + half_bytes, to, half_bytes);
    }
  });
  return {element(), {shape_.n_positions, shape_.head_dim}, std::move(bytes)};
}

Array Cache::rows(bool keys) const {
  const std::int64_t length = session_ == nullptr ? 0 : session_->cache().length();
  if (length == 0) {
    return rows_array(element(), shape_, element(), {}, 0);
  }
  const KvCache& kv = session_->cache();
  return rows_array(element(), shape_, kv.dtype(), keys ? kv.copy_keys(length) : kv.copy_values(length),
                    length);
}

std::vector<std::byte> Cache::first_rows(const Array& from, std::int64_t n, DType dtype) const {
  const auto n_heads = static_cast<std::size_t>(shape_.n_layers * shape_.n_kv_heads);
  const std::size_t head_bytes = bytes_of(element(), shape_.n_positions * shape_.head_dim);
  const std::size_t live_bytes = bytes_of(dtype, n * shape_.head_dim);
  std::vector<std::byte> live(n_heads * live_bytes);
  for (std::size_t head = 0; head < n_heads; ++head) {
    convert(dtype, live.data() + head * live_bytes, element(), from.bytes().data() + head * head_bytes,
            n * shape_.head_dim);
  }
  return live;
}

void Cache::check_model(const ModelConfig& config) const {
  if (config.n_layers != shape_.n_layers || config.n_kv_heads != shape_.n_kv_heads ||
      config.head_dim != shape_.head_dim) {
    fail(ErrorCode::mismatch, "gen: cache: expected {} layers, {} key-value heads of {} by params, found {}",
         config.n_layers, config.n_kv_heads, config.head_dim, to_text(shape_.rows()));
  }
  if (config.rope_theta != rope_theta_) {
    fail(ErrorCode::mismatch, "gen: cache: expected angles of theta {} by params, found those of {}",
         config.rope_theta, rope_theta_);
  }
}

void Cache::restore(Session& session, std::int64_t n) const {
  const DType dtype = session.cache().dtype();
  if (!session.placement().kv_cache || is_block_format(dtype)) {
    fail(ErrorCode::unsupported,
         "gen: cache: expected a KV cache in f32, f16 or bf16 for keys and values that a client sent");
  }
  const std::vector<TokenId> unknown(static_cast<std::size_t>(n), 0);
  session.restore(unknown, first_rows(arrays_[kKeys], n, dtype), first_rows(arrays_[kValues], n, dtype));
}

Session& Cache::session(const Params& params, const Placement& placement, std::int64_t n) {
  check_usable();
  check_model(params.config());
  const std::int64_t held = !arrays_.empty()      ? shape_.n_positions
                            : session_ == nullptr ? 0
                                                  : session_->cache().length();
  // A cache may have more room than the model has positions, but nothing can be there.
  const std::int64_t known = std::min(held, params.config().n_context);
  if (n > known) {
    fail(ErrorCode::invalid_argument, "gen: xsat: expected at most {} (positions this Cache holds), found {}",
         known, n);
  }
  const bool is_ready = session_ != nullptr && params.is_placed_as(session_->weights());
  if (!is_ready) {
    std::unique_ptr<Backend> backend = make_backend(placement);
    std::shared_ptr<const Weights> weights = params.weights(*backend);
    auto session = std::make_unique<Session>(std::move(weights), std::move(backend),
                                             SessionOptions{.n_positions = shape_.n_positions});
    if (n > 0 && !arrays_.empty()) {
      restore(*session, n);
    } else if (n > 0) {
      const KvCache& old = session_->cache();
      session->restore(std::span(session_->history()).first(static_cast<std::size_t>(n)), old.copy_keys(n),
                       old.copy_values(n));
    }
    session_ = std::move(session);
    arrays_.clear();
  }
  session_->truncate(n);
  return *session_;
}

std::shared_ptr<Cache> Cache::hand_over() {
  auto next = std::make_shared<Cache>(shared_type(), shape_, rope_theta_);
  next->arrays_ = std::move(arrays_);
  next->session_ = std::move(session_);
  consumed_ = true;
  return next;
}

}  // namespace reprise::engine::futhark
