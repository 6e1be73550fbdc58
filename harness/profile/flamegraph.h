/// A timeline as a flame graph of other programs: speedscope, and whatever reads collapsed stacks.
#pragma once

#include <string>

#include "harness/profile/timeline.h"

namespace reprise::harness {

/// An evented profile for speedscope.app, in seconds: phase > token > layer > kernel, in the order of time.
/// Source: github.com/jlfwong/speedscope, src/lib/file-format-spec.ts.
std::string speedscope(const Timeline& timeline, const std::string& title);

/// A line a stack, "decode;layer 3;linear 123456", whose weight is nanoseconds over all tokens;
/// `unattributed` is a stack of its own where it is above 0. Source: Brendan Gregg's FlameGraph,
/// stackcollapse.
std::string collapsed_stacks(const Timeline& timeline, Seconds unattributed);

}  // namespace reprise::harness
