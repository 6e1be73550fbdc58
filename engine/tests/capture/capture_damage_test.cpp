/// Damage of every kind that chance does to a file: each is refused by one line that names the file.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>

#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A capture of about 4 KiB, and a file to damage.
class CaptureDamage : public ::testing::Test {
 protected:
  CaptureDamage() {
    Call call(kMicrogpt, 4, 2, 1);
    call.options.n_top = 2;
    write_capture(call.record(), path_);
    bytes_ = read_raw(path_);
    descriptor_ = ::open(path_.c_str(), O_RDWR);
    EXPECT_GE(descriptor_, 0);
    EXPECT_LT(bytes_.size(), 5000U);
    read_capture(path_);  // what is refused below is the damage alone
  }
  ~CaptureDamage() override { ::close(descriptor_); }

  void put(std::size_t at, char byte) {
    ASSERT_EQ(::pwrite(descriptor_, &byte, 1, static_cast<off_t>(at)), 1);
  }

  /// Fails unless reading gives an Error of one line that begins with the file. Returns the line.
  std::string refusal() {
    try {
      read_capture(path_);
    } catch (const Error& error) {
      const std::string line = error.what();
      EXPECT_TRUE(line.starts_with(path_.string() + ": ") && line.find_first_of("\r\n") == std::string::npos)
          << line;
      EXPECT_TRUE(line.find("found") != std::string::npos) << line;
      return line;
    }
    ADD_FAILURE() << "not refused";
    return "";
  }

  ScratchFolder folder_;
  std::filesystem::path path_ = folder_ / "call.safetensors";
  std::string bytes_;
  int descriptor_ = -1;
};

TEST_F(CaptureDamage, OneFlippedBitOfAnyByteIsRefused) {
  std::mt19937 random(1);
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    SCOPED_TRACE(i);
    put(i, static_cast<char>(bytes_[i] ^ (1 << random() % 8)));
    refusal();
    put(i, bytes_[i]);
    ASSERT_FALSE(HasFailure());
  }
  read_capture(path_);
}

TEST_F(CaptureDamage, AllBitsOfAnyByteFlippedAreRefused) {
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    SCOPED_TRACE(i);
    put(i, static_cast<char>(~bytes_[i]));
    refusal();
    put(i, bytes_[i]);
    ASSERT_FALSE(HasFailure());
  }
  read_capture(path_);
}

TEST_F(CaptureDamage, EveryShorterLengthIsRefused) {
  for (std::size_t length = bytes_.size(); length-- > 0;) {
    SCOPED_TRACE(length);
    ASSERT_EQ(::ftruncate(descriptor_, static_cast<off_t>(length)), 0);
    refusal();
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(CaptureDamage, MoreBytesAreRefused) {
  for (const std::size_t extra : {1, 8, 32, 4096}) {
    ASSERT_EQ(::ftruncate(descriptor_, static_cast<off_t>(bytes_.size() + extra)), 0);
    EXPECT_THAT(refusal(), HasSubstr("data: expected"));
  }
}

TEST_F(CaptureDamage, AZeroedBlockIsRefused) {
  for (std::size_t begin = 0; begin < bytes_.size(); begin += 512) {
    std::string damaged = bytes_;
    std::fill(damaged.begin() + static_cast<std::ptrdiff_t>(begin),
              damaged.begin() + static_cast<std::ptrdiff_t>(std::min(begin + 512, damaged.size())), '\0');
    write_raw(path_, damaged);
    refusal();
  }
}

/// The line says which digest the file claims and which it has, so that it can be told from a wrong version.
TEST_F(CaptureDamage, SaysThatTheFileIsDamaged) {
  const std::size_t payload = bytes_.size() - 200;
  put(payload, static_cast<char>(bytes_[payload] ^ 1));
  EXPECT_THAT(refusal(), ::testing::MatchesRegex(".*: digest.sha256: expected [0-9a-f]{64} as stored, "
                                                 "found [0-9a-f]{64} \\(the file is damaged\\)"));
}

TEST_F(CaptureDamage, OtherFilesAreNoCaptures) {
  for (const std::string& text : {std::string(), std::string("{}"), std::string(4096, '\0'),
                                  std::string(4096, '\xff'), std::string("GGUF\3\0\0\0", 8)}) {
    write_raw(path_, text);
    refusal();
    EXPECT_FALSE(looks_like_capture(path_));
  }
  ErrorCode code{};
  EXPECT_THAT(error_of([&] { read_capture(folder_ / "none"); }, &code),
              StartsWith((folder_ / "none").string() + ": "));
  EXPECT_EQ(code, ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { read_capture(folder_.path()); }),
            folder_.path().string() + ": expected a regular file, found a directory");
}

}  // namespace
}  // namespace reprise::engine
