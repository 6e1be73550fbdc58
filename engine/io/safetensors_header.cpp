#include "engine/io/safetensors_header.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/io/safetensors.h"

namespace reprise::engine::detail {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

/// Where the reader stands; the format nests no deeper than `shape` and `offsets`, so neither does this.
enum class Place { file, header, metadata, tensor, shape, offsets };

class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool null() override { unexpected("null"); }
  bool boolean(bool value) override { unexpected(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { unexpected(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t, const string_t& text) override { unexpected(printable(text)); }
  bool string(string_t& value) override;
  bool binary(binary_t&) override { unexpected("binary"); }
  bool start_object(std::size_t) override;
  bool key(string_t& value) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::json::exception&) override {
    fail(ErrorCode::invalid_data, "{}: header: expected JSON, found a syntax error at byte {}, near '{}'",
         file_, position, printable(token));
  }

 private:
  [[noreturn]] void unexpected(const std::string& found);
  [[nodiscard]] std::string where() const;
  [[nodiscard]] std::string_view expected() const;

  void require_new(bool is_new) const;
  void finish_tensor();

  const std::string& file_;
  SafetensorsHeader header_;
  std::set<std::string> names_;
  Place place_ = Place::file;
  std::string key_;                  ///< of the header's object: a tensor's name or __metadata__
  std::string field_;                ///< of the object inside
  std::set<std::string> fields_;     ///< of the tensor that is being read
  std::vector<std::uint64_t> list_;  ///< the array that is being read
};

std::string HeaderReader::where() const {
  switch (place_) {
    case Place::file:
      return "header";
    case Place::metadata:
      return fmt::format("__metadata__: '{}'", printable(field_));
    case Place::header:
      return key_ == kMetadataKey ? key_ : fmt::format("tensor '{}'", printable(key_));
    case Place::tensor:
    case Place::shape:
    case Place::offsets:
      break;
  }
  return fmt::format("tensor '{}': {}", printable(key_), printable(field_));
}

std::string_view HeaderReader::expected() const {
  switch (place_) {
    case Place::file:
    case Place::header:
      return "an object";
    case Place::metadata:
      return "a string";
    case Place::shape:
      return "integers from 0 to 2^63 - 1";
    case Place::offsets:
      return "two integers from 0 to 2^64 - 1";
    case Place::tensor:
      break;
  }
  return field_ == "dtype" ? "a string" : "an array of integers";
}

void HeaderReader::unexpected(const std::string& found) {
  fail(ErrorCode::invalid_data, "{}: {}: expected {}, found {}", file_, where(), expected(), found);
}

void HeaderReader::require_new(bool is_new) const {
  if (!is_new) {
    fail(ErrorCode::invalid_data, "{}: {}: expected to stand once, found a second", file_, where());
  }
}

bool HeaderReader::start_object(std::size_t) {
  if (place_ == Place::file) {
    place_ = Place::header;
  } else if (place_ == Place::header && key_ == kMetadataKey) {
    place_ = Place::metadata;
  } else if (place_ == Place::header) {
    place_ = Place::tensor;
    fields_.clear();
    header_.entries.emplace_back().name = key_;
  } else {
    unexpected("an object");
  }
  return true;
}

bool HeaderReader::key(string_t& value) {
  if (place_ == Place::header) {
    key_ = std::move(value);
    require_new(names_.insert(key_).second);
    return true;
  }
  field_ = std::move(value);
  if (place_ == Place::metadata) {
    require_new(!header_.metadata.contains(field_));
    return true;
  }
  if (field_ != "dtype" && field_ != "shape" && field_ != "data_offsets") {
    fail(ErrorCode::invalid_data,
         "{}: tensor '{}': expected the keys dtype, shape and data_offsets, found '{}'", file_,
         printable(key_), printable(field_));
  }
  require_new(fields_.insert(field_).second);
  return true;
}

bool HeaderReader::string(string_t& value) {
  if (place_ == Place::metadata) {
    header_.metadata.emplace(std::move(field_), std::move(value));
    return true;
  }
  if (place_ != Place::tensor || field_ != "dtype") {
    unexpected(fmt::format("the string '{}'", printable(value)));
  }
  const auto dtype = safetensors_dtype_named(value);
  if (!dtype) {
    fail(ErrorCode::invalid_data,
         "{}: {}: expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL, found '{}'", file_,
         where(), printable(value));
  }
  header_.entries.back().dtype = *dtype;
  return true;
}

bool HeaderReader::start_array(std::size_t) {
  if (place_ != Place::tensor || field_ == "dtype") {
    unexpected("an array");
  }
  place_ = field_ == "shape" ? Place::shape : Place::offsets;
  list_.clear();
  return true;
}

bool HeaderReader::number_unsigned(number_unsigned_t value) {
  const bool is_extent =
      place_ == Place::shape && value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!is_extent && place_ != Place::offsets) {
    unexpected(std::to_string(value));
  }
  if (is_extent && list_.size() == kSafetensorsMaxRank) {
    fail(ErrorCode::invalid_data, "{}: {}: expected at most {} extents, found more", file_, where(),
         kSafetensorsMaxRank);
  }
  if (place_ == Place::offsets && list_.size() == 2) {
    unexpected("a third");
  }
  list_.push_back(value);
  return true;
}

bool HeaderReader::end_array() {
  SafetensorsEntry& entry = header_.entries.back();
  if (place_ == Place::shape) {
    entry.shape.assign(list_.begin(), list_.end());
  } else {
    if (list_.size() != 2) {
      unexpected(std::to_string(list_.size()));
    }
    entry.begin = list_[0];
    entry.end = list_[1];
  }
  place_ = Place::tensor;
  return true;
}

bool HeaderReader::end_object() {
  if (place_ == Place::tensor) {
    finish_tensor();
  }
  place_ = place_ == Place::header ? Place::file : Place::header;
  return true;
}

void HeaderReader::finish_tensor() {
  for (const char* field : {"dtype", "shape", "data_offsets"}) {
    if (!fields_.contains(field)) {
      fail(ErrorCode::invalid_data,
           "{}: tensor '{}': expected the keys dtype, shape and data_offsets, found no {}", file_,
           printable(key_), field);
    }
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& file) {
  if (!text.starts_with('{')) {
    fail(ErrorCode::invalid_data, "{}: header: expected an object beginning with '{{', found '{}'", file,
         printable(text.substr(0, 1)));
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    // The JSON library takes it for the end of the text, and would ignore what follows.
    fail(ErrorCode::invalid_data, "{}: header: expected JSON, found a zero byte at byte {}", file, nul);
  }
  HeaderReader reader(file);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  return reader.take();
}

}  // namespace reprise::engine::detail
