#include "engine/capture/capture_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <numeric>
#include <system_error>
#include <tuple>

#include "engine/capture/capture_temporaries.h"
#include "engine/core/error.h"
#include "engine/io/safetensors.h"

namespace reprise::engine {
namespace {

constexpr std::string_view kPrefix = "call-";
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::size_t kIdDigits = 16;
constexpr std::size_t kLeastDigits = 8;
constexpr std::size_t kMostDigits = 18;  // of which every number fits 63 bits

bool is_all(std::string_view text, std::string_view of) {
  return text.find_first_not_of(of) == std::string_view::npos;
}

double sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// Seconds and policy of a stored call, without reading the whole of it.
void read_facts(const std::filesystem::path& path, KeptCapture& kept) {
  try {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const SafetensorsTensor* seconds = file.find("steps.seconds");
    const auto policy = file.metadata().find("policy");
    if (seconds != nullptr && seconds->dtype == DType::f64 && policy != file.metadata().end()) {
      std::vector<double> values(seconds->data.size() / sizeof(double));
      if (!values.empty()) {
        std::memcpy(values.data(), seconds->data.data(), values.size() * sizeof(double));
      }
      kept.seconds = sum(values);
      kept.policy = policy->second;
    }
  } catch (const Error&) {
    // Damaged, or no capture: nothing is known of it, and it is the first to go.
  }
}

/// What a crash has left of a capture, which no budget counts.
void remove_if_left_behind(const std::filesystem::directory_entry& entry) {
  std::error_code error;
  const auto age = std::filesystem::file_time_type::clock::now() - entry.last_write_time(error);
  if (!error &&
      is_left_behind(entry.path().filename().string(),
                     std::chrono::duration_cast<std::chrono::seconds>(age)) &&
      std::filesystem::is_regular_file(entry.symlink_status(error))) {
    std::filesystem::remove(entry.path(), error);
  }
}

}  // namespace

std::string captured_file_name(std::int64_t number, std::string_view id) {
  return fmt::format("{}{:08}-{}{}", kPrefix, number, id, kSuffix);
}

std::optional<std::int64_t> captured_number(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) ||
      name.size() < kPrefix.size() + kSuffix.size()) {
    return std::nullopt;
  }
  name = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos || dash < kLeastDigits || dash > kMostDigits ||
      name.size() != dash + 1 + kIdDigits || !is_all(name.substr(0, dash), "0123456789") ||
      !is_all(name.substr(dash + 1), "0123456789abcdef")) {
    return std::nullopt;
  }
  std::int64_t number = 0;
  std::from_chars(name.data(), name.data() + dash, number);
  return number;
}

CaptureFolder::CaptureFolder(std::filesystem::path folder, EvictionOrder order)
    : folder_(std::move(folder)), order_(order) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (!std::filesystem::is_directory(folder_, error)) {
    problem_ = fmt::format("{}: expected a folder that can be made, found {}", folder_.string(),
                           error ? error.message() : "something else of this name");
    return;
  }
  look();
}

void CaptureFolder::look() {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder_, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    const auto number = captured_number(name);
    std::error_code ignored;
    remove_if_left_behind(*entries);
    if (!number || !entries->is_regular_file(ignored)) {
      continue;
    }
    KeptCapture kept{*number, name, entries->file_size(ignored), 0, ""};
    if (order_ == EvictionOrder::fastest) {
      read_facts(entries->path(), kept);
    }
    highest_ = std::max(highest_, *number);
    kept_.push_back(std::move(kept));
  }
  if (error) {
    problem_ =
        fmt::format("{}: expected a folder that can be read, found {}", folder_.string(), error.message());
  }
  std::sort(kept_.begin(), kept_.end(), [](const KeptCapture& a, const KeptCapture& b) {
    return std::tie(a.number, a.file) < std::tie(b.number, b.file);
  });
}

std::uint64_t CaptureFolder::bytes() const {
  std::uint64_t total = 0;
  for (const KeptCapture& kept : kept_) {
    total += kept.bytes;
  }
  return total;
}

std::string CaptureFolder::write(const Capture& capture, std::int64_t number, double seconds) {
  // The id is a digest of what is written, so the name is known only afterwards.
  const std::filesystem::path temporary = folder_ / capture_temporary_name(number);
  const std::string id = write_capture(capture, temporary);
  // Another process may count the same numbers. Its file is its own to remove, even an equal one.
  std::int64_t free = number;
  std::error_code error;
  try {
    while (!rename_to_new(temporary, folder_ / captured_file_name(free, id))) {
      ++free;
    }
  } catch (const Error&) {
    std::filesystem::remove(temporary, error);
    throw;
  }
  const std::string file = captured_file_name(free, id);
  highest_ = std::max(highest_, free);
  kept_.push_back(
      {number, file, std::filesystem::file_size(folder_ / file, error), seconds, capture.origin.policy});
  if (error) {
    kept_.back().bytes = 0;
  }
  return file;
}

void CaptureFolder::drop(std::vector<KeptCapture>::iterator kept) {
  std::error_code error;
  std::filesystem::remove(folder_ / kept->file, error);  // one that has gone already is no error
  if (error) {
    problem_ =
        fmt::format("{}: expected to remove it, found: {}", (folder_ / kept->file).string(), error.message());
  }
  kept_.erase(kept);
}

std::vector<KeptCapture> CaptureFolder::evict(std::uint64_t most_bytes, std::int64_t most_count) {
  problem_.clear();
  std::vector<KeptCapture> evicted;
  while (!kept_.empty() &&
         ((most_bytes > 0 && bytes() > most_bytes) || (most_count > 0 && std::ssize(kept_) > most_count))) {
    const auto faster = [](const KeptCapture& a, const KeptCapture& b) { return a.seconds < b.seconds; };
    const auto first = order_ == EvictionOrder::oldest ? kept_.begin()
                                                       : std::min_element(kept_.begin(), kept_.end(), faster);
    evicted.push_back(*first);
    drop(first);
  }
  return evicted;
}

bool CaptureFolder::remove(std::int64_t number) {
  problem_.clear();
  const auto found = std::find_if(kept_.begin(), kept_.end(),
                                  [number](const KeptCapture& kept) { return kept.number == number; });
  if (found == kept_.end()) {
    return false;
  }
  drop(found);
  return true;
}

}  // namespace reprise::engine
