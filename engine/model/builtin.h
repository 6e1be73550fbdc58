/// Small models that ship inside the library, as "builtin:NAME": their folders under builtin/ are compiled in
/// as they stand. For trying the program, for tests and for examples, without a download. Used by
/// Model::open.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/model/model.h"

namespace reprise::engine {

/// The NAMEs there are.
std::vector<std::string> builtin_names();

/// `spec` is what the caller was given, "builtin:NAME". The identity is that of the folder: the SHA-256 of
/// its model.safetensors. Errors: not_found, naming the models there are.
std::shared_ptr<const Model> open_builtin(const std::string& spec, const std::string& name);

}  // namespace reprise::engine
