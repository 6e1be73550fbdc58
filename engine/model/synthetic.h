/// Models made from a seed: the shape and speed of a real one, without a download. Used by Model::open.
///
/// Weights are uniform with the variance 1 / n_in that keeps activations at unit scale, gains lie around 1,
/// biases and embeddings are small; every element is a pure function of (name, tensor, index), whatever the
/// thread count.
#pragma once

#include <memory>
#include <string>

#include "engine/model/model.h"

namespace reprise::engine {

/// Errors: not_found, naming the models there are.
std::shared_ptr<const Model> open_synthetic(const std::string& spec, const std::string& name);

}  // namespace reprise::engine
