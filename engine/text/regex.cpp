#define PCRE2_CODE_UNIT_WIDTH 8
#include "engine/text/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

/// Matching gives up after this many backtracks plus kMatchLimitPerByte for each byte of text.
constexpr std::size_t kMatchLimit = 10'000'000;
constexpr std::size_t kMatchLimitPerByte = 64;
constexpr std::uint32_t kHeapLimitKibibytes = 256 * 1024;

/// Rewrites a pattern for PCRE2 (the header says what changes).
class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : rest_(pattern), where_(where) {}

  std::string run() {
    while (!rest_.empty()) {
      if (rest_.front() == '\\') {
        escape();
      } else if (in_set_) {
        set_character();
      } else {
        if (rest_.front() == '[') {
          open_set();
        } else {
          take(1);
        }
      }
    }
    return std::move(result_);
  }

 private:
  void take(std::size_t n) {
    result_ += rest_.substr(0, n);
    rest_.remove_prefix(std::min(n, rest_.size()));
  }

  void escape() {
    const char c = rest_.size() > 1 ? rest_[1] : '\0';
    if (c == 's' || c == 'S') {
      result_ += c == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
      rest_.remove_prefix(2);
    } else if (c != '\0' && std::string_view("wWbBhH").find(c) != std::string_view::npos) {
      refuse(rest_.substr(0, 2));
    } else {
      take(2);
    }
  }

  void open_set() {
    in_set_ = true;
    take(rest_.starts_with("[^") ? 2 : 1);
    if (rest_.starts_with("]")) {
      take(1);
    }
  }

  void set_character() {
    if (rest_.starts_with("[:")) {
      const std::size_t end = rest_.find(":]");
      take(end == std::string_view::npos ? 2 : end + 2);
    } else if (rest_.starts_with("[")) {
      refuse("a set inside a set");
    } else if (rest_.starts_with("&&")) {
      refuse("&&");
    } else {
      in_set_ = rest_.front() != ']';
      take(1);
    }
  }

  [[noreturn]] void refuse(std::string_view what) const {
    fail(ErrorCode::unsupported, "{}: expected a pattern that Oniguruma and PCRE2 read alike, found {}",
         where_, what);
  }

  std::string_view rest_;
  const std::string& where_;
  std::string result_;
  bool in_set_ = false;
};

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;

/// The matching of one text.
class Search {
 public:
  Search(const pcre2_code& code, std::string_view text, const std::string& where)
      : code_(code),
        text_(text),
        where_(where),
        data_(pcre2_match_data_create(1, nullptr)),
        context_(pcre2_match_context_create(nullptr)) {
    REPRISE_CHECK(data_ != nullptr && context_ != nullptr);
    const std::size_t limit = kMatchLimit + kMatchLimitPerByte * text.size();
    pcre2_set_match_limit(context_.get(),
                          static_cast<std::uint32_t>(std::min<std::size_t>(limit, UINT32_MAX)));
    pcre2_set_heap_limit(context_.get(), kHeapLimitKibibytes);
  }

  std::optional<Regex::Match> first_from(std::size_t offset) {
    int found = match(offset, PCRE2_NO_UTF_CHECK);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {  // the interpreter keeps its stack on the heap
      found = match(offset, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT);
    }
    if (found == PCRE2_ERROR_NOMATCH) {
      return std::nullopt;
    }
    if (found < 0) {
      fail(ErrorCode::unsupported, "{}: expected a pattern that matches text in bounded steps, found {}",
           where_, found == PCRE2_ERROR_MATCHLIMIT ? "too much backtracking" : "a failure of the matcher");
    }
    const std::size_t* bounds = pcre2_get_ovector_pointer(data_.get());
    REPRISE_CHECK(offset <= bounds[0] && bounds[0] <= bounds[1] && bounds[1] <= text_.size());
    return Regex::Match{bounds[0], bounds[1]};
  }

 private:
  int match(std::size_t offset, std::uint32_t options) {
    return pcre2_match(&code_, reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(), offset, options,
                       data_.get(), context_.get());
  }

  const pcre2_code& code_;
  std::string_view text_;
  const std::string& where_;
  MatchData data_;
  MatchContext context_;
};

}  // namespace

Regex::Regex(std::string_view pattern, std::string where) : where_(std::move(where)) {
  const std::string translated = Translator(pattern, where_).run();
  constexpr std::uint32_t kOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  int error = 0;
  std::size_t position = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                   kOptions, &error, &position, nullptr);
  if (code == nullptr) {
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    fail(ErrorCode::invalid_data, "{}: expected a regular expression, found '{}' ({})", where_,
         printable(pattern), reinterpret_cast<const char*>(message.data()));
  }
  code_ = {code, [](const pcre2_code* owned) { pcre2_code_free(const_cast<pcre2_code*>(owned)); }};
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it cannot, matching is interpreted: slower, the same
}

std::vector<Regex::Match> Regex::find_all(std::string_view text) const {
  std::vector<Match> matches;
  Search search(*code_, text, where_);
  std::size_t offset = 0;
  while (offset <= text.size()) {
    const std::optional<Match> match = search.first_from(offset);
    if (!match) {
      break;
    }
    if (match->begin == match->end && !matches.empty() && matches.back().end == match->end) {
      offset += offset < text.size() ? first_utf8_step(text.substr(offset)).size : 1;
      continue;
    }
    matches.push_back(*match);
    offset = match->end;
  }
  return matches;
}

std::string Regex::escaped(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\^$.[]|()?*+{}-&~#/").find(c) != std::string_view::npos) {
      pattern += '\\';
    }
    pattern += c;
  }
  return pattern;
}

}  // namespace reprise::engine
