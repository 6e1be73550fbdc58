#include "engine/serve/futhark/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "engine/core/check.h"

namespace reprise::engine::futhark {
namespace {

constexpr std::array kPrimitives = {
    std::pair{DType::i8, std::string_view("i8")},   std::pair{DType::i16, std::string_view("i16")},
    std::pair{DType::i32, std::string_view("i32")}, std::pair{DType::i64, std::string_view("i64")},
    std::pair{DType::u8, std::string_view("u8")},   std::pair{DType::u16, std::string_view("u16")},
    std::pair{DType::u32, std::string_view("u32")}, std::pair{DType::u64, std::string_view("u64")},
    std::pair{DType::f16, std::string_view("f16")}, std::pair{DType::f32, std::string_view("f32")},
    std::pair{DType::f64, std::string_view("f64")}, std::pair{DType::boolean, std::string_view("bool")},
};

}  // namespace

SharedBytes SharedBytes::filled(std::size_t size, FunctionRef<void(std::span<std::byte>)> fill) {
  std::shared_ptr<std::byte[]> data(new std::byte[size]);
  fill({data.get(), size});
  return {std::move(data), size};
}

SharedBytes SharedBytes::copy_of(std::span<const std::byte> bytes) {
  return filled(bytes.size(), [&](std::span<std::byte> out) {
    if (!bytes.empty()) {
      std::memcpy(out.data(), bytes.data(), bytes.size());
    }
  });
}

SharedBytes SharedBytes::zeros(std::size_t size) {
  return zeros_with(size, [](std::span<std::byte>) {});
}

SharedBytes SharedBytes::zeros_with(std::size_t size, FunctionRef<void(std::span<std::byte>)> fill) {
  auto* memory = static_cast<std::byte*>(std::calloc(std::max<std::size_t>(size, 1), 1));
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  std::shared_ptr<std::byte[]> data(memory, [](std::byte* p) { std::free(p); });
  fill({memory, size});
  return {std::move(data), size};
}

std::optional<std::string_view> primitive_name(DType dtype) {
  for (const auto& [primitive, name] : kPrimitives) {
    if (primitive == dtype) {
      return name;
    }
  }
  return std::nullopt;
}

std::string name_of(const ArrayType& type) {
  std::string name;
  for (std::size_t i = 0; i < type.rank; ++i) {
    name += "[]";
  }
  return name + std::string(primitive_name(type.element).value_or("?"));
}

std::optional<ArrayType> array_type_named(std::string_view name) {
  ArrayType type;
  while (name.starts_with("[]")) {
    name.remove_prefix(2);
    ++type.rank;
  }
  for (const auto& [primitive, spelling] : kPrimitives) {
    if (spelling == name && type.rank <= kMaxArrayRank) {
      type.element = primitive;
      return type;
    }
  }
  return std::nullopt;
}

std::string to_text(const Extents& extents) {
  std::string text;
  for (const std::int64_t extent : extents) {
    text += fmt::format("[{}]", extent);
  }
  return text.empty() ? "a scalar" : text;
}

std::optional<std::int64_t> count_of(const Extents& extents, DType element) {
  const auto width = static_cast<std::int64_t>(size_of(element));
  std::int64_t most = std::numeric_limits<std::int64_t>::max() / width;
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t extent : extents) {
    if (extent < 0) {
      return std::nullopt;
    }
    if (extent == 0) {
      empty = true;
    } else if (extent > most) {
      return std::nullopt;
    } else {
      most /= extent;
      count *= extent;
    }
  }
  return empty ? 0 : count;
}

Array::Array(DType element, Extents extents, SharedBytes bytes)
    : element_(element), extents_(std::move(extents)), bytes_(std::move(bytes)) {
  const auto count = count_of(extents_, element_);
  REPRISE_CHECK(count && bytes_.span().size() == static_cast<std::size_t>(*count) * size_of(element_));
}

Array Array::of_i64(std::int64_t value) {
  return {DType::i64, {}, SharedBytes::copy_of(std::as_bytes(std::span(&value, 1)))};
}

Array Array::of_i64s(std::span<const std::int64_t> values) {
  return {DType::i64, {std::ssize(values)}, SharedBytes::copy_of(std::as_bytes(values))};
}

std::int64_t Array::as_i64() const {
  REPRISE_CHECK(type() == (ArrayType{DType::i64, 0}));
  return as_i64s().front();
}

std::vector<std::int64_t> Array::as_i64s() const {
  REPRISE_CHECK(element_ == DType::i64);
  std::vector<std::int64_t> values(bytes().size() / sizeof(std::int64_t));
  if (!values.empty()) {
    std::memcpy(values.data(), bytes().data(), bytes().size());
  }
  return values;
}

std::string type_name(const Value& value) {
  if (const auto* array = std::get_if<Array>(&value)) {
    return name_of(array->type());
  }
  return std::get<std::shared_ptr<Record>>(value)->type().name;
}

void check_usable(const Value& value) {
  if (const auto* record = std::get_if<std::shared_ptr<Record>>(&value)) {
    (*record)->check_usable();
  }
}

}  // namespace reprise::engine::futhark
