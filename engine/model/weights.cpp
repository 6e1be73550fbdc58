#include "engine/model/weights.h"

#include <cmath>
#include <cstring>
#include <thread>

#include "engine/core/error.h"
#include "engine/core/thread_team.h"

namespace reprise::engine {
namespace {

template <class T>
float widened(const std::byte* data, std::int64_t i) {
  T element;
  std::memcpy(&element, data + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
  return to_f32(element);
}

/// Element i of a tensor that may be unaligned, as f32.
float element(const AnyTensorView& tensor, std::int64_t i) {
  switch (tensor.dtype()) {
    case DType::f16:
      return widened<F16>(tensor.data(), i);
    case DType::bf16:
      return widened<Bf16>(tensor.data(), i);
    default:
      return widened<float>(tensor.data(), i);
  }
}

template <class T>
void narrow_into(std::byte* to, const AnyTensorView& from, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const T value = from_f32<T>(element(from, i));
    std::memcpy(to + static_cast<std::size_t>(i) * sizeof(T), &value, sizeof(T));
  }
}

std::string called(const TensorSpec& tensor) {
  return tensor.layer == kNoLayer ? std::string(name_of(tensor.slot))
                                  : fmt::format("{} (layer {})", name_of(tensor.slot), tensor.layer);
}

/// "[index] is nan" for the first element that is not finite, or empty.
std::string find_non_finite(const AnyTensorView& tensor) {
  const std::int64_t n = tensor.shape().count();
  for (std::int64_t i = 0; i < n; ++i) {
    if (const float x = element(tensor, i); !std::isfinite(x)) {
      return fmt::format("[{}] is {}", i, x);
    }
  }
  return "";
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
      vector_at(tensor) = in_form(stored, DType::f32).as<float>();
    } else {
      const DType wanted = precision_ == "native" ? stored.dtype() : *dtype_named(precision_);
      note_precision(wanted);
      matrix_at(tensor) = in_form(stored, wanted);
    }
  }

 private:
  /// The tensor with elements of `dtype`, aligned for them, in the backend's memory.
  AnyTensorView in_form(const AnyTensorView& stored, DType dtype) {
    AnyTensorView host = stored;
    const bool aligned = reinterpret_cast<std::uintptr_t>(stored.data()) % size_of(stored.dtype()) == 0;
    if (stored.dtype() != dtype || !aligned) {
      host = converted(stored, dtype);
      weights_.copied_bytes += static_cast<std::int64_t>(host.size_bytes());
    }
    weights_.bytes += static_cast<std::int64_t>(host.size_bytes());
    return backend_.import(host);
  }

  AnyTensorView converted(const AnyTensorView& stored, DType dtype) {
    const std::int64_t n = stored.shape().count();
    auto& copy = weights_.converted.emplace_back(static_cast<std::size_t>(n) * size_of(dtype));
    team_.run([&](int member) {
      const std::int64_t begin = n * member / team_.size();
      const std::int64_t end = n * (member + 1) / team_.size();
      switch (dtype) {
        case DType::f16:
          narrow_into<F16>(copy.data(), stored, begin, end);
          break;
        case DType::bf16:
          narrow_into<Bf16>(copy.data(), stored, begin, end);
          break;
        default:
          narrow_into<float>(copy.data(), stored, begin, end);
          break;
      }
    });
    return {dtype, copy.data(), stored.shape()};
  }

  void note_precision(DType dtype) {
    const std::string_view name = name_of(dtype);
    if (weights_.precision.empty()) {
      weights_.precision = name;
    } else if (weights_.precision != name) {
      weights_.precision = "mixed";
    }
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
};

}  // namespace

Weights place_weights(std::shared_ptr<const Model> model, Backend& backend, const std::string& precision) {
  const ModelConfig& config = model->config();
  Weights weights;
  weights.model = std::move(model);
  weights.layers.resize(static_cast<std::size_t>(config.n_layers));
  Placer placer(weights, backend, precision);
  for (const TensorSpec& tensor : tensors_of(config)) {
    placer.place(tensor);
  }
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
