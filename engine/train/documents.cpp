#include "engine/train/documents.h"

#include <algorithm>
#include <map>

#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/text/byte_alphabet.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

bool is_control(std::uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = std::min(line.find_first_not_of(kSpace), line.size());
  const std::size_t end = line.find_last_not_of(kSpace) + 1;  // npos + 1 is 0
  return line.substr(begin, std::max(begin, end) - begin);
}

/// Characters numbered as they are met; sorted afterwards.
using Numbers = std::map<std::string, TokenId, std::less<>>;

class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  void add_line(std::string_view line) {
    ++line_number_;
    const std::string_view text = trimmed(line);
    if (text.empty()) {
      return;
    }
    std::vector<TokenId>& document = documents_.emplace_back();
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Step step = first_utf8_step(text.substr(at));
      const std::string_view character = text.substr(at, step.size);
      check(step, static_cast<std::size_t>(character.data() - line.data()), character[0]);
      document.push_back(number_of(character));
      at += step.size;
    }
  }

  Documents finish() {
    if (documents_.empty()) {
      fail(ErrorCode::invalid_data, "{}: expected a document a line, found none", name_);
    }
    Documents result;
    std::vector<TokenId> sorted(numbers_.size());  // by order of meeting; the map is sorted already
    for (const auto& [character, number] : numbers_) {
      sorted[static_cast<std::size_t>(number)] = result.boundary();
      result.characters.push_back(character);
    }
    const TokenId boundary = result.boundary();
    for (std::vector<TokenId>& document : documents_) {
      for (TokenId& id : document) {
        id = sorted[static_cast<std::size_t>(id)];
      }
      document.insert(document.begin(), boundary);
      document.push_back(boundary);
    }
    result.documents = std::move(documents_);
    return result;
  }

 private:
  void check(const Utf8Step& step, std::size_t offset, char first) const {
    if (step.kind != Utf8Kind::character) {
      fail(ErrorCode::invalid_data, "{}: line {}, byte {}: expected UTF-8, found byte 0x{:02x}", name_,
           line_number_, offset + 1, static_cast<unsigned char>(first));
    }
    if (is_control(step.code_point)) {
      fail(ErrorCode::invalid_data, "{}: line {}, byte {}: expected text, found control character U+{:04X}",
           name_, line_number_, offset + 1, step.code_point);
    }
  }

  TokenId number_of(std::string_view character) {
    const auto found = numbers_.find(character);
    if (found != numbers_.end()) {
      return found->second;
    }
    return numbers_.emplace(character, static_cast<TokenId>(numbers_.size())).first->second;
  }

  const std::string& name_;
  std::size_t line_number_ = 0;
  Numbers numbers_;
  std::vector<std::vector<TokenId>> documents_;
};

}  // namespace

std::size_t Documents::longest() const {
  std::size_t longest = 0;
  for (const std::vector<TokenId>& document : documents) {
    longest = std::max(longest, document.size());
  }
  return longest;
}

Documents parse_documents(std::string_view text, const std::string& name) {
  Reader reader(name);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.add_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return reader.finish();
}

Documents read_documents(const std::filesystem::path& path) {
  return parse_documents(read_text_file(path, kMaxFileBytes), path.string());
}

TokenizerSpec character_tokenizer(const std::vector<std::string>& characters) {
  TokenizerSpec spec;
  spec.name = "characters";
  for (const std::string& character : characters) {
    spec.vocabulary.push_back({spell_bytes(character), static_cast<TokenId>(spec.vocabulary.size())});
  }
  AddedToken boundary;
  boundary.content = kDocumentBoundary;
  boundary.id = static_cast<TokenId>(characters.size());
  boundary.special = true;
  spec.added_tokens.push_back(boundary);
  spec.word_splits.push_back({.field = "pre_tokenizer", .pattern = R"([\s\S])"});
  spec.ignore_merges = true;
  return spec;
}

}  // namespace reprise::engine
