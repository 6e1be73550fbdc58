/// Text to token ids and back: byte-level BPE as GPT-2, Qwen, Llama 3 and MiniMind use it, and SentencePiece
/// BPE as Llama 2 and llama2.c use it.
///
/// Ids equal those of Hugging Face tokenizers. Nothing is added to what was given: beginning-of-text tokens
/// and chat markup are the caller's (chat templates). Used by the program, the servers and the chat
/// templates; models and captures know only ids. Where tokenizers come from: tokenizer_json.h (from_file does
/// that), tokenizer_gguf.h and llama2c_tokenizer.h read a TokenizerSpec for from_spec.
///
/// The space before the text. Most SentencePiece tokenizers put a space before a text, so that its first word
/// gets the token it has elsewhere, and decoding drops that space again: a space that begins the text of the
/// first token that is not special. So "Once" is the text of the token " Once" at the start of what is
/// decoded, also after special tokens (left out or not). That is what Hugging Face tokenizers do when they
/// leave special tokens out, and what llama2.c does after the beginning-of-text token. Who decodes what a
/// model wrote after a prompt, and wants the space between the two, gives the prompt's ids to the decoder
/// first. Such tokenizers also put a space before text that follows an added token; that one stays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/token.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// Immutable, cheap to copy (copies share), and safe to use from several threads at once.
class Tokenizer {
 public:
  /// Errors: the file is missing, unreadable, or not understood (tokenizer_json.h); the line names the field.
  static Tokenizer from_file(const std::filesystem::path& tokenizer_json);
  /// `name` stands in messages.
  static Tokenizer from_json(std::string_view json, const std::string& name);
  /// Errors: invalid_data, where the parts contradict one another.
  static Tokenizer from_spec(TokenizerSpec spec);
  /// Without merges: the 256 bytes are tokens 0 to 255, `special` tokens follow. For synthetic models.
  /// Errors: invalid_argument, where a special token has fewer than two characters (one could be mistaken for
  /// a byte), is not UTF-8, or stands twice.
  static Tokenizer bytes(std::span<const std::string> special = {});

  /// The tokens of `text`; added tokens written out in it ("<|im_end|>") are recognised. Bytes that are not
  /// UTF-8 count as U+FFFD each maximal subpart, as Python's `bytes.decode(errors="replace")` before a
  /// Hugging Face tokenizer would have it.
  /// Errors: invalid_argument for text of 256 MiB or more, or with a byte or character for which the
  /// tokenizer has neither a token nor an unknown token.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const;

  /// The text of `ids`, always valid UTF-8: bytes that form no character become U+FFFD, one for each maximal
  /// subpart (Hugging Face's byte fallback has one for each byte). `skip_special` leaves special tokens out;
  /// an added token decodes to its content; a space put before the text is dropped again (above).
  /// Errors: invalid_argument for an id without a token.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool skip_special = false) const;

  /// The bytes a token stands for, which need not be whole characters; they live as long as the tokenizer.
  /// Wherever it stands: " Once" keeps its space.
  /// Errors: invalid_argument for an id without a token.
  [[nodiscard]] std::string_view token_bytes(TokenId id) const;
  /// Whether the id has a token. Models often have more logits than there are tokens.
  [[nodiscard]] bool contains(TokenId id) const;
  [[nodiscard]] bool is_special(TokenId id) const;
  /// The token with exactly these bytes (as token_bytes gives them, " the" rather than "Ġthe" or "▁the").
  [[nodiscard]] std::optional<TokenId> id_of(std::string_view token) const;
  /// The highest id + 1.
  [[nodiscard]] std::int64_t size() const;
  /// SHA-256 in hexadecimal: of the file for tokenizer.json, of the content for other formats
  /// (tokenizer_digest.h), or for bytes() of a text that states its special tokens.
  [[nodiscard]] const std::string& digest() const;

 private:
  friend class StreamingDecoder;
  struct Parts;
  explicit Tokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

  /// What a token adds to decoded text. `at_start` says whether only special tokens came before, and is kept
  /// up to date.
  std::string_view decoded_bytes(TokenId id, bool skip_special, bool& at_start) const;

  std::shared_ptr<const Parts> parts_;
};

/// Decodes a stream of tokens: only whole characters come out, the beginning of one is held back. All that
/// `push` and `finish` return, in a row, is what Tokenizer::decode returns for the same ids.
class StreamingDecoder {
 public:
  explicit StreamingDecoder(Tokenizer tokenizer, bool skip_special = false)
      : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}

  /// Errors: invalid_argument for an id without a token; the stream can go on after it.
  std::string push(TokenId id);
  /// U+FFFD if the stream ends inside a character, otherwise nothing; a new stream may follow.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  bool skip_special_;
  bool at_start_ = true;
  std::string held_;  // the beginning of a character, at most 3 bytes
};

}  // namespace reprise::engine
