#include "tools/allocation_count.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <thread>

namespace reprise {
namespace {

constexpr auto kAlignment = std::align_val_t{256};

/// Calls that an action makes. The operators are called by name: a compiler may leave out what `new` asks
/// for.
template <class Action>
std::int64_t allocations_of(Action&& action) {
  const std::int64_t before = allocation_count();
  action();
  return allocation_count() - before;
}

TEST(AllocationCount, CountsEveryForm) {
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(10)); }), 1);
  EXPECT_EQ(allocations_of([] { ::operator delete[](::operator new[](10)); }), 1);
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(10, std::nothrow), std::nothrow); }), 1);
  EXPECT_EQ(allocations_of([] { ::operator delete[](::operator new[](10, std::nothrow), std::nothrow); }), 1);
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(10, kAlignment), kAlignment); }), 1);
  EXPECT_EQ(allocations_of([] { ::operator delete[](::operator new[](10, kAlignment), kAlignment); }), 1);
  EXPECT_EQ(allocations_of([] {
              ::operator delete(::operator new(10, kAlignment, std::nothrow), kAlignment, std::nothrow);
              ::operator delete[](::operator new[](10, kAlignment, std::nothrow), kAlignment, std::nothrow);
            }),
            2);
  EXPECT_EQ(allocations_of([] {
              ::operator delete (::operator new(10), std::size_t{10});
              ::operator delete[](::operator new[](10), std::size_t{10});
              ::operator delete (::operator new(10, kAlignment), std::size_t{10}, kAlignment);
              ::operator delete[](::operator new[](10, kAlignment), std::size_t{10}, kAlignment);
            }),
            4);
  EXPECT_EQ(allocations_of([] {}), 0);
}

TEST(AllocationCount, CountsAllThreads) {
  const auto work = [] {
    for (int i = 0; i < 1000; ++i) {
      ::operator delete(::operator new(10));
    }
  };
  EXPECT_GE(allocations_of([&] {
              std::thread other(work);
              work();
              other.join();
            }),
            2000);
}

TEST(AllocationCount, MemoryIsAlignedAndWhollyThere) {
  for (const std::size_t size : {0, 1, 255, 256, 257, 5000}) {
    void* memory = ::operator new(size, kAlignment);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 256, 0U);
    std::memset(memory, 1, size);
    ::operator delete(memory, kAlignment);
    void* plain = ::operator new(size);
    EXPECT_NE(plain, nullptr);
    std::memset(plain, 1, size);
    ::operator delete(plain);
  }
}

TEST(AllocationCount, WhatIsTooMuchFailsAsEverywhere) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  volatile std::size_t too_much = SIZE_MAX / 2;
  EXPECT_THROW(::operator delete(::operator new(too_much)), std::bad_alloc);
  EXPECT_THROW(::operator delete(::operator new(too_much, kAlignment), kAlignment), std::bad_alloc);
  EXPECT_EQ(::operator new(too_much, std::nothrow), nullptr);
  too_much = SIZE_MAX - 3;
  EXPECT_THROW(::operator delete(::operator new(too_much, kAlignment), kAlignment), std::bad_alloc);
#else
  GTEST_SKIP() << "sanitizers abort where malloc would return null";
#endif
}

}  // namespace
}  // namespace reprise
