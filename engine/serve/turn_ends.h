/// What ends an assistant's turn: tokens, and texts where the tokenizer has no token for them.
#pragma once

#include <string>
#include <vector>

#include "engine/model/config.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {

struct TurnEnds {
  std::vector<TokenId> eos_ids;           ///< the model's own, and those of the template
  std::vector<std::string> stop_strings;  ///< what the template ends a turn with, and the tokenizer spells
};

inline TurnEnds turn_ends(const ModelConfig& config, const Tokenizer& tokenizer,
                          const ChatTemplate& chat_template) {
  TurnEnds ends{config.eos_ids, {}};
  for (const std::string_view end : chat_template.end_of_turn()) {
    if (const auto id = tokenizer.id_of(end); id) {
      ends.eos_ids.push_back(*id);
    } else {
      ends.stop_strings.emplace_back(end);
    }
  }
  return ends;
}

}  // namespace reprise::engine
