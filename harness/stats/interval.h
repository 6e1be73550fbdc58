/// A range of values, ends included: what confidence intervals are. Used by all of harness.
#pragma once

namespace reprise::harness {

struct Interval {
  double low = 0;
  double high = 0;

  bool operator==(const Interval&) const = default;
};

}  // namespace reprise::harness
