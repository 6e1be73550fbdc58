/// cpp-httplib's server, plus what it cannot tell: whether the client of a request is still there. A client
/// that hangs up must not keep a slot busy, also when nothing has been written to it yet.
#pragma once

#include <httplib.h>

#include <atomic>

namespace reprise::engine {

inline constexpr std::size_t kMaxHeadBytes = std::size_t{64} << 10;
inline constexpr double kMaxReadSeconds = 30;
inline constexpr int kMaxConnections = 1024;

class HttpConnections : public httplib::Server {
 public:
  HttpConnections();

  /// Whether the client of the request that this thread handles has closed its connection.
  static bool client_is_gone();
  /// For answers given before the request's body was read: what follows on this connection is no request.
  static void end_connection_after_this();
  /// When the request that this thread handles began to arrive, on the monotonic clock.
  static double request_began();
  /// Binds, and lets more clients than the library's five connect at once; the port, or -1.
  int bind(const std::string& host, int port);
  /// Connections end after the request they are at, instead of waiting for another.
  void end_connections() { ending_ = true; }

 private:
  bool process_and_close_socket(socket_t sock) override;
  bool wait_for_request(const httplib::Stream& stream) const;

  std::atomic<bool> ending_{false};
};

}  // namespace reprise::engine
