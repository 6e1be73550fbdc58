#include "engine/core/thread_team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

namespace reprise::engine {
namespace {

TEST(ThreadTeam, EveryMemberRunsOnceEachTime) {
  for (const int n_threads : {1, 2, 3, 8}) {
    ThreadTeam team(n_threads);
    ASSERT_EQ(team.size(), n_threads);
    std::vector<int> calls(static_cast<std::size_t>(n_threads), 0);  // not atomic: each member has its own
    for (int round = 1; round <= 500; ++round) {
      team.run([&](int member) { ++calls[static_cast<std::size_t>(member)]; });
      // run() has returned, so every member's write is visible here.
      ASSERT_EQ(calls, std::vector<int>(static_cast<std::size_t>(n_threads), round));
    }
  }
}

TEST(ThreadTeam, MembersRunAtOnceOnThreadsOfTheirOwn) {
  constexpr int kThreads = 4;
  ThreadTeam team(kThreads);
  std::vector<std::thread::id> ids(kThreads);
  std::atomic<int> arrived = 0;
  team.run([&](int member) {
    ids[static_cast<std::size_t>(member)] = std::this_thread::get_id();
    ++arrived;
    while (arrived < kThreads) {  // ends only when all members run together
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(std::set<std::thread::id>(ids.begin(), ids.end()).size(), std::size_t{kThreads});
  EXPECT_TRUE(std::set<std::thread::id>(ids.begin(), ids.end()).contains(std::this_thread::get_id()));
}

TEST(ThreadTeam, SleepingMembersWakeAndIdleTeamsEnd) {
  ThreadTeam idle(3);  // destroyed without ever running
  ThreadTeam team(3);
  std::atomic<int> calls = 0;
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // longer than the members spin
    team.run([&](int member) {
      // The others work for longer than the caller spins, so that it sleeps too and must be woken.
      std::this_thread::sleep_for(std::chrono::milliseconds(member == 0 ? 0 : 5));
      ++calls;
    });
  }
  EXPECT_EQ(calls, 9);
}

}  // namespace
}  // namespace reprise::engine
