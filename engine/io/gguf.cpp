#include "engine/io/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/io/gguf_wire.h"
#include "engine/io/printable.h"

namespace reprise::engine {
namespace {

struct TypeInfo {
  std::string_view name;
  std::size_t size;
};

/// In the order of the enumeration.
constexpr std::array<TypeInfo, 13> kTypes = {{{"u8", 1},
                                              {"i8", 1},
                                              {"u16", 2},
                                              {"i16", 2},
                                              {"u32", 4},
                                              {"i32", 4},
                                              {"f32", 4},
                                              {"bool", 1},
                                              {"string", 0},
                                              {"array", 0},
                                              {"u64", 8},
                                              {"i64", 8},
                                              {"f64", 8}}};
static_assert(static_cast<std::size_t>(GgufType::f64) + 1 == kTypes.size());

constexpr std::array<std::pair<DType, std::uint32_t>, 16> kGgmlTypes = {{{DType::f32, 0},
                                                                         {DType::f16, 1},
                                                                         {DType::int4, 2},
                                                                         {DType::q4_1, 3},
                                                                         {DType::q5_0, 6},
                                                                         {DType::q5_1, 7},
                                                                         {DType::int8, 8},
                                                                         {DType::q4_k, 12},
                                                                         {DType::q5_k, 13},
                                                                         {DType::q6_k, 14},
                                                                         {DType::i8, 24},
                                                                         {DType::i16, 25},
                                                                         {DType::i32, 26},
                                                                         {DType::i64, 27},
                                                                         {DType::f64, 28},
                                                                         {DType::bf16, 30}}};

const TypeInfo& info(GgufType type) {
  const auto index = static_cast<std::size_t>(type);
  REPRISE_CHECK(index < kTypes.size());
  return kTypes[index];
}

bool is_integer(GgufType type) {
  return info(type).size != 0 && type != GgufType::f32 && type != GgufType::f64 && type != GgufType::boolean;
}
bool is_number(GgufType type) {
  return is_integer(type) || type == GgufType::f32 || type == GgufType::f64;
}

/// Calls `use` with the number of `type` that stands at `bytes`.
template <class Use>
auto with_number(GgufType type, const std::byte* bytes, Use&& use) {
  switch (type) {
    case GgufType::u8:
      return use(detail::load<std::uint8_t>(bytes));
    case GgufType::i8:
      return use(detail::load<std::int8_t>(bytes));
    case GgufType::u16:
      return use(detail::load<std::uint16_t>(bytes));
    case GgufType::i16:
      return use(detail::load<std::int16_t>(bytes));
    case GgufType::u32:
      return use(detail::load<std::uint32_t>(bytes));
    case GgufType::i32:
      return use(detail::load<std::int32_t>(bytes));
    case GgufType::u64:
      return use(detail::load<std::uint64_t>(bytes));
    case GgufType::i64:
      return use(detail::load<std::int64_t>(bytes));
    case GgufType::f32:
      return use(detail::load<float>(bytes));
    default:
      REPRISE_CHECK(type == GgufType::f64);
      return use(detail::load<double>(bytes));
  }
}

/// Empty for a u64 above 2^63 - 1. Only for integers.
std::optional<std::int64_t> integer_at(GgufType type, const std::byte* bytes) {
  const auto bits = with_number(type, bytes, [](auto value) { return static_cast<std::int64_t>(value); });
  return type == GgufType::u64 && bits < 0 ? std::nullopt : std::optional(bits);
}

double number_at(GgufType type, const std::byte* bytes) {
  return with_number(type, bytes, [](auto value) { return static_cast<double>(value); });
}

std::string description(const GgufValue& value) {
  return value.type == GgufType::array ? fmt::format("array of {}", name_of(value.element_type))
                                       : std::string(name_of(value.type));
}

/// Where a value stands, for messages.
struct Place {
  const std::filesystem::path& path;
  std::string_view key;

