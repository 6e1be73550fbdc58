#include "harness/regress/history/history_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/regress/history/history_text.h"
#include "harness/regress/history/html_text.h"

namespace reprise::harness {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 220;
constexpr double kLeft = 84;  ///< room for labels
constexpr double kRight = 12;
constexpr double kTop = 10;
constexpr double kBottom = 18;

/// Where points and figures stand in the picture.
class Scale {
 public:
  explicit Scale(const Track& track) {
    n_ = std::min(track.points.size(), kMaxPointsDrawn);
    first_ = track.points.size() - n_;
    low_ = HUGE_VAL;
    high_ = -HUGE_VAL;
    for (std::size_t i = first_; i < track.points.size(); ++i) {
      const Point& point = track.points[i];
      const Interval shown = point.ci.value_or(Interval{point.value, point.value});
      low_ = std::min({low_, shown.low, point.value});
      high_ = std::max({high_, shown.high, point.value});
    }
    const double size = std::max(std::abs(low_), std::abs(high_));
    // Equal figures stand in the middle of a small range around them.
    const double least = size > 1e-290 ? 0.01 * size : 1;
    const double margin = std::max(0.05 * (high_ - low_), (least - (high_ - low_)) / 2);
    low_ -= margin;
    high_ += margin;
  }

  [[nodiscard]] std::size_t first() const { return first_; }
  [[nodiscard]] double low() const { return low_; }
  [[nodiscard]] double high() const { return high_; }
  [[nodiscard]] double step() const { return (kWidth - kLeft - kRight) / static_cast<double>(n_); }
  /// Of a point by its index in the track.
  [[nodiscard]] double x(std::size_t index) const {
    return kLeft + (static_cast<double>(index - first_) + 0.5) * step();
  }
  [[nodiscard]] double y(double value) const {
    return kTop + (high_ - value) / (high_ - low_) * (kHeight - kTop - kBottom);
  }

 private:
  std::size_t n_ = 0;
  std::size_t first_ = 0;
  double low_ = 0;
  double high_ = 0;
};

std::string line(std::string_view classes, double x1, double y1, double x2, double y2) {
  return fmt::format(R"(<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)", classes, x1, y1,
                     x2, y2);
}

std::string grid(const Scale& scale, const Series& series) {
  std::string text;
  for (const double tick : axis_ticks(scale.low(), scale.high())) {
    const double y = scale.y(tick);
    text += line("grid", kLeft, y, kWidth - kRight, y);
    text += fmt::format(R"(<text class="label" x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>)", kLeft - 8,
                        y + 4, html_escaped(format_figure(tick, series.unit)));
  }
  return text;
}

std::string points(const Scale& scale, const Track& track) {
  std::string intervals;
  std::string circles;
  for (std::size_t i = scale.first(); i < track.points.size(); ++i) {
    const Point& p = track.points[i];
    const double x = scale.x(i);
    if (p.ci) {
      intervals += line("interval", x, scale.y(p.ci->low), x, scale.y(p.ci->high));
    }
    circles += fmt::format(
        R"(<circle class="point" cx="{:.1f}" cy="{:.1f}" r="2.5"><title>{}, {}: {}</title></circle>)", x,
        scale.y(p.value), html_escaped(p.commit), p.created,
        html_escaped(format_figure(p.value, track.series.unit)));
  }
  return intervals + circles;
}

/// A level over the points from `first` to before `end`, as far as they are drawn.
std::string level(const Scale& scale, std::size_t first, std::size_t end, double value) {
  if (end <= scale.first()) {
    return "";
  }
  const double half = scale.step() / 2;
  return line("level", scale.x(std::max(first, scale.first())) - half, scale.y(value),
              scale.x(end - 1) + half, scale.y(value));
}

/// The changes, and the levels on both sides of each.
std::string levels(const Scale& scale, const TrackChanges& found) {
  std::string text;
  for (std::size_t i = 0; i < found.changes.size(); ++i) {
    const ChangePoint& at = found.changes[i].at;
    text += level(scale, at.index - at.n_before, at.index, at.before);
    // The level between two changes is that before the second, where both are of the same points.
    const bool same = i + 1 < found.changes.size() &&
                      found.changes[i + 1].at.index - found.changes[i + 1].at.n_before == at.index;
    if (!same) {
      text += level(scale, at.index, at.index + at.n_after, at.after);
    }
    if (at.index > scale.first()) {
      const double x = scale.x(at.index) - scale.step() / 2;
      text += line(fmt::format("change {}", name_of(found.changes[i].kind)), x, kTop, x, kHeight - kBottom);
    }
  }
  return text;
}

}  // namespace

std::vector<double> axis_ticks(double low, double high) {
  // The smallest round step that the range is less than 7.5 of: it holds 8 ticks at most. The round step
  // below it, which the range is 7.5 or more of, is 2/5 or more of it: the range is 3 steps at least, with 3
  // ticks.
  const double rough = (high - low) / 7.5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double digits = rough / power;
  const double step = power * (digits < 2 ? 2 : digits < 5 ? 5 : 10);
  std::vector<double> ticks;
  const double first = std::ceil(low / step);
  for (int i = 0; i < 16 && (first + i) * step <= high; ++i) {
    ticks.push_back((first + i) * step + 0.0);  // not -0
  }
  return ticks;
}

std::string history_chart(const TrackChanges& found) {
  const Scale scale(found.track);
  const std::string title = html_escaped(label_of(found.track.series));
  return fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", kWidth, kHeight, title) +
         grid(scale, found.track.series) + points(scale, found.track) + levels(scale, found) + "</svg>\n";
}

}  // namespace reprise::harness
