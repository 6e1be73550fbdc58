#include "harness/regress/history/postgres_uri.h"

#include <algorithm>
#include <cstddef>

namespace reprise::harness {
namespace {

/// A part of a text.
struct Part {
  std::size_t at = 0;
  std::size_t length = 0;
};

struct Parameter {
  std::string key;  ///< decoded
  Part value;
};

int digit_of(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Without percent-encoding; what is no code stays.
std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool code =
        text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0;
    plain += code ? static_cast<char>(16 * digit_of(text[i + 1]) + digit_of(text[i + 2])) : text[i];
    i += code ? 2 : 0;
  }
  return plain;
}

/// The first character after "user:password@".
std::size_t host_of(std::string_view uri) {
  const std::size_t authority = uri.find("://") + 3;
  const std::size_t end = uri.find_first_of("@/", authority);
  return end != std::string_view::npos && uri[end] == '@' ? end + 1 : authority;
}

/// The user's password. With an '@' in it that is not encoded, libpq takes the rest for a host: hidden too.
Part user_password(std::string_view uri) {
  const std::size_t authority = uri.find("://") + 3;
  const std::size_t slash = std::min(uri.find('/', authority), uri.size());
  const std::size_t query = std::min(uri.find('?', host_of(uri)), slash);
  const std::size_t at = uri.substr(0, query).rfind('@');
  const std::size_t colon = uri.find(':', authority);
  const bool found = at != std::string_view::npos && at >= authority && colon < at;
  return found ? Part{colon + 1, at - colon - 1} : Part{};
}

std::vector<Parameter> parameters(std::string_view uri) {
  std::vector<Parameter> found;
  std::size_t at = uri.find('?', host_of(uri));
  while (at < uri.size()) {
    const std::size_t first = at + 1;
    at = std::min(uri.find('&', first), uri.size());
    const std::size_t equals = std::min(uri.substr(0, at).find('=', first), at);
    const std::size_t value = std::min(equals + 1, at);
    found.push_back({decoded(uri.substr(first, equals - first)), {value, at - value}});
  }
  return found;
}

/// In the order in which they stand.
std::vector<Part> passwords(std::string_view uri) {
  std::vector<Part> found;
  if (is_postgres_uri(uri)) {
    found.push_back(user_password(uri));
    for (const Parameter& parameter : parameters(uri)) {
      if (parameter.key.ends_with("password")) {
        found.push_back(parameter.value);
      }
    }
    std::erase_if(found, [](const Part& part) { return part.length == 0; });
  }
  return found;
}

}  // namespace

bool is_postgres_uri(std::string_view location) {
  return location.starts_with("postgresql://") || location.starts_with("postgres://");
}

std::string without_passwords(const std::string& location) {
  std::string hidden = location;
  const std::vector<Part> found = passwords(location);
  for (auto part = found.rbegin(); part != found.rend(); ++part) {
    hidden.replace(part->at, part->length, "***");
  }
  return hidden;
}

std::vector<std::string> passwords_in(const std::string& location) {
  std::vector<std::string> found;
  for (const Part& part : passwords(location)) {
    const std::string written = location.substr(part.at, part.length);
    found.push_back(written);
    found.push_back(decoded(written));
    // Behind an '@' that is not encoded, libpq takes the rest for hosts and ports, and its message names
    // them.
    for (std::size_t at = written.find('@'); at < written.size();) {
      const std::size_t first = at + 1;
      at = std::min(written.find_first_of("@:,", first), written.size());
      if (at > first) {
        found.push_back(written.substr(first, at - first));
      }
    }
  }
  return found;
}

std::string with_connect_timeout(const std::string& uri) {
  const std::vector<Parameter> known = parameters(uri);
  if (std::any_of(known.begin(), known.end(),
                  [](const Parameter& parameter) { return parameter.key == "connect_timeout"; })) {
    return uri;
  }
  const bool open = uri.ends_with('?') || uri.ends_with('&');
  return uri + (known.empty() ? "?" : open ? "" : "&") + "connect_timeout=10";
}

}  // namespace reprise::harness