  [[noreturn]] void refuse(std::string_view expected, std::string_view found) const {
    fail(ErrorCode::invalid_data, "{}: key '{}': expected {}, found {}", path.string(), printable(key),
         expected, found);
  }
  void require(bool right_type, std::string_view expected, const GgufValue& value) const {
    if (!right_type) {
      refuse(expected, description(value));
    }
  }
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr std::string_view kFits63Bits = "an integer below 2^63";

}  // namespace

namespace detail {

std::size_t size_of(GgufType type) {
  return info(type).size;
}

std::optional<std::uint32_t> find_ggml_type(DType dtype) {
  for (const auto& [known, number] : kGgmlTypes) {
    if (known == dtype) {
      return number;
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> bytes_of_shape(DType dtype, const std::vector<std::int64_t>& shape) {
  // Elements times the bytes of a whole block: more than block formats need, and still far beyond any file.
  auto bound = static_cast<std::int64_t>(engine::size_of(dtype));
  std::int64_t elements = 1;
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(bound, std::max<std::int64_t>(extent, 1), &bound)) {
      return std::nullopt;
    }
    elements *= extent;
  }
  return bytes_of(dtype, elements);
}

bool is_utf8(const std::string& text) {
  try {
    static_cast<void>(nlohmann::json(text).dump());  // the only strict decoder within reach of this folder
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

}  // namespace detail

std::string_view name_of(GgufType type) {
  return info(type).name;
}

std::uint32_t ggml_type_of(DType dtype) {
  const std::optional<std::uint32_t> type = detail::find_ggml_type(dtype);
  if (!type) {
    fail(ErrorCode::unsupported, "gguf: tensor type: expected one that ggml has, found {}", name_of(dtype));
  }
  return *type;
}

std::optional<DType> dtype_of_ggml_type(std::uint32_t type) {
  for (const auto& [dtype, number] : kGgmlTypes) {
    if (number == type) {
      return dtype;
    }
  }
  return std::nullopt;
}

const GgufValue* GgufFile::find_value(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &metadata_[found->second].second;
}

bool GgufFile::has(std::string_view key) const {
  return find_value(key) != nullptr;
}

const GgufValue& GgufFile::value(std::string_view key) const {
  const GgufValue* found = find_value(key);
  if (found == nullptr) {
    fail(ErrorCode::not_found, "{}: key '{}': expected to be there, found {} other keys", path_.string(),
         printable(key), metadata_.size());
  }
  return *found;
}

std::string_view GgufFile::text(std::string_view key) const {
  const GgufValue& of = value(key);
  Place{path_, key}.require(of.type == GgufType::string, "string", of);
  return text_of(of.data);
}

std::int64_t GgufFile::integer(std::string_view key) const {
  const GgufValue& of = value(key);
  const Place place{path_, key};
  place.require(is_integer(of.type), "an integer", of);
  const auto integer = integer_at(of.type, of.data.data());
  if (!integer) {
    place.refuse(kFits63Bits, fmt::to_string(detail::load<std::uint64_t>(of.data.data())));
  }
  return *integer;
}

double GgufFile::number(std::string_view key) const {
  const GgufValue& of = value(key);
  Place{path_, key}.require(is_number(of.type), "a number", of);
  return number_at(of.type, of.data.data());
}

bool GgufFile::flag(std::string_view key) const {
  const GgufValue& of = value(key);
  Place{path_, key}.require(of.type == GgufType::boolean, "bool", of);
  return of.data.front() != std::byte{0};
}

std::vector<std::string_view> GgufFile::texts(std::string_view key) const {
  const GgufValue& of = value(key);
  Place{path_, key}.require(of.type == GgufType::array && of.element_type == GgufType::string,
                            "array of string", of);
  std::vector<std::string_view> texts;
  texts.reserve(of.count);
  std::span<const std::byte> rest = of.data;  // parse() has walked it
  for (std::uint64_t i = 0; i < of.count; ++i) {
    const auto length = detail::load<std::uint64_t>(rest.data());
    texts.push_back(text_of(rest.subspan(sizeof(length), length)));
    rest = rest.subspan(sizeof(length) + length);
  }
  return texts;
}

std::vector<std::int64_t> GgufFile::integers(std::string_view key) const {
  const GgufValue& of = value(key);
  const Place place{path_, key};
  place.require(of.type == GgufType::array && is_integer(of.element_type), "an array of integers", of);
  std::vector<std::int64_t> integers;
  integers.reserve(of.count);
  const std::size_t size = detail::size_of(of.element_type);
  for (std::uint64_t i = 0; i < of.count; ++i) {
    const std::byte* element = of.data.data() + i * size;
    const auto integer = integer_at(of.element_type, element);
    if (!integer) {
      place.refuse(kFits63Bits, fmt::format("{} as element {}", detail::load<std::uint64_t>(element), i));
    }
    integers.push_back(*integer);
  }
  return integers;
}

std::vector<float> GgufFile::numbers(std::string_view key) const {
  const GgufValue& of = value(key);
  const Place place{path_, key};
  place.require(of.type == GgufType::array && is_number(of.element_type), "an array of numbers", of);
  std::vector<float> numbers;
  numbers.reserve(of.count);
  const std::size_t size = detail::size_of(of.element_type);
  for (std::uint64_t i = 0; i < of.count; ++i) {
    const double number = number_at(of.element_type, of.data.data() + i * size);
    if (std::isfinite(number) && std::abs(number) > std::numeric_limits<float>::max()) {
      place.refuse("numbers in the range of f32", fmt::format("{} as element {}", number, i));
    }
    numbers.push_back(static_cast<float>(number));
  }
  return numbers;
}

std::string_view GgufFile::text(std::string_view key, std::string_view absent) const {
  return has(key) ? text(key) : absent;
}
std::int64_t GgufFile::integer(std::string_view key, std::int64_t absent) const {
  return has(key) ? integer(key) : absent;
}
double GgufFile::number(std::string_view key, double absent) const {
  return has(key) ? number(key) : absent;
}
bool GgufFile::flag(std::string_view key, bool absent) const {
  return has(key) ? flag(key) : absent;
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : &tensors_[found->second];
}

const GgufTensor& GgufFile::at(std::string_view name) const {
  const GgufTensor* tensor = find(name);
  if (tensor == nullptr) {
    fail(ErrorCode::not_found, "{}: tensor '{}': expected to be there, found {} other tensors",
         path_.string(), printable(name), tensors_.size());
  }
  return *tensor;
}

}  // namespace reprise::engine
