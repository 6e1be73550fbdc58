/// BuildInfo as a list of fields, for captures and reports (io/json_archive.h).
#pragma once

#include "engine/core/build_info.h"

namespace reprise::engine {

template <class Archive>
void fields(Archive& archive, BuildInfo& build) {
  archive("name", build.name);
  archive("version", build.version);
  archive("git_commit", build.git_commit);
  archive("dirty", build.dirty);
  archive("compiler", build.compiler);
  archive("flags", build.flags);
  archive("build_type", build.build_type);
}

}  // namespace reprise::engine
