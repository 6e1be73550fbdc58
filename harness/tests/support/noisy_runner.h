/// A call whose runs take what a noise model says, on the fake clock. For tests only.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "harness/replay/runner.h"
#include "harness/tests/support/fake_clock.h"
#include "harness/tests/support/noise_models.h"

namespace reprise::harness {

class NoisyRunner final : public Runner {
 public:
  NoisyRunner(FakeClock& clock, Noise noise, Seconds seconds = 0.1)
      : clock_(clock), noise_(std::move(noise)), seconds_(seconds) {}

  void restore() override { ++restores; }
  Sample run() override {
    const Seconds seconds = seconds_ * noise_();
    clock_.advance(seconds);
    Sample sample;
    sample.total_seconds = seconds;
    sample.time_to_first_token_seconds = seconds * first_token_share;
    sample.token_seconds = {seconds * first_token_share, seconds * (1 - first_token_share)};
    sample.verified = runs != fails_at;
    if (log != nullptr) {
      *log += name;
    }
    ++runs;
    return sample;
  }

  double first_token_share = 0.5;
  std::size_t fails_at = static_cast<std::size_t>(-1);
  std::size_t runs = 0;
  std::size_t restores = 0;
  char name = 'a';
  std::string* log = nullptr;  ///< gets `name` at every run

 private:
  FakeClock& clock_;
  Noise noise_;
  Seconds seconds_;
};

}  // namespace reprise::harness
