/// A capture that may be given away: token ids are replaced by others, and the call is performed again with
/// them, since logits belong to their tokens. What a replay costs stays: lengths, what captures share,
/// special tokens.
///
/// It hides what was said, not how it was said: equal tokens stay equal, so whoever has many redacted
/// captures can count tokens as one solves a substitution cipher; and whoever has the seed can undo it.
/// captures/README.md says what is left in the file. Used by `reprise capture redact`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/capture/capture.h"
#include "engine/model/model.h"

namespace reprise::engine {

/// A permutation of the ids of a vocabulary, a function of the seed alone but for the ids that stay where
/// they are.
class TokenPermutation {
 public:
  /// `kept`: ids that are not moved; others than those of the vocabulary are passed over.
  TokenPermutation(std::int64_t n_vocab, std::uint64_t seed, std::span<const TokenId> kept);

  [[nodiscard]] TokenId operator()(TokenId id) const { return to_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::vector<TokenId> operator()(std::span<const TokenId> ids) const;

 private:
  std::vector<TokenId> to_;
};

/// The call of `capture` with its prompt's ids permuted, performed by `model` on this machine's CPU with the
/// captured precisions: as many tokens are generated, whatever they are, so the end-of-sequence ids are gone
/// from the request. Rows of the prefix are left out, being computed from the tokens; so are the machine, the
/// folder of the model, and the time of the call. Errors: mismatch when the model is another; those of
/// Session and generate.
Capture redacted(const Capture& capture, const std::shared_ptr<const Model>& model,
                 const TokenPermutation& permutation);

}  // namespace reprise::engine
