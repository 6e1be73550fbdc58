/// Futhark's server protocol: commands on lines, answers framed by "%%% OK" and "%%% FAILURE". Clients
/// written for Futhark's server executables can drive any Program (program.h) through it. Source: Futhark's
/// documentation, "Server Protocol"; the words of failures are those of its C runtime, where it has any,
/// since clients may look for them.
#pragma once

#include <functional>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/serve/futhark/program.h"

namespace reprise::engine::futhark {

class ByteSource;

struct ServerOptions {
  std::size_t max_line_bytes = std::size_t{1} << 20;                    ///< a longer line is a failure
  std::function<void(std::string_view)> log = [](std::string_view) {};  ///< told of each command
};

class Server {
 public:
  explicit Server(Program program, ServerOptions options = {});

  /// Answers every line of `in` until it ends, or `out` takes no more. Whatever a client sends is at worst a
  /// failure of that command: variables are then as before it.
  void run(std::istream& in, std::ostream& out);

 private:
  using Words = std::vector<std::string>;
  struct Command {
    std::string_view name;
    std::size_t least;  ///< words after the command's name
    void (Server::*run)(const Words&);
  };
  static const std::vector<Command>& commands();

  /// The answer to one command, without its final "%%% OK".
  std::string answer(const std::string& line);
  void perform(const Words& words);
  void print(const std::string& line) { answer_ += line + "\n"; }

  // server.cpp
  void call(const Words& words);
  void restore(const Words& words);
  void store(const Words& words);
  void free(const Words& words);
  void rename(const Words& words);
  void clear(const Words& words);
  void list_types(const Words& words);
  void list_entry_points(const Words& words);
  void inputs(const Words& words);
  void output(const Words& words);
  void attributes(const Words& words);
  void report(const Words& words);
  void pause_profiling(const Words& words);
  void unpause_profiling(const Words& words);
  void set_tuning_param(const Words& words);
  void tuning_param_class(const Words& words);

  // server_types.cpp
  void kind(const Words& words);
  void type(const Words& words);
  void rank(const Words& words);
  void elemtype(const Words& words);
  void shape(const Words& words);
  void index(const Words& words);
  void set(const Words& words);
  void new_array(const Words& words);
  void zip(const Words& words);
  void unzip(const Words& words);
  void fields(const Words& words);
  void new_record(const Words& words);
  void project(const Words& words);
  void sum_type(const Words& words);
  void sum_value(const Words& words);

  /// The next value of a file, a record component by component.
  [[nodiscard]] Value read(ByteSource& source, const std::string& type) const;
  [[nodiscard]] const EntryPoint& entry_point(const std::string& name) const;
  [[nodiscard]] const RecordKind* record_kind(std::string_view name) const;
  /// Errors: for a name that is neither a record nor an array of primitives.
  void check_type(const std::string& name) const;
  [[nodiscard]] ArrayType array_type(const std::string& name) const;
  [[nodiscard]] const RecordKind& record_type(const std::string& name) const;

  [[nodiscard]] const Value& variable(const std::string& name) const;
  /// A variable that was not consumed.
  [[nodiscard]] const Value& usable(const std::string& name) const;
  [[nodiscard]] const Array& array_variable(const std::string& name) const;
  void check_new(const std::string& name) const;
  void create(const std::string& name, Value value);

  Program program_;
  ServerOptions options_;
  std::map<std::string, Value, std::less<>> variables_;
  std::string answer_;
};

}  // namespace reprise::engine::futhark
