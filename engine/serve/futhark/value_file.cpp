#include "engine/serve/futhark/value_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/io/system_error.h"
#include "engine/serve/futhark/text_value.h"

namespace reprise::engine::futhark {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian, and so is the memory");

constexpr char kVersion = 2;
constexpr std::size_t kTypeLength = 4;

/// " f32": right-aligned in four characters.
std::string type_tag(DType element) {
  return fmt::format("{:>4}", *primitive_name(element));
}

void read_all(ByteSource& source, std::span<std::byte> out, const char* what) {
  const std::size_t n = source.read(out);
  if (n != out.size()) {
    fail(ErrorCode::invalid_data, "binary value: {}: expected {} bytes, found {} before the end", what,
         out.size(), n);
  }
}

template <class T>
T read_as(ByteSource& source, const char* what) {
  T value;
  read_all(source, std::as_writable_bytes(std::span(&value, 1)), what);
  return value;
}

Extents read_extents(ByteSource& source, const ArrayType& type) {
  Extents extents;
  for (std::size_t i = 0; i < type.rank; ++i) {
    extents.push_back(read_as<std::int64_t>(source, "extents"));
  }
  return extents;
}

void read_header(ByteSource& source, const ArrayType& type) {
  const auto version = read_as<unsigned char>(source, "version");
  if (version != kVersion) {
    fail(ErrorCode::invalid_data, "binary value: version: expected {}, found {}", int{kVersion}, version);
  }
  const auto rank = read_as<unsigned char>(source, "rank");
  if (rank != type.rank) {
    fail(ErrorCode::invalid_data, "binary value: rank: expected {} for {}, found {}", type.rank,
         name_of(type), rank);
  }
  char tag[kTypeLength];
  read_all(source, std::as_writable_bytes(std::span(tag)), "type");
  if (std::string_view(tag, kTypeLength) != type_tag(type.element)) {
    fail(ErrorCode::invalid_data, "binary value: type: expected \"{}\", found \"{}\"", type_tag(type.element),
         printable(std::string_view(tag, kTypeLength), kTypeLength));
  }
}

Array read_binary(ByteSource& source, const ArrayType& type) {
  read_header(source, type);
  Extents extents = read_extents(source, type);
  const auto count = count_of(extents, type.element);
  if (!count) {
    fail(ErrorCode::invalid_data, "binary value: extents: expected an array that fits memory, found {}",
         to_text(extents));
  }
  const std::int64_t size = *count * static_cast<std::int64_t>(size_of(type.element));
  if (size > source.remaining()) {
    fail(ErrorCode::invalid_data, "binary value: elements: expected {} bytes for {}, found {} before the end",
         size, to_text(extents), source.remaining());
  }
  SharedBytes bytes = SharedBytes::filled(
      static_cast<std::size_t>(size), [&](std::span<std::byte> out) { read_all(source, out, "elements"); });
  return {type.element, std::move(extents), std::move(bytes)};
}

void write_array(const Array& array, FunctionRef<void(std::span<const std::byte>)> write) {
  std::string header = {'b', kVersion, static_cast<char>(array.extents().size())};
  header += type_tag(array.type().element);
  write(std::as_bytes(std::span(header)));
  write(std::as_bytes(std::span(array.extents())));
  write(array.bytes());
}

/// Opening a pipe waits for somebody to write, which would hold the server up, unless it is told not to.
std::FILE* open_without_waiting(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  std::FILE* file = descriptor < 0 ? nullptr : ::fdopen(descriptor, "rb");
  if (file == nullptr && descriptor >= 0) {
    ::close(descriptor);
  }
  return file;
}

}  // namespace

ByteSource::ByteSource(const std::filesystem::path& path) : file_(open_without_waiting(path)) {
  struct stat status = {};
  if (file_ == nullptr || ::fstat(::fileno(file_.get()), &status) != 0) {
    fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, "Failed to open {}: {}",
         printable(path.string(), 4096), detail::reason_of(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::io, "Failed to open {}: expected a regular file, found {}",
         printable(path.string(), 4096), detail::file_kind_of(status.st_mode));
  }
  size_ = status.st_size;
}

int ByteSource::get() {
  const int byte = std::fgetc(file_.get());
  position_ += byte == EOF ? 0 : 1;
  return byte;
}

void ByteSource::unget(int byte) {
  if (byte != EOF) {
    std::ungetc(byte, file_.get());
    --position_;
  }
}

void ByteSource::skip_spaces() {
  int byte = get();
  while (byte != EOF && std::isspace(byte) != 0) {
    byte = get();
  }
  unget(byte);
}

std::size_t ByteSource::read(std::span<std::byte> out) {
  const std::size_t n = out.empty() ? 0 : std::fread(out.data(), 1, out.size(), file_.get());
  position_ += static_cast<std::int64_t>(n);
  return n;
}

Array read_value(ByteSource& source, const ArrayType& type) {
  source.skip_spaces();
  const int first = source.get();
  if (first == 'b') {
    return read_binary(source, type);
  }
  source.unget(first);
  return read_text(source, type);
}

bool at_end(ByteSource& source) {
  while (true) {
    source.skip_spaces();
    const int first = source.get();
    if (first != '-') {
      source.unget(first);
      return first == EOF;
    }
    int c = source.get();
    if (c != '-') {
      return false;
    }
    while (c != EOF && c != '\n') {
      c = source.get();
    }
  }
}

void write_value(const Value& value, FunctionRef<void(std::span<const std::byte>)> write) {
  if (const auto* array = std::get_if<Array>(&value)) {
    write_array(*array, write);
    return;
  }
  const Record& record = *std::get<std::shared_ptr<Record>>(value);
  for (std::size_t i = 0; i < record.type().fields.size(); ++i) {
    write_value(record.field(i), write);
  }
}

}  // namespace reprise::engine::futhark
