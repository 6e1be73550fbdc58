/// Futhark's server protocol on standard input and output (engine/serve/futhark): `reprise serve --stdio`,
/// and the whole program when it is started under the name of one of fuchat's Futhark programs.
#pragma once

#include <string>

#include "engine/backends/placement.h"
#include "engine/core/dtype.h"
#include "engine/generate/generate.h"

namespace reprise::cli {

struct StdioOptions {
  engine::DType element = engine::DType::f32;  ///< f32: the program qwen-f32; f16: qwen-f16
  engine::Placement placement;
  std::string model;     ///< for the entry point `params`; may be empty
  bool profile = false;  ///< `report` tells of kernels
  bool log = false;      ///< a line on standard error for each command
  engine::GenerateFunction perform = engine::generate;  ///< performs each call of `gen`
};

/// Serves until standard input ends, or nobody reads standard output. Errors: those of Model::open and of the
/// placement, before the first answer.
void run_stdio_server(const StdioOptions& options);

/// Whether a program called so, "./qwen-f32" or "qwen-f16", is to be a Futhark server.
bool is_futhark_server_name(const std::string& program);

/// What Futhark's server executables do with their options; returns the exit code. Options of theirs that
/// mean nothing here (a cache file, a device, debugging) are accepted.
int run_as_futhark_server(int argc, char** argv);

}  // namespace reprise::cli
