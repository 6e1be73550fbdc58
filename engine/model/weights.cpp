#include "engine/model/weights.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <set>
#include <span>
#include <thread>

#include "engine/core/block_formats.h"
#include "engine/core/error.h"
#include "engine/core/thread_team.h"

namespace reprise::engine {
namespace {

/// Elements that a thread widens at a time: a whole number of blocks of every format, and 16 KiB.
constexpr std::int64_t kChunk = 4096;

/// Elements [begin, begin + out.size()) of a tensor of any float or block format, as f32.
void widen(const AnyTensorView& tensor, std::int64_t begin, std::span<float> out) {
  dequantize(tensor.dtype(), tensor.data() + bytes_of(tensor.dtype(), begin), out);
}

/// Calls f(begin, elements as f32) for [begin, end) of the tensor in chunks.
template <class F>
void for_each_chunk(const AnyTensorView& tensor, std::int64_t begin, std::int64_t end, F&& f) {
  std::array<float, kChunk> chunk;
  for (; begin < end; begin += kChunk) {
    const std::span part(chunk.data(), static_cast<std::size_t>(std::min(kChunk, end - begin)));
    widen(tensor, begin, part);
    f(begin, part);
  }
}

std::string called(const TensorSpec& tensor) {
  return tensor.layer == kNoLayer ? std::string(name_of(tensor.slot))
                                  : fmt::format("{} (layer {})", name_of(tensor.slot), tensor.layer);
}

/// "[index] is nan" for the first element that is not finite, or empty.
std::string find_non_finite(const AnyTensorView& tensor) {
  std::string found;
  for_each_chunk(tensor, 0, tensor.shape().count(), [&](std::int64_t begin, std::span<const float> elements) {
    const auto bad = std::ranges::find_if_not(elements, [](float x) { return std::isfinite(x); });
    if (bad != elements.end() && found.empty()) {
      found = fmt::format("[{}] is {}", begin + (bad - elements.begin()), *bad);
    }
  });
  return found;
}

/// "f16+int4": in the order of the enumeration.
std::string joined(const std::set<DType>& dtypes) {
  std::string names;
  for (const DType dtype : dtypes) {
    names += (names.empty() ? "" : "+") + std::string(name_of(dtype));
  }
  return names;
}

/// What the engine computes with where nothing else is asked for.
DType native_form(DType stored) {
  return is_block_format(stored) && stored != DType::int4 ? DType::int8 : stored;
}

/// Puts the tensors of one model into a Weights.
class Placer {
 public:
  Placer(Weights& weights, Backend& backend, const std::string& precision)
      : weights_(weights),
        backend_(backend),
        precision_(precision),
        team_(static_cast<int>(std::min(64U, std::max(1U, std::thread::hardware_concurrency())))) {}

  void place(const TensorSpec& tensor) {
    const AnyTensorView stored = weights_.model->tensor(tensor.slot, tensor.layer);
    if (tensor.shape.rank() == 1) {
      if (const std::string bad = find_non_finite(stored); !bad.empty()) {
        fail(ErrorCode::invalid_data, "{}: {}: expected finite weights, found {}", weights_.model->spec(),
             called(tensor), bad);
      }
      vector_at(tensor) = in_form(tensor, stored, DType::f32).as<float>();
    } else {
      const DType wanted = matrix_form(stored.dtype());
      stored_.insert(stored.dtype());
      placed_.insert(wanted);
      weights_.in_blocks = weights_.in_blocks || is_block_format(wanted);
      matrix_at(tensor) = in_form(tensor, stored, wanted);
    }
  }

  /// Bytes of the backend's memory that a tensor will take.
  [[nodiscard]] std::int64_t bytes_needed(const TensorSpec& tensor) const {
    if (tensor.shape.rank() == 1) {
      return backend_.imported_bytes(DType::f32, tensor.shape);
    }
    const DType wanted = matrix_form(weights_.model->tensor(tensor.slot, tensor.layer).dtype());
    const bool fits = tensor.shape[1] % block_extent(wanted) == 0;  // if not, place() will say so
    return fits ? backend_.imported_bytes(wanted, tensor.shape) : 0;
  }

  void finish() {
    weights_.precision = joined(placed_);
    weights_.stored_precision = joined(stored_);
  }

 private:
  [[nodiscard]] DType matrix_form(DType stored) const {
    return precision_ == "native" ? native_form(stored) : *dtype_named(precision_);
  }

  /// The tensor with elements of `dtype`, aligned for them, in the backend's memory.
  AnyTensorView in_form(const TensorSpec& tensor, const AnyTensorView& stored, DType dtype) {
    AnyTensorView host = stored;
    const bool aligned = reinterpret_cast<std::uintptr_t>(stored.data()) % alignment_of(stored.dtype()) == 0;
    if (stored.dtype() != dtype || !aligned) {
      host = converted(tensor, stored, dtype);
      weights_.copied_bytes += static_cast<std::int64_t>(host.size_bytes());
    }
    weights_.bytes += static_cast<std::int64_t>(host.size_bytes());
    const AnyTensorView placed = backend_.import(host, weights_.copies);
    if (placed.data() != host.data() && host.data() != stored.data()) {
      weights_.converted.pop_back();  // the backend has a copy of its own
    }
    return placed;
  }

