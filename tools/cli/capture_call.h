/// Recording a call that a user makes. Used by the subcommands that generate text.
#pragma once

#include <string>

#include "engine/capture/recorder.h"

namespace reprise::cli {

/// What a capture says of this machine: an object of its processor, memory and operating system.
std::string machine_json();

/// How to open `model` so that a capture remembers where it was, and is replayed from other folders.
std::string lasting_spec(const std::string& model);

/// Writes what `recorder` saw to `path`, and says so. A capture that cannot be written is a warning: the call
/// itself has succeeded.
void save_capture(engine::Recorder& recorder, const engine::Session& session,
                  const engine::GenerateResult& result, const std::string& tokenizer_sha256,
                  const std::string& path);

}  // namespace reprise::cli
