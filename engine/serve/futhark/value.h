/// Values of Futhark programs as its server protocol knows them: scalars and arrays of primitive types, and
/// opaque records. Arrays never change once made, so that variables, projections and models share their
/// bytes. Not the formats they are read from and written in: see value_file.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/core/dtype.h"
#include "engine/core/function_ref.h"

namespace reprise::engine::futhark {

/// Memory that nobody writes to after it was filled.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// `fill` is given uninitialised memory. Errors: std::bad_alloc.
  static SharedBytes filled(std::size_t size, FunctionRef<void(std::span<std::byte>)> fill);
  static SharedBytes copy_of(std::span<const std::byte> bytes);
  /// Pages are committed when they are read or written.
  static SharedBytes zeros(std::size_t size);
  /// Zeros, and what `fill` writes over them.
  static SharedBytes zeros_with(std::size_t size, FunctionRef<void(std::span<std::byte>)> fill);

  [[nodiscard]] std::span<const std::byte> span() const { return {data_.get(), size_}; }

 private:
  SharedBytes(std::shared_ptr<const std::byte[]> data, std::size_t size)
      : data_(std::move(data)), size_(size) {}

  std::shared_ptr<const std::byte[]> data_;
  std::size_t size_ = 0;
};

/// The most dimensions an array may have here; Futhark itself has no limit below 128.
inline constexpr std::size_t kMaxArrayRank = 8;

/// "[][]f32": element type and number of dimensions; 0 for a scalar.
struct ArrayType {
  DType element = DType::i64;
  std::size_t rank = 0;

  bool operator==(const ArrayType&) const = default;
};
std::string name_of(const ArrayType& type);
/// Nothing for names of other types.
std::optional<ArrayType> array_type_named(std::string_view name);
/// Futhark's names: "i64", "f16", "bool"; nothing for formats that it does not have.
std::optional<std::string_view> primitive_name(DType dtype);

using Extents = std::vector<std::int64_t>;
/// "[2][3]", as Futhark writes shapes; "a scalar" for none.
std::string to_text(const Extents& extents);
/// Elements of these extents, none of them negative; nothing where their bytes would not fit 63 bits.
std::optional<std::int64_t> count_of(const Extents& extents, DType element);

/// A scalar or an array, row-major.
class Array {
 public:
  /// The bytes are as many as the extents say: the caller's duty.
  Array(DType element, Extents extents, SharedBytes bytes);
  static Array of_i64(std::int64_t value);
  /// [values.size()]
  static Array of_i64s(std::span<const std::int64_t> values);

  [[nodiscard]] ArrayType type() const { return {element_, extents_.size()}; }
  [[nodiscard]] const Extents& extents() const { return extents_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_.span(); }
  [[nodiscard]] const SharedBytes& shared() const { return bytes_; }

  /// Of an i64 scalar, and of an i64 array of rank 1.
  [[nodiscard]] std::int64_t as_i64() const;
  [[nodiscard]] std::vector<std::int64_t> as_i64s() const;

 private:
  DType element_;
  Extents extents_;
  SharedBytes bytes_;
};

class Record;
using Value = std::variant<Array, std::shared_ptr<Record>>;

struct RecordField {
  std::string name;
  std::string type;
};

struct RecordType {
  std::string name;
  std::vector<RecordField> fields;  ///< in the order in which values are stored
};

/// A value whose inside the client sees by projection only.
class Record {
 public:
  explicit Record(std::shared_ptr<const RecordType> type) : type_(std::move(type)) {}
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
  virtual ~Record() = default;

  [[nodiscard]] const RecordType& type() const { return *type_; }
  /// The component, which may have to be computed or copied. Errors: those of check_usable.
  [[nodiscard]] virtual Value field(std::size_t index) const = 0;
  /// Errors: invalid_argument for a value that an entry point has consumed.
  virtual void check_usable() const {}

 protected:
  [[nodiscard]] const std::shared_ptr<const RecordType>& shared_type() const { return type_; }

 private:
  std::shared_ptr<const RecordType> type_;
};

/// A record that is its components: what entry points return.
class Tuple final : public Record {
 public:
  Tuple(std::shared_ptr<const RecordType> type, std::vector<Value> fields)
      : Record(std::move(type)), fields_(std::move(fields)) {}

  [[nodiscard]] Value field(std::size_t index) const override { return fields_.at(index); }

 private:
  std::vector<Value> fields_;
};

std::string type_name(const Value& value);
/// Errors: those of Record::check_usable.
void check_usable(const Value& value);

}  // namespace reprise::engine::futhark
