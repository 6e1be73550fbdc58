/// A timeline as a trace that ui.perfetto.dev and chrome://tracing open.
#pragma once

#include <string>

#include "harness/profile/timeline.h"

namespace reprise::harness {

/// Chrome's trace event format, as JSON: complete events ("X") on one track, since one thread dispatches, or
/// one stream; kernels within layers, tokens and phases; a kernel's shape, bytes and flops among its
/// arguments.
///   title: of the process that is shown.  track: of the thread: "cpu avx2", "hip gfx90a".
/// Source: "Trace Event Format", Chromium's tracing documentation.
std::string chrome_trace(const Timeline& timeline, const std::string& title, const std::string& track);

}  // namespace reprise::harness
