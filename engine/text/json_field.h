/// A value in a JSON document together with its path, for readers whose errors name the field. The value is
/// only borrowed. Used by tokenizer_json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reprise::engine {

/// "null", "a number", "'Metaspace'", ...: what a message says was found.
std::string describe_json(const nlohmann::json& value);

class JsonField {
 public:
  JsonField(const nlohmann::json& value, const std::string& file, std::string path)
      : value_(&value), file_(&file), path_(std::move(path)) {}

  [[nodiscard]] const nlohmann::json& value() const { return *value_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_null() const { return value_->is_null(); }

  /// A member of this object; a null field where there is none. Errors: this is no object.
  [[nodiscard]] JsonField operator[](const char* key) const;
  /// The elements of this array. Errors: this is none.
  [[nodiscard]] std::vector<JsonField> elements() const;

  /// Errors: another type, or absent.
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] bool boolean() const;
  /// The same, with a value for a field that is absent or null.
  [[nodiscard]] std::string text_or(const std::string& absent) const { return is_null() ? absent : text(); }
  [[nodiscard]] bool boolean_or(bool absent) const { return is_null() ? absent : boolean(); }

  /// Throws invalid_data: "file: path: expected ..., found ...", with this value as what was found.
  [[noreturn]] void expected(std::string_view what) const;
  /// The same as `unsupported`.
  [[noreturn]] void unsupported(std::string_view what) const;

 private:
  const nlohmann::json* value_;
  const std::string* file_;
  std::string path_;
};

}  // namespace reprise::engine
