/// What a server offers: types, and entry points to call. The server (server.h) knows the protocol and
/// nothing of language models; qwen_program.h makes a program that does the reverse.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/serve/futhark/value.h"

namespace reprise::engine::futhark {

struct Input {
  std::string type;
  bool consumed = false;  ///< the value given cannot be used afterwards
};

struct EntryPoint {
  std::string name;
  std::vector<Input> inputs;
  std::string output;
  /// Given usable values of the inputs' types. Errors: the protocol's failure; nothing was consumed then.
  std::function<Value(std::span<const Value>)> call;
};

struct RecordKind {
  std::shared_ptr<const RecordType> type;
  /// From values of the fields' types. Errors: the protocol's failure.
  std::function<std::shared_ptr<Record>(std::vector<Value>)> make;
};

struct Program {
  std::vector<std::string> types;  ///< as `types` lists them, records included
  std::vector<RecordKind> records;
  std::vector<EntryPoint> entry_points;
  /// A profile of the calls since the start, or clear_profile, as JSON on one line.
  std::function<std::string()> report = [] { return R"({"memory":{},"events":[]})"; };
  std::function<void(bool)> pause_profiling = [](bool) {};
  std::function<void()> clear_profile = [] {};
};

}  // namespace reprise::engine::futhark
