#include "engine/serve/http/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>

#include "engine/core/monotonic.h"

namespace reprise::engine {
namespace {

bool wait_for(int fd, short events, int milliseconds) {
  pollfd entry{fd, events, 0};
  int n = 0;
  do {
    n = poll(&entry, 1, milliseconds);
  } while (n < 0 && errno == EINTR);
  return n > 0;
}

void address_of(const sockaddr_storage& address, std::string& ip, int& port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    port = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    port = ntohs(v6.sin6_port);
  }
  ip = text.data();
}

/// A connection's bytes, read through a buffer: the library asks for them one by one.
class SocketStream final : public httplib::Stream {
 public:
  SocketStream(socket_t socket, int read_milliseconds, int write_milliseconds)
      : socket_(socket), read_milliseconds_(read_milliseconds), write_milliseconds_(write_milliseconds) {}

  [[nodiscard]] bool is_readable() const override {
    return begin_ < end_ || wait_for(socket_, POLLIN, read_milliseconds_);
  }
  [[nodiscard]] bool is_writable() const override {
    return wait_for(socket_, POLLOUT, write_milliseconds_) && !is_gone();
  }
  ssize_t read(char* to, size_t size) override {
    if (begin_ == end_) {
      if (monotonic_seconds() > deadline_ || !wait_for(socket_, POLLIN, read_milliseconds_)) {
        return -1;
      }
      const ssize_t n = receive(buffer_.data(), buffer_.size(), 0);
      if (n <= 0) {
        return n;
      }
      begin_ = 0;
      end_ = static_cast<std::size_t>(n);
    }
    const std::size_t n = std::min({size, end_ - begin_, left_});
    if (n == 0) {
      return -1;
    }
    left_ -= n;
    std::memcpy(to, buffer_.data() + begin_, n);
    begin_ += n;
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* from, size_t size) override {
    if (!wait_for(socket_, POLLOUT, write_milliseconds_)) {
      return -1;
    }
    ssize_t n = 0;
    do {
      n = send(socket_, from, size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      address_of(address, ip, port);
    }
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      address_of(address, ip, port);
    }
  }
  [[nodiscard]] socket_t socket() const override { return socket_; }

  /// What the next request may take.
  void begin_request(std::size_t max_bytes, double deadline) {
    left_ = max_bytes;
    deadline_ = deadline;
  }

  /// Also behind bytes that wait to be read, such as the client's next request.
  [[nodiscard]] bool is_gone() const {
    pollfd entry{socket_, POLLRDHUP, 0};
    if (poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
      return true;
    }
    char byte = 0;
    const ssize_t n = receive(&byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }
  [[nodiscard]] bool has_bytes() const { return begin_ < end_; }

 private:
  ssize_t receive(char* to, std::size_t size, int flags) const {
    ssize_t n = 0;
    do {
      n = recv(socket_, to, size, flags);
    } while (n < 0 && errno == EINTR);
    return n;
  }

  socket_t socket_;
  int read_milliseconds_;
  int write_milliseconds_;
  std::array<char, 4096> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t left_ = 0;
  double deadline_ = 0;
};

thread_local const SocketStream* stream_of_this_thread = nullptr;
thread_local bool this_is_the_last = false;
thread_local bool there_are_too_many = false;
thread_local double began = 0;

/// A thread for each connection, up to a limit; what comes beyond is answered by the thread that accepts.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> serve) override {
    std::unique_lock lock(mutex_);
    if (n_ < kMaxConnections) {
      try {
        std::thread([this, serve] {
          serve();
          const std::lock_guard end(mutex_);
          --n_;
          changed_.notify_all();
        }).detach();
        ++n_;
        return;
      } catch (const std::system_error&) {
        // The system has no more threads: as if the limit were reached.
      }
    }
    lock.unlock();
    there_are_too_many = true;
    serve();
    there_are_too_many = false;
  }
  void shutdown() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return n_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int n_ = 0;
};

/// Without waiting for the client, which the thread that accepts has no time for.
void refuse_connection(socket_t sock) {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
      "Connection: close\r\nContent-Length: 100\r\n\r\n"
      R"({"error":{"message":"too many connections","type":"server_error","param":null,"code":"connections"}})";
  send(sock, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  shutdown(sock, SHUT_WR);
  close(sock);
}

/// A socket closed with bytes unread would reset the connection, and the client might lose the answer.
void drain(socket_t sock) {
  constexpr int kMostReads = 256;
  constexpr int kPatienceMilliseconds = 100;
  std::array<char, 65536> bytes{};
  for (int i = 0; i < kMostReads && wait_for(sock, POLLIN, kPatienceMilliseconds); ++i) {
    if (recv(sock, bytes.data(), bytes.size(), 0) <= 0) {
      return;
    }
  }
}

}  // namespace

HttpConnections::HttpConnections() {
  new_task_queue = [] { return new ConnectionThreads; };
}

double HttpConnections::request_began() {
  return began;
}

void HttpConnections::end_connection_after_this() {
  this_is_the_last = true;
}

int HttpConnections::bind(const std::string& host, int port) {
  const int bound = port == 0 ? bind_to_any_port(host) : (bind_to_port(host, port) ? port : -1);
  // Of a socket that listens already, this changes the length of its queue.
  return bound > 0 && ::listen(svr_sock_, SOMAXCONN) == 0 ? bound : -1;
}

bool HttpConnections::client_is_gone() {
  return stream_of_this_thread != nullptr && stream_of_this_thread->is_gone();
}

bool HttpConnections::wait_for_request(const httplib::Stream& stream) const {
  if (static_cast<const SocketStream&>(stream).has_bytes()) {
    return true;
  }
  constexpr int kLookEveryMilliseconds = 50;
  for (int waited = 0; waited < keep_alive_timeout_sec_ * 1000; waited += kLookEveryMilliseconds) {
    if (wait_for(stream.socket(), POLLIN, kLookEveryMilliseconds)) {
      return true;
    }
    if (ending_ || svr_sock_ == INVALID_SOCKET) {
      return false;
    }
  }
  return false;
}

bool HttpConnections::process_and_close_socket(socket_t sock) {
  if (there_are_too_many) {
    refuse_connection(sock);
    return false;
  }
  const auto milliseconds = [](time_t seconds, time_t microseconds) {
    return static_cast<int>(seconds * 1000 + microseconds / 1000);
  };
  SocketStream stream(sock, milliseconds(read_timeout_sec_, read_timeout_usec_),
                      milliseconds(write_timeout_sec_, write_timeout_usec_));
  stream_of_this_thread = &stream;
  this_is_the_last = false;
  bool answered = false;
  for (std::size_t left = keep_alive_max_count_; left > 0 && wait_for_request(stream); --left) {
    const bool is_last = left == 1 || ending_ || svr_sock_ == INVALID_SOCKET;
    began = monotonic_seconds();
    stream.begin_request(kMaxHeadBytes + payload_max_length_, began + kMaxReadSeconds);
    bool closed = false;
    try {
      // Parts of an answer, which Range asks for, are no JSON; and many parts can be more than the whole.
      answered = process_request(stream, is_last, closed, [](httplib::Request& req) { req.ranges.clear(); });
    } catch (const std::exception&) {
      answered = false;  // no memory for an answer; other connections go on
    }
    if (!answered || closed || is_last || this_is_the_last) {
      break;
    }
  }
  stream_of_this_thread = nullptr;
  shutdown(sock, SHUT_WR);
  if (this_is_the_last) {
    drain(sock);
  }
  close(sock);
  return answered;
}

}  // namespace reprise::engine
