/// A real PostgreSQL for tests: Debian's, started on a socket in a temporary folder, without TCP, and gone
/// with the test program. For tests only.
#pragma once

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace reprise::testing {

class PostgresServer {
 public:
  static bool installed() { return !find_programs().empty(); }

  /// The one of this program, started by the first call. One that is installed and does not start fails the
  /// test.
  static PostgresServer& instance() {
    static PostgresServer server;
    EXPECT_EQ(server.problem_, "");
    return server;
  }

  /// The location of a fresh, empty database.
  std::string fresh_database() {
    const std::string name = "test_" + std::to_string(++databases_);
    EXPECT_EQ(wait(spawn({programs_ / "createdb", "-h", folder_, "-U", "reprise", name})), 0) << log();
    return "postgresql://reprise@/" + name + "?host=" + folder_.string();
  }

  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer() {
    if (server_ > 0) {
      kill(server_, SIGQUIT);  // at once: nothing is to be kept
      wait(server_);
    }
    if (!folder_.empty()) {
      std::error_code error;
      std::filesystem::remove_all(folder_, error);
    }
  }

 private:
  using Path = std::filesystem::path;

  PostgresServer() {
    find_user();
    std::string name = (std::filesystem::temp_directory_path() / "reprise-pg-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      problem_ = name + ": no temporary folder can be made there";
      return;
    }
    folder_ = name;
    if (geteuid() == 0 && chown(folder_.c_str(), user_, group_) != 0) {
      problem_ = "no user for it";
      return;
    }
    const Path data = folder_ / "data";
    if (wait(spawn({programs_ / "initdb", "-D", data, "-U", "reprise", "-A", "trust", "-E", "UTF8",
                    "--locale=C", "--no-sync", "--no-instructions"})) != 0) {
      problem_ = log();
      return;
    }
    server_ = spawn({programs_ / "postgres", "-D", data, "-k", folder_, "-c", "listen_addresses=", "-c",
                     "fsync=off", "-c", "max_connections=10"});
    wait_until_ready();
  }

  /// The folder of the newest version's programs, "" where there is none.
  static Path find_programs() {
    Path programs;
    double newest = 0;
    glob_t found{};
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, nullptr, &found) == 0) {
      for (std::size_t i = 0; i < found.gl_pathc; ++i) {
        const Path folder = Path(found.gl_pathv[i]).parent_path();
        // As a number: 15 is newer than 9.6.
        const double version = std::strtod(folder.parent_path().filename().c_str(), nullptr);
        programs = version >= newest ? folder : programs;
        newest = std::max(newest, version);
      }
    }
    globfree(&found);
    return programs;
  }

  /// PostgreSQL refuses to run as root.
  void find_user() {
    for (const char* name : {"postgres", "nobody"}) {
      if (const passwd* user = getpwnam(name); user != nullptr && geteuid() == 0) {
        user_ = user->pw_uid;
        group_ = user->pw_gid;
        return;
      }
    }
  }

  void wait_until_ready() {
    for (int attempt = 0; attempt < 600; ++attempt) {
      if (wait(spawn({programs_ / "pg_isready", "-q", "-h", folder_})) == 0) {
        return;
      }
      if (waitpid(server_, nullptr, WNOHANG) == server_) {
        server_ = -1;
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    problem_ = "not ready: " + log();
  }

  /// A child process under the server's user, which ends with this one; what it prints goes to the log.
  pid_t spawn(const std::vector<std::string>& arguments) const {
    std::vector<char*> argv;
    for (const std::string& argument : arguments) {
      argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    const std::string log = folder_ / "log";
    const pid_t child = fork();
    if (child == 0) {
      const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
      dup2(output, STDOUT_FILENO);
      dup2(output, STDERR_FILENO);
      const bool root = geteuid() == 0;
      if ((root && (setgroups(0, nullptr) != 0 || setgid(group_) != 0 || setuid(user_) != 0)) ||
          chdir(folder_.c_str()) != 0) {
        _exit(126);
      }
      prctl(PR_SET_PDEATHSIG, SIGQUIT);
      execv(argv[0], argv.data());
      _exit(127);
    }
    return child;
  }

  static int wait(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  [[nodiscard]] std::string log() const {
    std::ifstream file(folder_ / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Path programs_ = find_programs();
  Path folder_;
  uid_t user_ = geteuid();
  gid_t group_ = getegid();
  pid_t server_ = -1;
  int databases_ = 0;
  std::string problem_;
};

}  // namespace reprise::testing
