#include "engine/serve/futhark/server.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <ostream>

#include "engine/core/error.h"
#include "engine/core/monotonic.h"
#include "engine/io/printable.h"
#include "engine/io/system_error.h"
#include "engine/serve/futhark/value_file.h"
#include "engine/serve/futhark/words.h"

namespace reprise::engine::futhark {
namespace {

constexpr std::size_t kMaxMessage = 4096;

/// Nothing that a client sends ends up as a line of its own in the answer.
std::string one_line(std::string_view text) {
  return printable(text, kMaxMessage);
}

/// Into the file that has the name now: clients hold it open and read what appears there, so it is not
/// replaced by another one.
void write_in_place(const std::string& path, const std::vector<const Value*>& values) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) {
    fail(ErrorCode::io, "Failed to open {}: {}", path, detail::reason_of(errno));
  }
  for (const Value* value : values) {
    write_value(*value, [&](std::span<const std::byte> bytes) {
      file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    });
  }
  file.close();
  if (!file) {
    fail(ErrorCode::io, "Failed to write {}: {}", path, detail::reason_of(errno));
  }
}

}  // namespace

Server::Server(Program program, ServerOptions options)
    : program_(std::move(program)), options_(std::move(options)) {}

const std::vector<Server::Command>& Server::commands() {
  static const std::vector<Command> all = {
      {"types", 0, &Server::list_types},
      {"entry_points", 0, &Server::list_entry_points},
      {"inputs", 1, &Server::inputs},
      {"output", 1, &Server::output},
      {"outputs", 1, &Server::output},  // what the command was called when there could be several
      {"attributes", 1, &Server::attributes},
      {"call", 2, &Server::call},
      {"restore", 1, &Server::restore},
      {"store", 1, &Server::store},
      {"free", 0, &Server::free},
      {"rename", 2, &Server::rename},
      {"clear", 0, &Server::clear},
      {"pause_profiling", 0, &Server::pause_profiling},
      {"unpause_profiling", 0, &Server::unpause_profiling},
      {"report", 0, &Server::report},
      {"set_tuning_param", 2, &Server::set_tuning_param},
      {"tuning_params", 1, &Server::attributes},  // an entry point has none of either
      {"tuning_param_class", 1, &Server::tuning_param_class},
      {"kind", 1, &Server::kind},
      {"type", 1, &Server::type},
      {"rank", 1, &Server::rank},
      {"elemtype", 1, &Server::elemtype},
      {"shape", 1, &Server::shape},
      {"index", 2, &Server::index},
      {"set", 2, &Server::set},
      {"new_array", 2, &Server::new_array},
      {"zip", 2, &Server::zip},
      {"unzip", 1, &Server::unzip},
      {"fields", 1, &Server::fields},
      {"new", 2, &Server::new_record},
      {"project", 3, &Server::project},
      {"variants", 1, &Server::sum_type},
      {"construct", 3, &Server::sum_type},
      {"variant", 1, &Server::sum_value},
      {"destruct", 1, &Server::sum_value},
  };
  return all;
}

void Server::run(std::istream& in, std::ostream& out) {
  std::string line;
  out << "%%% OK\n" << std::flush;
  while (out) {
    const LineStatus status = read_line(in, options_.max_line_bytes, line);
    if (status == LineStatus::end) {
      return;
    }
    if (status == LineStatus::too_long) {
      out << "%%% FAILURE\n" << fmt::format("Line longer than {} bytes\n", options_.max_line_bytes);
    } else {
      out << answer(line);
    }
    out << "%%% OK\n" << std::flush;
  }
}

std::string Server::answer(const std::string& line) {
  answer_.clear();
  std::string problem;
  const double start = monotonic_seconds();
  try {
    perform(words_of(line));
  } catch (const std::bad_alloc&) {
    problem = "Out of memory";
  } catch (const std::exception& error) {
    problem = one_line(error.what());
  }
  options_.log(fmt::format("{} ({:.3f} ms){}", one_line(line), 1e3 * (monotonic_seconds() - start),
                           problem.empty() ? "" : ": " + problem));
  return answer_ + (problem.empty() ? "" : "%%% FAILURE\n" + problem + "\n");
}

void Server::perform(const Words& words) {
  if (words.empty()) {
    fail(ErrorCode::invalid_argument, "Empty line");
  }
  const auto command = std::ranges::find(commands(), words.front(), &Command::name);
  if (command == commands().end()) {
    fail(ErrorCode::invalid_argument, "Unknown command: {}", words.front());
  }
  const Words arguments(words.begin() + 1, words.end());
  if (arguments.size() < command->least) {
    fail(ErrorCode::invalid_argument, "Insufficient command args: {} takes at least {}, found {}",
         words.front(), command->least, arguments.size());
  }
  (this->*command->run)(arguments);
}

