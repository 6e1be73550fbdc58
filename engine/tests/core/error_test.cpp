#include "engine/core/error.h"

#include <gtest/gtest.h>

#include <csignal>

#include "engine/core/check.h"

namespace reprise {
namespace {

TEST(Error, CarriesTheCodeAndTheFormattedLine) {
  try {
    fail(ErrorCode::mismatch, "{}: shape: expected [{}, {}], found [{}]", "model.safetensors", 2, 3, 6);
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "model.safetensors: shape: expected [2, 3], found [6]");
    const auto* ours = dynamic_cast<const Error*>(&error);
    ASSERT_NE(ours, nullptr);
    EXPECT_EQ(ours->code(), ErrorCode::mismatch);
  }
}

TEST(Error, BracesInArgumentsAreText) {
  EXPECT_THROW(
      {
        try {
          fail(ErrorCode::not_found, "{}", "{} {0} {{");
        } catch (const Error& error) {
          EXPECT_STREQ(error.what(), "{} {0} {{");
          throw;
        }
      },
      Error);
}

TEST(CheckDeathTest, AbortsWithConditionAndPlaceInEveryBuildType) {
  const int two = 2;
  EXPECT_DEATH(REPRISE_CHECK(two == 3), "error_test.cpp:[0-9]+: check failed: two == 3");
  EXPECT_EXIT(REPRISE_CHECK(two == 3), testing::KilledBySignal(SIGABRT), "");
}

TEST(Check, EvaluatesItsConditionOnce) {
  int calls = 0;
  REPRISE_CHECK(++calls > 0);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace reprise
