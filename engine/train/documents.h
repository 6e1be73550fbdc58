/// Text to train on: a document a line, whose characters become the vocabulary. Used by
/// `reprise model train`; the trainer itself knows only ids.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/token.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// How the token that begins and ends every document is written in texts.
inline constexpr std::string_view kDocumentBoundary = "<bos>";

struct Documents {
  /// The different characters, in UTF-8, sorted by code point: character i is token i. The token after the
  /// last one begins and ends documents.
  std::vector<std::string> characters;
  /// Boundary, characters, boundary.
  std::vector<std::vector<TokenId>> documents;

  [[nodiscard]] TokenId boundary() const { return static_cast<TokenId>(characters.size()); }
  [[nodiscard]] std::int64_t n_vocab() const { return std::ssize(characters) + 1; }
  /// Tokens of the longest document.
  [[nodiscard]] std::size_t longest() const;
};

/// Spaces, tabs and carriage returns at both ends of a line and empty lines are left out. Any other character
/// of UTF-8 may stand in a document, except control characters (below U+0020, and U+007F to U+009F).
/// Errors: invalid_data, naming line and byte of what is no character or a control character, or when there
/// is no document at all. `name` stands for the file.
Documents parse_documents(std::string_view text, const std::string& name);

/// parse_documents of a file of at most 64 MiB. Errors: those, and those of read_text_file.
Documents read_documents(const std::filesystem::path& path);

/// The tokenizer of these documents: byte-level BPE without merges, in which every character is a word of its
/// own and so, even where it has several bytes, one token. The boundary is a special token. Text with other
/// characters cannot be encoded.
TokenizerSpec character_tokenizer(const std::vector<std::string>& characters);

}  // namespace reprise::engine
