#include "engine/kernels/hip/device.h"

#include <algorithm>

namespace reprise::engine::kernels {

void perform(HipDevice& device, const OperationRef& op) {
  StepInput input;
  input.first_position = std::max<std::int64_t>(position_of(op), 0);
  std::int64_t n_seen = 0;
  if (const auto* embed = std::get_if<const Embed*>(&op)) {
    input.tokens = (*embed)->tokens;
  } else if (const auto* attention = std::get_if<const Attention*>(&op)) {
    n_seen = input.first_position + (*attention)->queries.extent(0);
  }
  device.start(Program({without_position(op)}, n_seen), input);
  device.wait();
}

}  // namespace reprise::engine::kernels
