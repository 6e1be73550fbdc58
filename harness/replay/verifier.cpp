#include "harness/replay/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/capture/recorder.h"
#include "engine/core/digest.h"

namespace reprise::harness {
namespace {

/// Measured worst cases with room to spare: engine/README.md has the table and what it rests on.
Tolerance tolerance_of_one(std::string_view precision) {
  if (precision == "f32") {
    return {1e-3, 1e-6};
  }
  if (precision == "f16") {
    return {0.1, 1e-3};
  }
  if (precision == "int8") {
    return {2.0, 0.1};
  }
  return precision == "int4" ? Tolerance{16.0, 2.0} : Tolerance{0.5, 0.02};  // bf16
}

Tolerance wider(const Tolerance& a, const Tolerance& b) {
  return {std::max(a.logit, b.logit), std::max(a.mean_kl, b.mean_kl)};
}

/// Of one precision, or of several as "f16+int4".
Tolerance tolerance_of(std::string_view precision) {
  const std::size_t plus = precision.find('+');
  const Tolerance first = tolerance_of_one(precision.substr(0, plus));
  return plus == std::string_view::npos ? first : wider(first, tolerance_of(precision.substr(plus + 1)));
}

/// What a placement allows by its weights, its KV cache, and products that round activations to bf16.
Tolerance tolerance_of(const engine::Placement& placement) {
  const Tolerance stored =
      wider(tolerance_of(placement.precision), tolerance_of(name_of(placement.kv_precision)));
  return placement.numerics == "exact" ? stored : wider(stored, tolerance_of_one("bf16"));
}

/// p log(p / q), with the limits at 0.
double kl_term(double p, double q) {
  return p <= 0 ? 0 : p * std::log(p / std::max(q, 1e-300));
}

}  // namespace

Tolerance tolerance_between(const engine::Placement& a, const engine::Placement& b) {
  return wider(tolerance_of(a), tolerance_of(b));
}

bool same_bits_promised(const engine::Placement& a, const engine::Placement& b) {
  return a.precision == b.precision && a.kv_precision == b.kv_precision && a.numerics == "exact" &&
         b.numerics == "exact";
}

void Verifier::on_token(const engine::TokenEvent& event) {
  const auto step = static_cast<std::size_t>(event.step);
  digests_.push_back(engine::xxh3_64(std::as_bytes(event.logits)));
  drawn_ids_.push_back(event.drawn);
  const bool in_capture = step < capture_.steps.generated_ids.size();
  // After a free replay's first divergence, contexts differ and logits cannot be compared any more.
  if (in_capture && (mode_ == ReplayMode::forced || !first_divergence_)) {
    compare_logits(step, event.logits);
  }
  if (!first_divergence_ && (!in_capture || event.drawn != capture_.steps.generated_ids[step])) {
    first_divergence_ = event.step;
  }
}

void Verifier::compare_logits(std::size_t step, std::span<const float> logits) {
  const auto n_top = static_cast<std::size_t>(capture_.steps.n_top);
  const double captured_lse = capture_.steps.logsumexp[step];
  const double replayed_lse = engine::logsumexp(logits);
  double p_rest = 1;
  double q_rest = 1;
  for (std::size_t i = step * n_top; i < (step + 1) * n_top; ++i) {
    const double captured = static_cast<double>(capture_.steps.top_logits[i]);
    const double replayed = static_cast<double>(logits[static_cast<std::size_t>(capture_.steps.top_ids[i])]);
    const double error = std::abs(captured - replayed);
    worst_error_ =
        std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst_error_, error);
    const double p = std::exp(captured - captured_lse);
    const double q = std::exp(replayed - replayed_lse);
    total_kl_ += kl_term(p, q);
    p_rest -= p;
    q_rest -= q;
  }
  total_kl_ += kl_term(p_rest, q_rest);
  ++n_compared_;
}

bool Verifier::within_tolerance() const {
  return worst_error_ <= tolerance_.logit &&
         total_kl_ <= tolerance_.mean_kl * static_cast<double>(n_compared_);
}

Verification Verifier::verification() const {
  Verification result;
  result.mode = mode_;
  result.first_divergence = first_divergence_;
  if (!first_divergence_ && drawn_ids_.size() < capture_.steps.generated_ids.size()) {
    result.first_divergence = static_cast<std::int64_t>(drawn_ids_.size());  // the replay ended early
  }
  if (n_compared_ > 0) {
    result.max_abs_logit_error = worst_error_;
    result.mean_kl_divergence = std::max(0.0, total_kl_ / static_cast<double>(n_compared_));
  }
  result.logits_digest = fmt::format("{:016x}", engine::xxh3_64(std::as_bytes(std::span(digests_))));
  if (result.first_divergence) {
    const bool same_length = drawn_ids_.size() == capture_.steps.generated_ids.size();
    const bool tolerable = mode_ == ReplayMode::forced && same_length && within_tolerance();
    result.verdict = tolerable ? OutputVerdict::within_tolerance : OutputVerdict::differs;
  } else if (digests_ == capture_.steps.logits_digests) {
    result.verdict = OutputVerdict::identical;
  } else {
    result.verdict = within_tolerance() ? OutputVerdict::same_tokens : OutputVerdict::differs;
  }
  return result;
}

void RepeatChecker::on_token(const engine::TokenEvent& event) {
  const auto step = static_cast<std::size_t>(event.step);
  same_ = same_ && step < first_.digests().size() && event.drawn == first_.drawn_ids()[step] &&
          engine::xxh3_64(std::as_bytes(event.logits)) == first_.digests()[step];
  ++n_seen_;
}

}  // namespace reprise::harness
