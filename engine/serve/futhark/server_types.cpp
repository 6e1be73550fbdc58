/// The server's commands on types, arrays, records and sums.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "engine/core/error.h"
#include "engine/serve/futhark/server.h"

namespace reprise::engine::futhark {
namespace {

std::optional<std::int64_t> whole_number(const std::string& word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = error == std::errc() && end == word.data() + word.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// The element that `words` name, one index a dimension, counted row by row.
std::size_t element_at(const Array& array, std::span<const std::string> words) {
  const Extents& extents = array.extents();
  if (words.size() != extents.size()) {
    fail(ErrorCode::invalid_argument, "{} indices expected but {} values provided.", extents.size(),
         words.size());
  }
  std::int64_t at = 0;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const auto index = whole_number(words[i]);
    if (!index || *index < 0 || *index >= extents[i]) {
      fail(ErrorCode::invalid_argument, "Invalid index `{}` on dimension {}.", words[i], i + 1);
    }
    at = at * extents[i] + *index;
  }
  return static_cast<std::size_t>(at);
}

}  // namespace

const RecordKind* Server::record_kind(std::string_view name) const {
  const auto found = std::ranges::find(
      program_.records, name, [](const RecordKind& kind) -> const auto& { return kind.type->name; });
  return found == program_.records.end() ? nullptr : &*found;
}

void Server::check_type(const std::string& name) const {
  if (record_kind(name) == nullptr && !array_type_named(name)) {
    fail(ErrorCode::not_found, "Unknown type {}", name);
  }
}

ArrayType Server::array_type(const std::string& name) const {
  check_type(name);
  const auto type = array_type_named(name);
  if (!type || type->rank == 0) {
    fail(ErrorCode::invalid_argument, "Not an array type");
  }
  return *type;
}

const RecordKind& Server::record_type(const std::string& name) const {
  check_type(name);
  const RecordKind* kind = record_kind(name);
  if (kind == nullptr) {
    fail(ErrorCode::invalid_argument, "Not a record type");
  }
  return *kind;
}

const Array& Server::array_variable(const std::string& name) const {
  const auto* array = std::get_if<Array>(&variable(name));
  if (array == nullptr || array->type().rank == 0) {
    fail(ErrorCode::invalid_argument, "Not an array type");
  }
  return *array;
}

void Server::kind(const Words& words) {
  check_type(words[0]);
  const auto type = array_type_named(words[0]);
  print(!type ? "record" : type->rank == 0 ? "primitive" : "array");
}

void Server::type(const Words& words) {
  print(type_name(usable(words[0])));
}

void Server::rank(const Words& words) {
  print(std::to_string(array_type(words[0]).rank));
}

/// Indexing gives elements, not rows: the element type is the primitive one.
void Server::elemtype(const Words& words) {
  print(name_of(ArrayType{array_type(words[0]).element, 0}));
}

void Server::shape(const Words& words) {
  for (const std::int64_t extent : array_variable(words[0]).extents()) {
    print(std::to_string(extent));
  }
}

void Server::index(const Words& words) {
  const Array& from = array_variable(words[1]);
  const std::size_t at = element_at(from, std::span(words).subspan(2));
  check_new(words[0]);
  const std::size_t width = size_of(from.type().element);
  create(words[0],
         Array(from.type().element, {}, SharedBytes::copy_of(from.bytes().subspan(at * width, width))));
}

void Server::set(const Words& words) {
  const Array& array = array_variable(words[0]);
  const ArrayType element{array.type().element, 0};
  const Value& value = variable(words[1]);
  if (type_name(value) != name_of(element)) {
    fail(ErrorCode::invalid_argument, "Wrong input type.  Expected {}, got {}.", name_of(element),
         type_name(value));
  }
  const std::size_t width = size_of(element.element);
  const std::size_t at = element_at(array, std::span(words).subspan(2));
  SharedBytes bytes = SharedBytes::filled(array.bytes().size(), [&](std::span<std::byte> out) {
    std::memcpy(out.data(), array.bytes().data(), out.size());
    std::memcpy(out.data() + at * width, std::get<Array>(value).bytes().data(), width);
  });
  variables_.find(words[0])->second = Array(element.element, array.extents(), std::move(bytes));
}

void Server::new_array(const Words& words) {
  check_new(words[0]);
  const ArrayType type = array_type(words[1]);
  Extents extents;
  for (std::size_t i = 2; i < words.size() && extents.size() < type.rank; ++i) {
    extents.push_back(whole_number(words[i]).value_or(-1));
  }
  const auto count = count_of(extents, type.element);
  if (extents.size() != type.rank || !count) {
    fail(ErrorCode::invalid_argument, "Expected {} valid dimensions", type.rank);
  }
  const auto values = std::span(words).subspan(2 + type.rank);
  if (std::ssize(values) != *count) {
    fail(ErrorCode::invalid_argument, "Expected {} values, but got {}", *count, values.size());
  }
  const std::string element = name_of(ArrayType{type.element, 0});
  std::vector<std::byte> bytes;
  for (const std::string& name : values) {
    const Value& value = variable(name);
    if (type_name(value) != element) {
      fail(ErrorCode::invalid_argument, "Variable {} has type {}, expected {}", name, type_name(value),
           element);
    }
    const auto raw = std::get<Array>(value).bytes();
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  create(words[0], Array(type.element, std::move(extents), SharedBytes::copy_of(bytes)));
}

void Server::zip(const Words& words) {
  (void)array_type(words[1]);
  fail(ErrorCode::invalid_argument, "Cannot zip to this array type");
}

void Server::unzip(const Words& words) {
  (void)array_variable(words[0]);
  fail(ErrorCode::invalid_argument, "Cannot unzip this array type");
}

void Server::fields(const Words& words) {
  for (const RecordField& field : record_type(words[0]).type->fields) {
    print(field.name + " " + field.type);
  }
}

void Server::new_record(const Words& words) {
  check_new(words[0]);
  const RecordKind& kind = record_type(words[1]);
  const std::vector<RecordField>& fields = kind.type->fields;
  if (words.size() - 2 != fields.size()) {
    fail(ErrorCode::invalid_argument, "{} fields expected but {} values provided.", fields.size(),
         words.size() - 2);
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Value& value = usable(words[2 + i]);
    if (type_name(value) != fields[i].type) {
      fail(ErrorCode::invalid_argument, "Field {} mismatch: expected type {}, got {}", fields[i].name,
           fields[i].type, type_name(value));
    }
    values.push_back(value);
  }
  create(words[0], kind.make(std::move(values)));
}

void Server::project(const Words& words) {
  const auto* record = std::get_if<std::shared_ptr<Record>>(&usable(words[1]));
  if (record == nullptr) {
    fail(ErrorCode::invalid_argument, "Not a record type");
  }
  const std::vector<RecordField>& fields = (*record)->type().fields;
  const auto field = std::ranges::find(fields, words[2], &RecordField::name);
  if (field == fields.end()) {
    fail(ErrorCode::not_found, "No such field: {}", words[2]);
  }
  check_new(words[0]);
  Value value = (*record)->field(static_cast<std::size_t>(field - fields.begin()));
  check_usable(value);
  create(words[0], std::move(value));
}

/// `variants` names the type first, `construct` second.
void Server::sum_type(const Words& words) {
  check_type(words.size() > 1 ? words[1] : words[0]);
  fail(ErrorCode::invalid_argument, "Not a sum type");
}

void Server::sum_value(const Words& words) {
  (void)variable(words[0]);
  fail(ErrorCode::invalid_argument, "Not a sum type");
}

}  // namespace reprise::engine::futhark
