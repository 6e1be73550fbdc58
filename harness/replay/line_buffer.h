/// Bytes that arrive in pieces, taken out as lines. Both ends of the child protocol read through it
/// (child_process.h, tools/cli/serve_runs.cpp), so that neither can be made to hold a line without end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/core/check.h"

namespace reprise::harness {

class LineBuffer {
 public:
  void append(std::string_view bytes) {
    if (end_ == std::string::npos) {
      const std::size_t at = bytes.find('\n');
      end_ = at == std::string_view::npos ? std::string::npos : text_.size() + at;
    }
    text_.append(bytes);
  }

  [[nodiscard]] bool has_line() const { return end_ != std::string::npos; }
  /// Bytes of the next line, as far as it has arrived. Whoever fills the buffer stops beyond a limit.
  [[nodiscard]] std::size_t line_bytes() const { return std::min(end_, text_.size()); }
  [[nodiscard]] std::size_t size_bytes() const { return text_.size(); }

  /// The next line, without its end. There must be one.
  std::string take_line() {
    REPRISE_CHECK(has_line());
    std::string line = text_.substr(0, end_);
    text_.erase(0, end_ + 1);
    end_ = text_.find('\n');
    return line;
  }

 private:
  std::string text_;
  std::size_t end_ = std::string::npos;  // of the first line in text_
};

}  // namespace reprise::harness
