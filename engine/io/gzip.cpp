#include "engine/io/gzip.h"

#include <zlib.h>

#include <limits>

#include "engine/core/check.h"
#include "engine/core/error.h"

namespace reprise::engine {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's greatest window; + 16 asks for gzip's frame
constexpr int kMemoryLevel = 8;       // zlib's default

class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      fail(ErrorCode::out_of_memory, "memory: expected enough to compress with, found too little");
    }
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  z_stream& operator*() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

std::string gzip(std::string_view text) {
  Deflater deflater;
  z_stream& stream = *deflater;
  std::string bytes;
  std::size_t taken = 0;
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    constexpr std::size_t kMostAtOnce = std::numeric_limits<uInt>::max();
    const std::string_view part = text.substr(taken, kMostAtOnce);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));  // zlib only reads it
    stream.avail_in = static_cast<uInt>(part.size());
    char buffer[1 << 16];
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    state = deflate(&stream, taken + part.size() == text.size() ? Z_FINISH : Z_NO_FLUSH);
    REPRISE_CHECK(state == Z_OK || state == Z_STREAM_END);
    taken += part.size() - stream.avail_in;
    bytes.append(buffer, sizeof buffer - stream.avail_out);
  }
  return bytes;
}

}  // namespace reprise::engine
