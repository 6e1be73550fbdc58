/// The Error a call throws, for tests of messages.
#pragma once

#include <gtest/gtest.h>

#include "engine/core/error.h"

namespace reprise::testing {

/// Fails the test when nothing is thrown.
template <class F>
Error error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an Error";
  return {ErrorCode::io, ""};
}

}  // namespace reprise::testing
