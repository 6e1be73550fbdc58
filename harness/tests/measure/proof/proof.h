/// Whether the statistics keep their promises: the shipped sampling loops on a virtual clock, over noise
/// whose truth is known, beside the rules of other tools on the same noise. For tests, and for the tables of
/// harness/README.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/tests/support/noise_models.h"

namespace reprise::harness::proof {

/// One placement, measured until its interval is within 1 %.
struct OneArmCell {
  std::string name;
  NoiseModel model;
  /// The factor that the interval must hold, when so many runs were made.
  std::function<double(std::size_t n_runs)> truth;
  bool has_steady_state = true;  ///< if not, it must not converge
};
struct OneArmResult {
  double coverage = 0;          ///< of the interval, of all that ended with one
  double converged = 0;         ///< share of replicates
  double runs = 0;              ///< on average
  double off_by = 0;            ///< how far the median lay from the truth in all but 5 % of replicates
  double t_coverage = 0;        ///< of Student's t interval, looked at after every run
  double futhark_coverage = 0;  ///< of the i.i.d. interval when futhark bench would stop
};
std::vector<OneArmCell> one_arm_cells();
OneArmResult prove(const OneArmCell& cell, int replicates);

/// Two arms of equal speed, or b slower. Both feel `machine` as time passes; each has its `own` noise, and
/// each of its processes a speed of its own.
struct TwoArmCell {
  std::string name;
  NoiseModel machine;
  NoiseModel own_a;
  NoiseModel own_b;
  double process_sigma = 0;
  int processes = 1;
};
struct TwoArmResult {
  double false_alarms = 0;  ///< regressions and improvements where there is none
  double equivalent = 0;    ///< there
  double pairs = 0;         ///< on average, there
  double found = 0;         ///< regressions where b is slower by kSlowdown
  double found_at_mde = 0;  ///< regressions where b is slower by the printed minimum detectable effect
  double mann_whitney_false_alarms = 0;  ///< 30 runs of a, then 30 of b, p < 0.01
  double nvbench_found =
      0;  ///< of kSlowdown: means further apart than the lesser relative standard deviation
  double threshold_found = 0;  ///< of kSlowdown: twice the time, as github-action-benchmark's default
};
inline constexpr double kSlowdown = 0.03;
/// Of so many replicates, one looks for slow-downs too.
inline constexpr int kPowerShare = 4;
std::vector<TwoArmCell> two_arm_cells();
TwoArmResult prove(const TwoArmCell& cell, int replicates);

/// The standard error of a share that is `p` in truth.
double monte_carlo_error(double p, int replicates);

}  // namespace reprise::harness::proof
