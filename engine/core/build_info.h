/// Which build this is: written into captures and reports, printed by --version.
#pragma once

#include <string>

namespace reprise::engine {

struct BuildInfo {
  std::string name;
  std::string version;
  std::string git_commit;  ///< "unknown" outside a checkout
  bool dirty = false;      ///< built with uncommitted changes
  std::string compiler;
  std::string flags;
  std::string build_type;
};

const BuildInfo& build_info();

}  // namespace reprise::engine
