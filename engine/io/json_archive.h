/// Structs to JSON and back, from one list of fields each, so that writer and reader cannot disagree:
///
///   template <class Archive> void fields(Archive& archive, Point& p) { archive("x", p.x); archive("y", p.y); }
///
/// found by argument-dependent lookup beside the struct. Enumerations are written as the names of a specialised
/// JsonEnum; a struct named in JsonPair as an array of its two numbers. std::optional is null, or absent when read.
/// Errors of reading: invalid_data, one line "source: path.to[3].field: expected ..., found ...".
/// Used by captures, benchmark specifications and reports.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/printable.h"

namespace reprise::engine {

/// Specialised with `static constexpr std::array kNames = {std::pair{value, std::string_view(name)}, ...}`.
template <class Enum>
struct JsonEnum;

/// Specialised with `static constexpr double T::* kFirst` and `kSecond` for a struct that is written as [first, second].
template <class T>
struct JsonPair;

template <class T>
concept JsonPaired = requires { JsonPair<T>::kFirst; };

enum class UnknownFields { allowed, refused };

namespace detail {

inline std::string member(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

inline std::string element(const std::string& path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

}  // namespace detail

class JsonWriter {
 public:
  explicit JsonWriter(std::string path = "") : path_(std::move(path)) {}

  template <class T>
  void operator()(std::string_view name, T& value) {
    object_[std::string(name)] = write(value, detail::member(path_, name));
  }
  /// A field that follows from the others; checked, not read, by JsonReader.
  void derived(std::string_view name, bool value) { object_[std::string(name)] = value; }

  [[nodiscard]] nlohmann::ordered_json take() { return std::move(object_); }

 private:
  using Json = nlohmann::ordered_json;

  template <class T>
  static Json write(T& value, const std::string& path) {
    if constexpr (std::is_enum_v<T>) {
      for (const auto& [named, name] : JsonEnum<T>::kNames) {
        if (named == value) {
          return name;
        }
      }
      REPRISE_CHECK(false && "value outside its enumeration");
    } else if constexpr (std::same_as<T, std::string> || std::integral<T>) {
      return value;
    } else if constexpr (JsonPaired<T>) {
      return Json::array({write(value.*JsonPair<T>::kFirst, detail::element(path, 0)),
                          write(value.*JsonPair<T>::kSecond, detail::element(path, 1))});
    } else {
      JsonWriter object(path);
      fields(object, value);
      return object.take();
    }
  }
  static Json write(double& value, const std::string& path) {
    if (!std::isfinite(value)) {
      fail(ErrorCode::invalid_data, "{}: expected a finite number, found {}", path, value);
    }
    return value;
  }
  template <class T>
  static Json write(std::optional<T>& value, const std::string& path) {
    return value ? write(*value, path) : Json(nullptr);
  }
  template <class T>
  static Json write(std::vector<T>& values, const std::string& path) {
    Json array = Json::array();
    for (std::size_t i = 0; i < values.size(); ++i) {
      array.push_back(write(values[i], detail::element(path, i)));
    }
    return array;
  }
  template <class T>
  static Json write(std::map<std::string, T>& values, const std::string& path) {
    Json object = Json::object();
    for (auto& [name, value] : values) {
      object[name] = write(value, detail::member(path, name));
    }
    return object;
  }

  std::string path_;
  Json object_ = Json::object();
};

class JsonReader {
 public:
  /// `source` names the file in messages; it and `object` must outlive the reader.
  JsonReader(const nlohmann::json& object, std::string_view source, std::string path = "",
             UnknownFields unknown = UnknownFields::allowed)
      : object_(object), source_(source), path_(std::move(path)), unknown_(unknown) {
    if (!object.is_object()) {
      wrong(path_, "object", type_of(object));
    }
  }

  template <class T>
  void operator()(std::string_view name, T& value) {
    known_.emplace(name);
    read(field(name), value, detail::member(path_, name));
  }

  void derived(std::string_view name, bool expected) {
    bool found = false;
    (*this)(name, found);
    if (found != expected) {
      wrong(detail::member(path_, name), fmt::format("{} by the other fields", expected), fmt::format("{}", found));
    }
  }

  /// A field that the caller reads by other means.
  void allow(std::string_view name) { known_.emplace(name); }

  [[nodiscard]] std::string_view source() const { return source_; }

  /// To be called after the fields were read: where unknown fields are refused, names the first one.
  void finish() const {
    if (unknown_ == UnknownFields::allowed) {
      return;
    }
    for (const auto& [name, value] : object_.items()) {
      if (known_.find(name) == known_.end()) {
        std::string allowed;
        for (const std::string& key : known_) {
          allowed += (allowed.empty() ? "" : ", ") + key;
        }
        wrong(detail::member(path_, printable(name)), "one of the keys " + allowed, "an unknown key");
      }
    }
  }

  [[noreturn]] void wrong(const std::string& path, std::string_view expected, std::string_view found) const {
    fail(ErrorCode::invalid_data, "{}: {}: expected {}, found {}", source_, path.empty() ? "document" : path, expected,
         found);
  }

 private:
  using Json = nlohmann::json;

  static const char* type_of(const Json& value) { return value.is_discarded() ? "nothing" : value.type_name(); }

  /// A missing field reads as a discarded value: of no type.
  [[nodiscard]] const Json& field(std::string_view name) const {
    static const Json nothing(Json::value_t::discarded);
    const auto found = object_.find(name);
    return found == object_.end() ? nothing : *found;
  }

  void read(const Json& from, std::string& value, const std::string& path) {
    if (!from.is_string()) {
      wrong(path, "string", type_of(from));
    }
    value = from.get<std::string>();
  }
  void read(const Json& from, bool& value, const std::string& path) {
    if (!from.is_boolean()) {
      wrong(path, "boolean", type_of(from));
    }
    value = from.get<bool>();
  }
  void read(const Json& from, double& value, const std::string& path) {
    if (!from.is_number()) {
      wrong(path, "number", type_of(from));
    }
    value = from.get<double>();
  }
  /// Integers are counts, ids and indices: never negative.
  template <std::integral T>
  void read(const Json& from, T& value, const std::string& path) {
    if (!from.is_number_integer()) {
      wrong(path, "whole number", from.is_number() ? from.dump() : type_of(from));
    }
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    const bool negative = !from.is_number_unsigned() && from.get<std::int64_t>() < 0;
    const bool fits = !negative && from.get<std::uint64_t>() <= kMost;
    if (!fits) {
      wrong(path, fmt::format("whole number from 0 to {}", kMost), from.dump());
    }
    value = from.get<T>();
  }
  template <JsonPaired T>
  void read(const Json& from, T& value, const std::string& path) {
    if (!from.is_array() || from.size() != 2) {
      wrong(path, "array of 2 numbers",
            from.is_array() ? fmt::format("{} elements", from.size()) : std::string(type_of(from)));
    }
    double& first = value.*JsonPair<T>::kFirst;
    double& second = value.*JsonPair<T>::kSecond;
    read(from[0], first, detail::element(path, 0));
    read(from[1], second, detail::element(path, 1));
    if (first > second) {
      wrong(path, "the lower end first", fmt::format("{} before {}", first, second));
    }
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void read(const Json& from, Enum& value, const std::string& path) {
    std::string text;
    read(from, text, path);
    std::string allowed;
    for (const auto& [named, name] : JsonEnum<Enum>::kNames) {
      if (name == text) {
        value = named;
        return;
      }
      allowed += fmt::format("{}{}", allowed.empty() ? "" : "|", name);
    }
    wrong(path, allowed, printable(text));
  }
  template <class T>
  void read(const Json& from, std::optional<T>& value, const std::string& path) {
    if (from.is_discarded() || from.is_null()) {
      value.reset();
    } else {
      read(from, value.emplace(), path);
    }
  }
  template <class T>
  void read(const Json& from, std::vector<T>& values, const std::string& path) {
    if (!from.is_array()) {
      wrong(path, "array", type_of(from));
    }
    values.clear();
    for (std::size_t i = 0; i < from.size(); ++i) {
      read(from[i], values.emplace_back(), detail::element(path, i));
    }
  }
  template <class T>
  void read(const Json& from, std::map<std::string, T>& values, const std::string& path) {
    if (!from.is_object()) {
      wrong(path, "object", type_of(from));
    }
    values.clear();
    for (const auto& [name, value] : from.items()) {
      read(value, values[name], detail::member(path, printable(name)));
    }
  }
  template <class Struct>
    requires(std::is_class_v<Struct> && !JsonPaired<Struct>)
  void read(const Json& from, Struct& value, const std::string& path) {
    JsonReader object(from, source_, path, unknown_);
    fields(object, value);
    object.finish();
  }

  const Json& object_;
  std::string_view source_;
  std::string path_;
  UnknownFields unknown_;
  std::set<std::string, std::less<>> known_;
};

/// A struct as JSON, and back. `value` is not changed by writing.
template <class T>
nlohmann::ordered_json to_json_value(const T& value) {
  T copy = value;  // field lists take mutable values, because the reader fills them
  JsonWriter writer;
  fields(writer, copy);
  return writer.take();
}

/// The same as text on one line. Strings that are not UTF-8 (paths may hold anything) get U+FFFD.
template <class T>
std::string to_json_text(const T& value) {
  return to_json_value(value).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

template <class T>
T from_json_value(const nlohmann::json& json, std::string_view source, const std::string& path = "",
                  UnknownFields unknown = UnknownFields::allowed) {
  T value;
  JsonReader reader(json, source, path, unknown);
  fields(reader, value);
  reader.finish();
  return value;
}

}  // namespace reprise::engine
