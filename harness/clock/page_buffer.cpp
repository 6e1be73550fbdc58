#include "harness/clock/page_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

#include "engine/core/error.h"

namespace reprise::harness::detail {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t rounded_up(std::size_t bytes) {
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

/// The start of a mapping's first line: "7f00-7f80 rw-p ...".
bool starts_at(const std::string& line, std::uintptr_t address) {
  std::uintptr_t start = 0;
  const auto [end, problem] = std::from_chars(line.data(), line.data() + line.size(), start, 16);
  return problem == std::errc() && *end == '-' && start == address;
}

}  // namespace

PageBuffer::PageBuffer(std::size_t bytes, PageSize pages) {
  // A huge page to align with, and one that stays out of reach on either side: a mapping with a neighbour of
  // the same kind is listed together with it.
  const std::size_t size = rounded_up(std::max(bytes, std::size_t{1}));
  void* reserved =
      mmap(nullptr, size + 3 * kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved != MAP_FAILED) {
    reserved_ = {static_cast<std::byte*>(reserved), size + 3 * kHugePage};
    const auto address = reinterpret_cast<std::uintptr_t>(reserved);
    memory_ = reserved_.subspan(rounded_up(address + 1) - address, size);
  }
  if (reserved == MAP_FAILED || mprotect(memory_.data(), size, PROT_READ | PROT_WRITE) != 0) {
    if (!reserved_.empty()) {
      munmap(reserved_.data(), reserved_.size());
    }
    fail(ErrorCode::out_of_memory,
         "roofline: expected {} bytes of memory for the read buffer, found too little", bytes);
  }
  // Advice: a kernel without huge pages refuses it, and huge_page_fraction() tells.
  madvise(memory_.data(), size, pages == PageSize::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  words_ = {reinterpret_cast<std::uint64_t*>(memory_.data()), bytes / sizeof(std::uint64_t)};
}

PageBuffer::~PageBuffer() {
  munmap(reserved_.data(), reserved_.size());
}

double PageBuffer::huge_page_fraction() const {
  std::ifstream smaps("/proc/self/smaps");
  const auto huge =
      static_cast<double>(huge_bytes_of(smaps, reinterpret_cast<std::uintptr_t>(memory_.data())));
  return std::min(1.0, huge / static_cast<double>(memory_.size()));
}

std::int64_t huge_bytes_of(std::istream& smaps, std::uintptr_t address) {
  bool found = false;
  for (std::string line; std::getline(smaps, line);) {
    found = found || starts_at(line, address);
    if (std::istringstream words(line); found) {
      std::string key;
      std::int64_t kibibytes = 0;
      if (words >> key >> kibibytes && key == "AnonHugePages:") {
        return kibibytes * 1024;
      }
    }
  }
  return 0;
}

}  // namespace reprise::harness::detail
