/// The real program as users run it: a process of its own, in a folder of its own. Used by the tests of
/// tools/cli.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace reprise::cli::testing {

using Arguments = std::vector<std::string>;

struct Outcome {
  int exit_code = -1;  ///< -1: killed by a signal
  std::string out;
  std::string err;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// A fresh folder for each test, in which the program runs and which goes with the test.
class CliTest : public ::testing::Test {
 protected:
  CliTest() {
    std::string name = (std::filesystem::temp_directory_path() / "reprise-cli-XXXXXX").string();
    root_ = mkdtemp(name.data());
    std::filesystem::create_directory(folder());
  }
  ~CliTest() override {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }

  /// Where the program runs.
  [[nodiscard]] std::filesystem::path folder() const { return root_ / "here"; }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder() / name; }

  /// Standard input is `input`, where there is some, else the tests' own.
  Outcome run(const Arguments& arguments, const std::string& reprise_models = "",
              const std::optional<std::string>& input = {}) const {
    std::vector<char*> argv = {const_cast<char*>(program_.c_str())};
    for (const std::string& argument : arguments) {
      argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    const std::string out = (root_ / "stdout").string();
    const std::string err = (root_ / "stderr").string();
    if (input) {
      write_file(root_ / "stdin", *input);
    }
    const pid_t child = fork();
    if (child == 0) {
      const auto redirect = [](const std::string& file, int descriptor) {
        dup2(open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), descriptor);
      };
      if (input) {
        dup2(open((root_ / "stdin").c_str(), O_RDONLY), STDIN_FILENO);
      }
      redirect(out, STDOUT_FILENO);
      redirect(err, STDERR_FILENO);
      setenv("REPRISE_MODELS", reprise_models.c_str(), 1);
      if (chdir(folder().c_str()) == 0) {
        execv(program_.c_str(), argv.data());
      }
      _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out), read_file(err)};
  }

  /// Like run, for what must work.
  std::string output(const Arguments& arguments) const {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  }

  /// With lines on standard input.
  Outcome run_with_input(const Arguments& arguments, const std::string& input) const {
    return run(arguments, "", input);
  }

  /// Names of everything in the folder, nested too.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder())) {
      names.push_back(entry.path().lexically_relative(folder()).string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  /// An error as this program reports all of them: exit code 4, one line that holds `expected`, nothing on
  /// standard output, no file left behind.
  void expect_error(const Arguments& arguments, const std::vector<std::string>& expected) const {
    std::ostringstream command;
    std::copy(arguments.begin(), arguments.end(), std::ostream_iterator<std::string>(command, " "));
    SCOPED_TRACE("reprise " + command.str().substr(0, 200));
    const std::vector<std::string> before = files();
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 4);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err.find("reprise: "), 0U) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.err.ends_with('\n'));
    for (const std::string& text : expected) {
      EXPECT_NE(outcome.err.find(text), std::string::npos) << "no \"" << text << "\" in: " << outcome.err;
    }
    EXPECT_EQ(files(), before);
  }

  /// Records a small call of a synthetic model.
  void make_capture(const std::string& name, const Arguments& more = {}) const {
    Arguments arguments = {"generate",         "synthetic:microgpt-tiny",
                           "--prompt-ids",     "1,2,3,4",
                           "--max-new-tokens", "6",
                           "--capture",        name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run(arguments);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    ASSERT_TRUE(std::filesystem::exists(path(name))) << outcome.err;
  }

  /// Another program of the build than `reprise`, from here on.
  void use_program(const std::string& name) { program_ = REPRISE_BINARY_DIR "/bin/" + name; }

 private:
  std::filesystem::path root_;
  std::string program_ = REPRISE_BINARY_DIR "/bin/reprise";
};

/// Flags with which measuring takes no time to speak of.
inline Arguments quick(Arguments arguments) {
  for (const char* flag : {"--budget", "0.1", "--min-runs", "3", "--target", "0.5"}) {
    arguments.emplace_back(flag);
  }
  return arguments;
}

}  // namespace reprise::cli::testing
