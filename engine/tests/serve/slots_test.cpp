/// Slots: which one a request gets, the line, and how it ends.
#include "engine/serve/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

#include "engine/generate/generate.h"

namespace reprise::engine {
namespace {

using Ids = std::vector<TokenId>;

std::shared_ptr<const Model> tiny() {
  static const auto model = Model::open("synthetic:qwen3-tiny");
  return model;
}

Slots slots_of(int n_slots, std::int64_t max_waiting = 8) {
  return {tiny(),
          {.threads = 1},
          {.n_slots = n_slots, .max_waiting = max_waiting, .session = {.n_positions = 64}}};
}

GenerateRequest request_of(Ids prompt) {
  GenerateRequest request;
  request.prompt_ids = std::move(prompt);
  request.max_new_tokens = 2;
  return request;
}

/// Performs the call on some slot, and gives what it found cached there.
std::int64_t n_cached(Slots& slots, const Ids& prompt) {
  std::promise<std::int64_t> found;
  const auto ticket = slots.submit(
      prompt, [&](Session& session) { found.set_value(generate(session, request_of(prompt)).n_cached); });
  EXPECT_TRUE(ticket.has_value());
  const std::int64_t n = found.get_future().get();
  while (slots.n_busy() > 0) {
    std::this_thread::yield();
  }
  return n;
}

TEST(Slots, ARequestGetsTheSlotThatHasMostOfItCached) {
  Slots slots = slots_of(2);
  EXPECT_EQ(n_cached(slots, {1, 2, 3, 4}), 0);
  EXPECT_EQ(n_cached(slots, {9, 8, 7, 6}), 0) << "the other slot, unused so far";
  EXPECT_EQ(n_cached(slots, {1, 2, 3, 4, 5}), 4);
  EXPECT_EQ(n_cached(slots, {9, 8, 7, 6, 5}), 4) << "neither pushed the other's cache out";
  EXPECT_EQ(n_cached(slots, {50, 51}), 0);
  EXPECT_EQ(n_cached(slots, {9, 8, 7, 6, 5}), 4) << "what is new took the slot unused for longest";
}

/// Work that waits until it is let go.
class Gate {
 public:
  Slots::Work work() {
    return [this](Session&) {
      ++n_begun;
      open_.wait();
    };
  }
  void open() { promise_.set_value(); }
  std::atomic<int> n_begun{0};

 private:
  std::promise<void> promise_;
  std::shared_future<void> open_ = promise_.get_future().share();
};

TEST(Slots, AFullLineTakesNoMore) {
  Gate gate;
  Slots slots = slots_of(2, 3);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(slots.submit(Ids{1}, gate.work()).has_value()) << i;
  }
  EXPECT_EQ(slots.n_busy(), 2);
  EXPECT_EQ(slots.n_waiting(), 3);
  EXPECT_FALSE(slots.submit(Ids{1}, gate.work()).has_value());
  gate.open();
  while (slots.n_busy() > 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(gate.n_begun, 5);
  EXPECT_EQ(slots.n_waiting(), 0);
}

TEST(Slots, WhoLeavesTheLineIsNotWorkedFor) {
  Gate gate;
  Slots slots = slots_of(1);
  const auto first = slots.submit(Ids{1}, gate.work());
  bool ran = false;
  const auto second = slots.submit(Ids{1}, [&](Session&) { ran = true; });
  EXPECT_TRUE(slots.withdraw(*second));
  EXPECT_FALSE(slots.withdraw(*second)) << "it is not there any more";
  EXPECT_FALSE(slots.withdraw(*first)) << "it runs";
  gate.open();
  while (slots.n_busy() > 0) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(ran);
}

TEST(Slots, TheLineIsServedInOrder) {
  Gate gate;
  std::vector<int> order;  // one slot: no two write at once
  {
    Slots slots = slots_of(1);
    slots.submit(Ids{1}, gate.work());
    for (int i = 0; i < 5; ++i) {
      slots.submit(Ids{1}, [&order, i](Session&) { order.push_back(i); });
    }
    gate.open();
    while (slots.n_busy() > 0) {
      std::this_thread::yield();
    }
  }
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST(Slots, EndingForgetsTheLineAndWaitsForWhatRuns) {
  std::promise<void> begun;
  std::promise<void> end;
  std::atomic<bool> finished = false;
  std::atomic<bool> ran = false;
  std::thread opener;
  {
    Slots slots = slots_of(1);
    slots.submit(Ids{1}, [&](Session&) {
      begun.set_value();
      end.get_future().wait();
      finished = true;
    });
    begun.get_future().wait();
    slots.submit(Ids{1}, [&](Session&) { ran = true; });
    opener = std::thread([&] {
      while (slots.n_waiting() > 0) {  // until the end has begun
        std::this_thread::yield();
      }
      end.set_value();
    });
  }
  opener.join();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(ran);
}

TEST(Slots, AnswersDoNotDependOnTheSlot) {
  Slots slots = slots_of(3);
  std::set<Ids> answers;
  std::mutex mutex;
  for (int i = 0; i < 12; ++i) {
    slots.submit(Ids{static_cast<TokenId>(i)}, [&](Session& session) {
      GenerateRequest request = request_of({5, 6, 7});
      request.max_new_tokens = 8;
      const Ids ids = generate(session, request).generated_ids;
      const std::lock_guard lock(mutex);
      answers.insert(ids);
    });
    while (slots.n_waiting() > 4) {
      std::this_thread::yield();
    }
  }
  while (slots.n_busy() > 0 || slots.n_waiting() > 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(answers.size(), 1U);
}

}  // namespace
}  // namespace reprise::engine
