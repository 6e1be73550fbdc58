#include "harness/regress/history/postgres_uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise::harness {
namespace {

using ::testing::Contains;

TEST(PostgresUri, PasswordsAreHidden) {
  EXPECT_EQ(without_passwords("postgresql://ci:secret@host/db"), "postgresql://ci:***@host/db");
  EXPECT_EQ(without_passwords("postgresql://ci:se?cret@host/db"), "postgresql://ci:***@host/db");
  EXPECT_EQ(without_passwords("postgresql://ci:p@ss:word@host:5432/db"), "postgresql://ci:***@host:5432/db");
  EXPECT_EQ(without_passwords("postgresql://ci:p@ss?word"), "postgresql://ci:***@ss?word");
  EXPECT_EQ(without_passwords("postgresql://ci:secret@"), "postgresql://ci:***@");
  EXPECT_EQ(without_passwords("postgres://host/db?user=ci&password=secret&x=1"),
            "postgres://host/db?user=ci&password=***&x=1");
  EXPECT_EQ(without_passwords("postgres://host/db?password=secret"), "postgres://host/db?password=***");
  EXPECT_EQ(without_passwords("postgres://host?password=a=b"), "postgres://host?password=***");
  EXPECT_EQ(without_passwords("postgres://ci:@host/db?password=secret"),
            "postgres://ci:@host/db?password=***");
  EXPECT_EQ(without_passwords("postgres://ci:one@host/db?sslpassword=two&pass%77ord=three&"),
            "postgres://ci:***@host/db?sslpassword=***&pass%77ord=***&");
  for (const char* plain : {"postgresql://ci@host/db", "postgresql://host:5432/db", "postgresql:///db",
                            "postgresql://ci:@host/db", "postgresql://", "postgresql://host?",
                            "postgresql://host/db?passwords=x&password", "postgresql://host/db?a=b:c@d",
                            "history.sqlite", "a:b@c", "x?password=y", ""}) {
    EXPECT_EQ(without_passwords(plain), plain);
    EXPECT_TRUE(passwords_in(plain).empty()) << plain;
  }
}

TEST(PostgresUri, PasswordsAreKnownAsWrittenAndAsMeant) {
  EXPECT_THAT(passwords_in("postgresql://ci:s%65cret@host/db"), Contains("s%65cret"));
  EXPECT_THAT(passwords_in("postgresql://ci:s%65cret@host/db"), Contains("secret"));
  EXPECT_THAT(passwords_in("postgresql://ci:100%@host/db"), Contains("100%"));
}

TEST(PostgresUri, TheTimeoutIsAParameterOfItsOwn) {
  const auto expect = [](const std::string& uri, const std::string& timed) {
    EXPECT_EQ(with_connect_timeout(uri), timed);
  };
  expect("postgresql://host/db", "postgresql://host/db?connect_timeout=10");
  expect("postgresql://host/db?", "postgresql://host/db?connect_timeout=10");
  expect("postgresql://host/db?x=1", "postgresql://host/db?x=1&connect_timeout=10");
  expect("postgresql://host/db?x=1&", "postgresql://host/db?x=1&connect_timeout=10");
  expect("postgresql://ci:se?cret@host/db", "postgresql://ci:se?cret@host/db?connect_timeout=10");
  expect("postgresql://ci:connect_timeout=@host", "postgresql://ci:connect_timeout=@host?connect_timeout=10");
  expect("postgresql://host?connect%5Ftimeout=3", "postgresql://host?connect%5Ftimeout=3");
  expect("postgresql://host?x=1&connect_timeout=3", "postgresql://host?x=1&connect_timeout=3");
}

}  // namespace
}  // namespace reprise::harness
