/// The number of a layer of a model, from 0, and what stands for none.
#pragma once

namespace reprise::engine {

/// Outside of the layers: embedding, the last norm, the head.
inline constexpr int kNoLayer = -1;

}  // namespace reprise::engine
