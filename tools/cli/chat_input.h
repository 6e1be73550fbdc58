/// What a user types into `reprise chat`: messages and Ctrl-C.
#pragma once

#include <optional>
#include <string>

namespace reprise::cli {

/// While it lives, Ctrl-C raises a flag instead of ending the program. One at a time.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Whether there was one since the flag was last taken.
  [[nodiscard]] static bool is_raised();
  static bool take();
  /// Can be read while the flag is raised, for poll(); -1 where none of these lives.
  [[nodiscard]] static int descriptor();
};

/// Lines of a descriptor. Reads that a signal ends are not begun again: that is how Ctrl-C reaches the
/// prompt.
class LineReader {
 public:
  enum class Status { line, interrupted, end };

  explicit LineReader(int descriptor) : descriptor_(descriptor) {}

  /// Puts the next line, without its end, into `line`; the last one may lack its end. Errors: io.
  Status read(std::string& line);

 private:
  std::optional<std::string> take_line();

  int descriptor_;
  bool at_end_ = false;
  std::string held_;
  std::size_t searched_ = 0;  // bytes of held_ without the end of a line
};

/// Messages of one or more lines: "\" at a line's end goes on in the next one.
class MessageReader {
 public:
  /// With prompts on standard output, where both sides are a terminal.
  explicit MessageReader(bool with_prompts) : lines_(0), with_prompts_(with_prompts) {}

  /// The next message, or nothing at the end of input or after Ctrl-C twice in a row.
  std::optional<std::string> read(const std::string& prompt);

 private:
  LineReader lines_;
  bool with_prompts_;
};

}  // namespace reprise::cli
