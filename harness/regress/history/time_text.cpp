#include "harness/regress/history/time_text.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>

namespace reprise::harness {
namespace {

/// Takes a text apart from its front.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool take(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  /// A number of `least` to `most` digits, as many as there are.
  bool number(std::size_t least, std::size_t most, int& value) {
    std::size_t n = 0;
    while (n < most && n < rest_.size() && rest_[n] >= '0' && rest_[n] <= '9') {
      ++n;
    }
    if (n < least) {
      return false;
    }
    std::from_chars(rest_.data(), rest_.data() + n, value);
    rest_.remove_prefix(n);
    return true;
  }
  void skip_digits() {
    while (take("0123456789")) {
    }
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool take_date(Cursor& text, std::chrono::sys_days& day) {
  int year = 0;
  int month = 0;
  int day_of_month = 0;
  if (!text.number(4, 4, year) || !text.take("-./") || !text.number(1, 2, month) || !text.take("-./") ||
      !text.number(1, 2, day_of_month)) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day_of_month))};
  day = date;
  return date.ok();
}

/// "12:00", "12:00:30", "12:00:30.25". A leap second counts as the first of the next minute.
bool take_time(Cursor& text, std::int64_t& seconds) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!text.number(1, 2, hour) || !text.take(":") || !text.number(2, 2, minute)) {
    return false;
  }
  if (text.take(":")) {
    if (!text.number(2, 2, second)) {
      return false;
    }
    if (text.take(".,")) {
      text.skip_digits();
    }
  }
  seconds = std::int64_t{3600} * hour + 60 * minute + second;
  return hour < 24 && minute < 60 && second <= 60;
}

/// "Z", "+01:00", "-0330", "+01"; nothing is UTC.
bool take_zone(Cursor& text, std::int64_t& seconds_east) {
  text.take(" ");
  seconds_east = 0;
  if (text.done() || text.take("Zz")) {
    return text.done();
  }
  const bool east = text.take("+");
  int hours = 0;
  int minutes = 0;
  if ((!east && !text.take("-")) || !text.number(2, 2, hours)) {
    return false;
  }
  text.take(":");
  if (!text.done() && !text.number(2, 2, minutes)) {
    return false;
  }
  seconds_east = (east ? 1 : -1) * (std::int64_t{3600} * hours + 60 * minutes);
  return text.done() && hours < 24 && minutes < 60;
}

std::optional<std::int64_t> seconds_of_date(std::string_view text) {
  Cursor cursor(text);
  std::chrono::sys_days day;
  std::int64_t time = 0;
  std::int64_t zone = 0;
  if (!take_date(cursor, day)) {
    return std::nullopt;
  }
  if (!cursor.done() && !(cursor.take("Tt ") && take_time(cursor, time) && take_zone(cursor, zone))) {
    return std::nullopt;
  }
  return std::chrono::sys_seconds(day).time_since_epoch().count() + time - zone;
}

/// Shorter numbers are dates or years without their hyphens rather than times before 1973.
std::optional<std::int64_t> seconds_since_1970(std::string_view text) {
  constexpr std::size_t kLeastDigits = 9;
  constexpr std::size_t kMostDigits = 13;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.size() > kMostDigits ||
      text.size() < kLeastDigits || text.front() == '-') {
    return std::nullopt;
  }
  return text.size() >= kMostDigits - 1 ? value / 1000 : value;
}

}  // namespace

std::optional<std::string> utc_text(std::string_view text) {
  std::optional<std::int64_t> seconds = seconds_since_1970(text);
  if (!seconds) {
    seconds = seconds_of_date(text);
  }
  constexpr std::int64_t kYear10000 = 253'402'300'800;
  if (!seconds || *seconds < 0 || *seconds >= kYear10000) {
    return std::nullopt;
  }
  const std::chrono::sys_seconds time{std::chrono::seconds(*seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace reprise::harness
