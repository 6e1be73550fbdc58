/// SHA-256 over all logits and ids of a generate call: what the numerics contract promises. Used by the tests
/// of engine/generate and the machine digests.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/core/digest.h"
#include "engine/generate/generate.h"

namespace reprise::testing {

class DigestObserver final : public engine::GenerateObserver {
 public:
  void on_token(const engine::TokenEvent& event) override {
    sha_.update(std::as_bytes(event.logits));
    sha_.update(std::as_bytes(std::span(&event.drawn, 1)));
    ++n_steps_;
  }
  std::string finish() { return engine::to_hex(sha_.finish()); }
  [[nodiscard]] std::size_t n_steps() const { return n_steps_; }

 private:
  engine::Sha256 sha_;
  std::size_t n_steps_ = 0;
};

}  // namespace reprise::testing