  AnyTensorView converted(const TensorSpec& tensor, const AnyTensorView& stored, DType dtype) {
    const std::int64_t n = stored.shape().count();
    if (const std::int64_t row = stored.extent(stored.shape().rank() - 1); row % block_extent(dtype) != 0) {
      fail(ErrorCode::invalid_argument,
           "placement: precision: expected f32, f16 or bf16 for {}: {} with rows of {} elements, found {}, "
           "whose blocks have {}",
           weights_.model->spec(), called(tensor), row, name_of(dtype), block_extent(dtype));
    }
    auto& copy = weights_.converted.emplace_back(bytes_of(dtype, n));
    std::atomic<std::int64_t> first_bad = n;
    team_.run([&](int member) {
      const std::int64_t chunks = (n + kChunk - 1) / kChunk;
      const std::int64_t begin = chunks * member / team_.size() * kChunk;
      const std::int64_t end = std::min(chunks * (member + 1) / team_.size() * kChunk, n);
      for_each_chunk(stored, begin, end, [&](std::int64_t at, std::span<const float> elements) {
        const std::size_t done = quantize(dtype, elements, copy.data() + bytes_of(dtype, at));
        if (done < elements.size()) {
          std::int64_t lowest = first_bad.load();
          const std::int64_t bad = at + static_cast<std::int64_t>(done);
          while (bad < lowest && !first_bad.compare_exchange_weak(lowest, bad)) {
          }
        }
      });
    });
    if (first_bad < n) {
      fail(ErrorCode::invalid_data, "{}: {}: expected elements that {} can hold, found others from [{}] on",
           weights_.model->spec(), called(tensor), name_of(dtype), first_bad.load());
    }
    return {dtype, copy.data(), stored.shape()};
  }

  AnyTensorView& matrix_at(const TensorSpec& tensor) {
    switch (tensor.slot) {
      case Slot::token_embedding:
        return weights_.token_embedding;
      case Slot::position_embedding:
        return weights_.position_embedding;
      case Slot::head:
        return weights_.head;
      case Slot::q:
        return layer(tensor).q;
      case Slot::k:
        return layer(tensor).k;
      case Slot::v:
        return layer(tensor).v;
      case Slot::o:
        return layer(tensor).o;
      case Slot::gate:
        return layer(tensor).gate;
      case Slot::up:
        return layer(tensor).up;
      case Slot::down:
        return layer(tensor).down;
      default:
        break;
    }
    REPRISE_CHECK(false && "not a matrix");
  }

  TensorView<const float>& vector_at(const TensorSpec& tensor) {
    switch (tensor.slot) {
      case Slot::final_norm:
        return weights_.final_norm;
      case Slot::final_norm_bias:
        return weights_.final_norm_bias;
      case Slot::attention_norm:
        return layer(tensor).attention_norm;
      case Slot::attention_norm_bias:
        return layer(tensor).attention_norm_bias;
      case Slot::q_bias:
        return layer(tensor).q_bias;
      case Slot::k_bias:
        return layer(tensor).k_bias;
      case Slot::v_bias:
        return layer(tensor).v_bias;
      case Slot::q_norm:
        return layer(tensor).q_norm;
      case Slot::k_norm:
        return layer(tensor).k_norm;
      case Slot::o_bias:
        return layer(tensor).o_bias;
      case Slot::ffn_norm:
        return layer(tensor).ffn_norm;
      case Slot::ffn_norm_bias:
        return layer(tensor).ffn_norm_bias;
      case Slot::up_bias:
        return layer(tensor).up_bias;
      case Slot::down_bias:
        return layer(tensor).down_bias;
      default:
        break;
    }
    REPRISE_CHECK(false && "not a vector");
  }

  LayerWeights& layer(const TensorSpec& tensor) {
    return weights_.layers[static_cast<std::size_t>(tensor.layer)];
  }

  Weights& weights_;
  Backend& backend_;
  const std::string& precision_;
  ThreadTeam team_;
  std::set<DType> stored_;
  std::set<DType> placed_;
};

}  // namespace

Weights place_weights(std::shared_ptr<const Model> model, Backend& backend, const std::string& precision) {
  const ModelConfig& config = model->config();
  Weights weights;
  weights.model = std::move(model);
  weights.layers.resize(static_cast<std::size_t>(config.n_layers));
  Placer placer(weights, backend, precision);
  const std::vector<TensorSpec> tensors = tensors_of(config);
  std::int64_t bytes_needed = 0;
  for (const TensorSpec& tensor : tensors) {
    bytes_needed += placer.bytes_needed(tensor);
  }
  backend.expect_room(bytes_needed, "weights");
  for (const TensorSpec& tensor : tensors) {
    placer.place(tensor);
  }
  placer.finish();
  if (config.tied_head) {
    weights.head = weights.token_embedding;
  }
  return weights;
}

std::string describe_non_finite(const Model& model) {
  for (const TensorSpec& tensor : tensors_of(model.config())) {
    if (const std::string bad = find_non_finite(model.tensor(tensor.slot, tensor.layer)); !bad.empty()) {
      return called(tensor) + ": " + bad;
    }
  }
  return "";
}

}  // namespace reprise::engine
