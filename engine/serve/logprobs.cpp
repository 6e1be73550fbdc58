#include "engine/serve/logprobs.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/capture/recorder.h"

namespace reprise::engine {

void Logprobs::on_token(const TokenEvent& event) {
  const double total = logsumexp(event.logits);
  const auto logprob = [&](TokenId id) {
    return static_cast<double>(event.logits[static_cast<std::size_t>(id)]) - total;
  };
  std::vector<TokenId> ids(event.logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto n = std::min(static_cast<std::size_t>(n_top_), ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n), ids.end(),
                    [&](TokenId a, TokenId b) {
                      const float x = event.logits[static_cast<std::size_t>(a)];
                      const float y = event.logits[static_cast<std::size_t>(b)];
                      return x != y ? x > y : a < b;
                    });
  TokenLogprobs step{event.id, logprob(event.id), {}};
  for (std::size_t i = 0; i < n; ++i) {
    step.top.emplace_back(ids[i], logprob(ids[i]));
  }
  steps_.push_back(std::move(step));
}

nlohmann::ordered_json Logprobs::to_json() const {
  auto json = nlohmann::ordered_json::array();
  for (const TokenLogprobs& step : steps_) {
    nlohmann::ordered_json entry;
    entry["id"] = step.id;
    entry["logprob"] = step.logprob;
    entry["top"] = step.top;
    json.push_back(std::move(entry));
  }
  return json;
}

}  // namespace reprise::engine
