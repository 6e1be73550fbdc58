/// A folder that captures of the field go to, under a budget. Files are named call-NUMBER-ID.safetensors,
/// NUMBER of eight digits or more; no other file is ever counted or removed. Not thread-safe: used by the
/// writing thread of field_capture.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/capture/capture.h"

namespace reprise::engine {

/// "call-00000012-0123456789abcdef.safetensors"
std::string captured_file_name(std::int64_t number, std::string_view id);
/// The number in such a name; nothing for any other name.
std::optional<std::int64_t> captured_number(std::string_view file_name);

struct KeptCapture {
  std::int64_t number = 0;
  std::string file;  ///< its name
  std::uint64_t bytes = 0;
  double seconds = 0;  ///< of the call; 0 where it was not asked for, or cannot be read
  std::string policy;  ///< likewise
};

/// Which capture goes first when there is no room.
enum class EvictionOrder : std::uint8_t { oldest, fastest };

class CaptureFolder {
 public:
  /// Makes the folder and looks at what is there; reads seconds and policies only for EvictionOrder::fastest.
  /// Removes temporary files that processes which died have left (capture_temporaries.h).
  /// Nothing throws: a folder that cannot be made or read is empty, and problem() says why.
  CaptureFolder(std::filesystem::path folder, EvictionOrder order);

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const std::vector<KeptCapture>& kept() const { return kept_; }
  [[nodiscard]] std::uint64_t bytes() const;
  /// Of all captures that are there or were; 0: none.
  [[nodiscard]] std::int64_t highest_number() const { return highest_; }

  /// Writes the capture and returns its file's name, whose number is the next that is free where another
  /// process has a file of this one; never replaces a file. Errors: those of write_capture. A folder that has
  /// gone is not made again: what vanished may have been a disk that was mounted there.
  std::string write(const Capture& capture, std::int64_t number, double seconds);

  /// Removes captures until both limits hold (0: no limit), and returns those. One that cannot be removed is
  /// forgotten, and problem() says why.
  std::vector<KeptCapture> evict(std::uint64_t most_bytes, std::int64_t most_count);
  /// Whether it was there.
  bool remove(std::int64_t number);

 private:
  void look();
  void drop(std::vector<KeptCapture>::iterator kept);

  std::filesystem::path folder_;
  EvictionOrder order_;
  std::vector<KeptCapture> kept_;  ///< oldest first
  std::int64_t highest_ = 0;
  std::string problem_;
};

}  // namespace reprise::engine