void Server::call(const Words& words) {
  const EntryPoint& entry = entry_point(words[0]);
  const std::size_t n_inputs = entry.inputs.size();
  if (words.size() != 2 + n_inputs) {
    fail(ErrorCode::invalid_argument, "Invalid argument count: {} takes {} inputs and 1 output, found {}",
         entry.name, n_inputs, words.size() - 1);
  }
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < n_inputs; ++i) {
    const Value& value = variable(words[2 + i]);
    if (type_name(value) != entry.inputs[i].type) {
      fail(ErrorCode::invalid_argument, "Wrong input type.  Expected {}, got {}.", entry.inputs[i].type,
           type_name(value));
    }
    inputs.push_back(usable(words[2 + i]));
  }
  check_new(words[1]);
  const double start = monotonic_seconds();
  Value result = entry.call(inputs);
  const double seconds = monotonic_seconds() - start;
  create(words[1], std::move(result));
  print(fmt::format("runtime: {}", std::llround(1e6 * seconds)));
}

Value Server::read(ByteSource& source, const std::string& type) const {
  const RecordKind* kind = record_kind(type);
  if (kind == nullptr) {
    return read_value(source, *array_type_named(type));
  }
  std::vector<Value> components;
  for (const RecordField& field : kind->type->fields) {
    components.push_back(read(source, field.type));
  }
  return kind->make(std::move(components));
}

void Server::restore(const Words& words) {
  if (words.size() % 2 == 0) {
    fail(ErrorCode::invalid_argument, "Insufficient command args: {} has no type", words.back());
  }
  ByteSource source(words[0]);
  std::map<std::string, Value, std::less<>> restored;
  for (std::size_t i = 1; i < words.size(); i += 2) {
    check_type(words[i + 1]);
    check_new(words[i]);
    try {
      Value value = read(source, words[i + 1]);
      if (!restored.emplace(words[i], std::move(value)).second) {
        fail(ErrorCode::invalid_argument, "Variable already exists: {}", words[i]);
      }
    } catch (const Error& error) {
      fail(error.code(), "Failed to restore variable {}. Possibly malformed data in {}: {}", words[i],
           words[0], error.what());
    }
  }
  if (!at_end(source)) {
    fail(ErrorCode::invalid_data, "Expected EOF after reading {} values from {}", words.size() / 2, words[0]);
  }
  variables_.merge(restored);
}

void Server::store(const Words& words) {
  std::vector<const Value*> values;
  for (std::size_t i = 1; i < words.size(); ++i) {
    values.push_back(&usable(words[i]));
  }
  write_in_place(words[0], values);
}

void Server::free(const Words& words) {
  for (const std::string& name : words) {
    (void)variable(name);
  }
  for (const std::string& name : words) {
    variables_.erase(name);
  }
}

void Server::rename(const Words& words) {
  (void)usable(words[0]);
  check_new(words[1]);
  auto node = variables_.extract(words[0]);
  node.key() = words[1];
  variables_.insert(std::move(node));
}

void Server::clear(const Words& /*words*/) {
  variables_.clear();
  program_.clear_profile();
}

void Server::list_types(const Words& /*words*/) {
  std::ranges::for_each(program_.types, [this](const std::string& type) { print(type); });
}

void Server::list_entry_points(const Words& /*words*/) {
  for (const EntryPoint& entry : program_.entry_points) {
    print(entry.name);
  }
}

void Server::inputs(const Words& words) {
  for (const Input& input : entry_point(words[0]).inputs) {
    print((input.consumed ? "*" : "") + input.type);
  }
}

void Server::output(const Words& words) {
  print(entry_point(words[0]).output);
}

void Server::attributes(const Words& words) {
  (void)entry_point(words[0]);
}

void Server::report(const Words& /*words*/) {
  print(program_.report());
}

void Server::pause_profiling(const Words& /*words*/) {
  program_.pause_profiling(true);
}

void Server::unpause_profiling(const Words& /*words*/) {
  program_.pause_profiling(false);
}

void Server::set_tuning_param(const Words& words) {
  fail(ErrorCode::invalid_argument, "Failed to set tuning parameter {} to {}: this program has none",
       words[0], words[1]);
}

void Server::tuning_param_class(const Words& words) {
  fail(ErrorCode::invalid_argument, "Unknown tuning parameter: {}", words[0]);
}

const EntryPoint& Server::entry_point(const std::string& name) const {
  const auto found = std::ranges::find(program_.entry_points, name, &EntryPoint::name);
  if (found == program_.entry_points.end()) {
    fail(ErrorCode::not_found, "Unknown entry point: {}", name);
  }
  return *found;
}

const Value& Server::variable(const std::string& name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end()) {
    fail(ErrorCode::not_found, "Unknown variable: {}", name);
  }
  return found->second;
}

const Value& Server::usable(const std::string& name) const {
  const Value& value = variable(name);
  try {
    check_usable(value);
  } catch (const Error& error) {
    fail(error.code(), "Variable {}: {}", name, error.what());
  }
  return value;
}

void Server::check_new(const std::string& name) const {
  if (variables_.contains(name)) {
    fail(ErrorCode::invalid_argument, "Variable already exists: {}", name);
  }
}

void Server::create(const std::string& name, Value value) {
  check_new(name);
  variables_.emplace(name, std::move(value));
}

}  // namespace reprise::engine::futhark
