#include "engine/text/json_field.h"

#include "engine/core/error.h"
#include "engine/io/printable.h"

namespace reprise::engine {

using nlohmann::json;

std::string describe_json(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "nothing";
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return fmt::format("an array of {}", value.size());
    case json::value_t::string:
      return fmt::format("'{}'", printable(value.get_ref<const std::string&>()));
    default:
      return value.dump();
  }
}

JsonField JsonField::operator[](const char* key) const {
  static const json kNothing;
  if (!value_->is_object()) {
    expected("an object");
  }
  const auto member = value_->find(key);
  return {member == value_->end() ? kNothing : *member, *file_, path_.empty() ? key : path_ + "." + key};
}

std::vector<JsonField> JsonField::elements() const {
  if (!value_->is_array()) {
    expected("an array");
  }
  std::vector<JsonField> fields;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    fields.emplace_back((*value_)[i], *file_, fmt::format("{}[{}]", path_, i));
  }
  return fields;
}

const std::string& JsonField::text() const {
  if (!value_->is_string()) {
    expected("a string");
  }
  return value_->get_ref<const std::string&>();
}

bool JsonField::boolean() const {
  if (!value_->is_boolean()) {
    expected("true or false");
  }
  return value_->get<bool>();
}

void JsonField::expected(std::string_view what) const {
  fail(ErrorCode::invalid_data, "{}: {}: expected {}, found {}", *file_, path_.empty() ? "top level" : path_,
       what, describe_json(*value_));
}

void JsonField::unsupported(std::string_view what) const {
  fail(ErrorCode::unsupported, "{}: {}: expected {}, found {}", *file_, path_, what, describe_json(*value_));
}

}  // namespace reprise::engine
