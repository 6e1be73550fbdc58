#include "engine/capture/policy.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "engine/core/philox.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

using ::reprise::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::int64_t> chosen(const CapturePolicy& policy, std::int64_t n, std::int64_t before = 0) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 1; i <= n; ++i) {
    if (policy.chooses(i, before + i)) {
      numbers.push_back(before + i);
    }
  }
  return numbers;
}

TEST(CapturePolicy, NthIsOneCallOfTheProcess) {
  EXPECT_THAT(chosen(CapturePolicy::parse("nth:3"), 10), ElementsAre(3));
  EXPECT_THAT(chosen(CapturePolicy::parse("nth:1"), 10), ElementsAre(1));
  EXPECT_THAT(chosen(CapturePolicy::parse("nth:3"), 10, 100), ElementsAre(103));
  EXPECT_THAT(chosen(CapturePolicy::parse("nth:11"), 10), ElementsAre());
}

TEST(CapturePolicy, EveryGoesOnAcrossRestarts) {
  EXPECT_THAT(chosen(CapturePolicy::parse("every:4"), 12), ElementsAre(4, 8, 12));
  EXPECT_THAT(chosen(CapturePolicy::parse("every:4"), 5, 6), ElementsAre(8));
  EXPECT_EQ(chosen(CapturePolicy::parse("every:1"), 5), chosen(CapturePolicy::parse("all"), 5));
}

TEST(CapturePolicy, SampleDrawsEachCallByItsNumber) {
  const std::int64_t n = 20'000;
  const auto some = chosen(CapturePolicy::parse("sample:0.05", 7), n);
  // Binomial: 1000 with a standard deviation of 31.
  EXPECT_NEAR(static_cast<double>(some.size()), 1000, 155);
  EXPECT_EQ(chosen(CapturePolicy::parse("sample:0.05", 7), n), some);
  EXPECT_NE(chosen(CapturePolicy::parse("sample:0.05", 8), n), some);
  // After a restart the same numbers are drawn, not the first ones again.
  std::vector<std::int64_t> later(std::upper_bound(some.begin(), some.end(), 1000), some.end());
  EXPECT_EQ(chosen(CapturePolicy::parse("sample:0.05", 7), n - 1000, 1000), later);
  EXPECT_EQ(std::ssize(chosen(CapturePolicy::parse("sample:1"), 100)), 100);
}

TEST(CapturePolicy, RemembersItsText) {
  for (const char* text : {"nth:10", "every:100", "sample:0.01", "slowest:5", "all"}) {
    EXPECT_EQ(CapturePolicy::parse(text).text(), text);
  }
  EXPECT_EQ(CapturePolicy().text(), "all");
  EXPECT_EQ(CapturePolicy::parse("slowest:5").count(), 5);
}

TEST(CapturePolicy, RefusesWhatItDoesNotUnderstand) {
  const auto refusal = [](const char* text) {
    return std::string(error_of([&] { CapturePolicy::parse(text); }).what());
  };
  for (const char* text : {"", "some", "All", "all:1", "tenth:10", ":3"}) {
    EXPECT_EQ(refusal(text),
              fmt::format("capture policy: expected nth:N, every:N, sample:P, slowest:K or all, "
                          "found '{}'",
                          text));
  }
  for (const char* text :
       {"nth", "nth:", "nth:0", "nth:-1", "nth:1.5", "nth: 1", "nth:99999999999999999999"}) {
    EXPECT_THAT(refusal(text), HasSubstr("expected nth:N with a whole number N from 1, found '"));
  }
  for (const char* text : {"every:x", "every:0"}) {
    EXPECT_THAT(refusal(text), HasSubstr("expected every:N with a whole number N from 1"));
  }
  for (const char* text :
       {"sample:0", "sample:1.01", "sample:-0.1", "sample:nan", "sample:inf", "sample:0.1x"}) {
    EXPECT_THAT(refusal(text), HasSubstr("expected sample:P with P above 0 and up to 1, found '"));
  }
  for (const char* text : {"slowest:0", "slowest:100001", "slowest"}) {
    EXPECT_THAT(refusal(text), HasSubstr("expected slowest:K with K from 1 to 100000"));
  }
}

/// Against sorting everything, on times with many equal ones.
TEST(SlowestCalls, AreThoseThatSortingFinds) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    const std::int64_t k = 1 + seed % 7;
    SlowestCalls slowest(k);
    std::vector<std::pair<double, std::int64_t>> all;
    std::vector<std::int64_t> kept;
    for (std::int64_t n = 1; n <= 40; ++n) {
      const double seconds =
          engine::philox4x32_10({static_cast<std::uint32_t>(n), 0, 0, 0}, {seed, 0})[0] % 16;
      all.emplace_back(-seconds, n);
      const bool keeps = slowest.would_keep(seconds);
      const std::int64_t out = slowest.add(seconds, n);
      if (keeps) {
        kept.push_back(n);
      }
      std::erase(kept, out);
      EXPECT_TRUE(keeps || out == 0);
      auto ranked = all;
      std::sort(ranked.begin(), ranked.end());  // slowest first, the earlier one among equals
      std::vector<std::int64_t> expected;
      for (std::size_t i = 0; i < std::min<std::size_t>(ranked.size(), k); ++i) {
        expected.push_back(ranked[i].second);
      }
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(kept, expected) << "after call " << n << " of seed " << seed;
    }
  }
}

TEST(SlowestCalls, OneThatIsGoneLeavesItsPlace) {
  SlowestCalls slowest(2);
  slowest.add(5, 1);
  slowest.add(7, 2);
  EXPECT_FALSE(slowest.would_keep(4));
  slowest.remove(2);
  EXPECT_TRUE(slowest.would_keep(4));
  EXPECT_EQ(slowest.add(4, 3), 0);
  EXPECT_EQ(slowest.add(6, 4), 3);
}

TEST(SlowestCalls, WhatIsNoSlowerThanOneWithoutRoomHasNoneEither) {
  SlowestCalls slowest(4);
  slowest.add(5, 1);
  slowest.add(7, 2);
  slowest.add(6, 3);
  slowest.remove(1);
  slowest.had_no_room(5);
  EXPECT_FALSE(slowest.would_keep(5));
  EXPECT_EQ(slowest.add(4, 4), 0);
  EXPECT_TRUE(slowest.would_keep(5.5));
  slowest.had_no_room(3);  // a faster one, later: nothing new
  EXPECT_FALSE(slowest.would_keep(5));
}

}  // namespace
}  // namespace reprise::engine
