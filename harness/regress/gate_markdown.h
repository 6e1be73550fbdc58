/// A judged gate as a comment on a change request: verdict counts first, then only what is not equivalent,
/// and how to see the same again. Used by tools/cli.
#pragma once

#include <string>

#include "harness/regress/gate.h"

namespace reprise::harness {

/// GitHub-flavoured Markdown, which GitLab reads as well. Names from captures and files are escaped.
std::string gate_markdown(const Gate& gate);

}  // namespace reprise::harness
