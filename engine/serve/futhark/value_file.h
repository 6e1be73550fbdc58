/// Reads and writes files of Futhark values: version 2 of its binary format, and its text format, which may
/// stand side by side in one file. Used by the server's `restore` and `store`, and for data.in files.
/// Source: Futhark's documentation, "Binary Data Format".
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/core/function_ref.h"
#include "engine/serve/futhark/value.h"

namespace reprise::engine::futhark {

/// The bytes of a regular file in order, and how many are left of them.
class ByteSource {
 public:
  /// Errors: not_found or io, naming the file.
  explicit ByteSource(const std::filesystem::path& path);

  /// The next byte, or EOF.
  int get();
  void unget(int byte);
  void skip_spaces();
  /// Fewer only at the end of the file.
  std::size_t read(std::span<std::byte> out);
  /// What the file held when it was opened, less what was read.
  [[nodiscard]] std::int64_t remaining() const { return size_ - position_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  std::int64_t size_ = 0;
  std::int64_t position_ = 0;
};

/// The next value, which has the type asked for.
/// Errors: invalid_data with what was expected and found: another type, extents that overflow or that the
/// file is too short for (before memory is asked for), text that is no value.
Array read_value(ByteSource& source, const ArrayType& type);

/// Whether only white space and comments are left. To be asked after the last value: where it is not so, the
/// beginning of what is left may have been read.
bool at_end(ByteSource& source);

/// The value in the binary format; a record is its components one after the other. `write` gets the bytes in
/// pieces. Errors: those of Record::field and of `write`.
void write_value(const Value& value, FunctionRef<void(std::span<const std::byte>)> write);

}  // namespace reprise::engine::futhark
