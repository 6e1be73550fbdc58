/// Where tests find their data: goldens committed with the project, and the larger external set, which a
/// fresh clone does not have.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace reprise::testing {

/// engine/tests/goldens: always there.
inline std::filesystem::path golden_folder() {
  return std::filesystem::path(REPRISE_SOURCE_DIR) / "engine/tests/goldens";
}

/// The external test data: REPRISE_TEST_DATA, or ../shared/data beside the project.
inline std::filesystem::path external_data() {
  const char* folder = std::getenv("REPRISE_TEST_DATA");
  return folder != nullptr ? std::filesystem::path(folder)
                           : std::filesystem::path(REPRISE_SOURCE_DIR).parent_path() / "shared/data";
}

}  // namespace reprise::testing

/// Skips the current test, saying what is missing, unless the external data holds `name`.
#define REPRISE_NEEDS_DATA(name)                                                                            \
  if (!std::filesystem::exists(::reprise::testing::external_data() / (name))) {                             \
    GTEST_SKIP() << "no test data: " << (::reprise::testing::external_data() / (name)) << " is not there; " \
                 << "set REPRISE_TEST_DATA to the folder that holds it";                                    \
  }
