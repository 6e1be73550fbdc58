#include "harness/regress/gate.h"

#include <algorithm>

#include "engine/core/check.h"
#include "harness/regress/compared_metrics.h"
#include "harness/stats/multiple_testing.h"

namespace reprise::harness {
namespace {

bool is_alarm(ComparisonVerdict verdict) {
  return verdict == ComparisonVerdict::regression || verdict == ComparisonVerdict::improvement;
}

/// How much worse, as a relative change above 0.
double worsening_of(const Comparison& comparison) {
  const auto* metric = std::find_if(std::begin(kComparedMetrics), std::end(kComparedMetrics),
                                    [&](const ComparedMetric& m) { return m.name == comparison.metric; });
  const bool is_rate = metric != std::end(kComparedMetrics) && metric->is_rate;
  return (is_rate ? 1 / comparison.median_ratio : comparison.median_ratio) - 1;
}

/// Infinite from nothing.
double worsening_of(const CountChange& change) {
  return static_cast<double>(*change.b) / static_cast<double>(*change.a) - 1;
}

class Judge {
 public:
  Judge(Gate& gate, std::span<const Acknowledgement> acknowledgements, std::string_view today) : gate_(gate) {
    for (const Acknowledgement& entry : acknowledgements) {
      const bool expired = entry.is_expired(today);
      gate.acknowledgements.push_back(
          {entry, expired ? AcknowledgementState::expired : AcknowledgementState::unused});
    }
  }

  void run() {
    for (std::size_t row = 0; row < gate_.rows.size(); ++row) {
      judge_row(static_cast<std::int64_t>(row));
    }
    gate_.outcome = outcome();
  }

 private:
  void judge_row(std::int64_t index) {
    const GateRow& row = gate_.rows[static_cast<std::size_t>(index)];
    for (const Comparison& comparison : comparisons_of(gate_.report, row)) {
      GateFinding finding{index, comparison.metric};
      finding.comparison = &comparison - gate_.report.comparisons.data();
      finding.verdict = comparison.verdict;
      finding.standing = standing_of(finding, row, worsening_of(comparison));
      if (finding.standing == GateStanding::fails && is_too_noisy(row, gate_.options)) {
        finding.standing = GateStanding::too_noisy;
      }
      gate_.findings.push_back(std::move(finding));
    }
    for (const CountChange& change : row.counts) {
      GateFinding finding{index, change.metric};
      finding.count = &change - row.counts.data();
      finding.verdict = change.verdict;
      finding.standing =
          change.verdict ? standing_of(finding, row, worsening_of(change)) : GateStanding::not_compared;
      gate_.findings.push_back(std::move(finding));
    }
  }

  GateStanding standing_of(GateFinding& finding, const GateRow& row, double worsening) {
    switch (*finding.verdict) {
      case ComparisonVerdict::improvement:
      case ComparisonVerdict::equivalent:
        return GateStanding::passes;
      case ComparisonVerdict::inconclusive:
        return gate_.options.strict ? GateStanding::fails : GateStanding::undecided;
      case ComparisonVerdict::regression:
        break;
    }
    const Row& head = gate_.report.rows.at(static_cast<std::size_t>(row.b));
    for (std::size_t i = 0; i < gate_.acknowledgements.size(); ++i) {
      ListedAcknowledgement& listed = gate_.acknowledgements[i];
      if (listed.state != AcknowledgementState::expired &&
          listed.entry.covers(head.capture, head.placement, finding.metric, worsening)) {
        listed.state = AcknowledgementState::used;
        finding.acknowledgement = static_cast<std::int64_t>(i);
        return GateStanding::acknowledged;
      }
    }
    return GateStanding::fails;
  }

  [[nodiscard]] GateOutcome outcome() const {
    if (std::any_of(gate_.rows.begin(), gate_.rows.end(),
                    [](const GateRow& row) { return row.a_differs || row.b_differs; })) {
      return GateOutcome::outputs_differ;
    }
    const auto fails_with = [&](ComparisonVerdict verdict) {
      return std::any_of(gate_.findings.begin(), gate_.findings.end(), [&](const GateFinding& finding) {
        return finding.standing == GateStanding::fails && finding.verdict == verdict;
      });
    };
    if (fails_with(ComparisonVerdict::regression)) {
      return GateOutcome::regression;
    }
    return fails_with(ComparisonVerdict::inconclusive) ? GateOutcome::inconclusive : GateOutcome::pass;
  }

  Gate& gate_;
};

/// The first and one past the last of a row's comparisons.
std::pair<std::size_t, std::size_t> range_of(const Report& report, const GateRow& row) {
  const auto& all = report.comparisons;
  const auto is_of_row = [&](const Comparison& c) { return c.a == row.a && c.b == row.b; };
  const auto first = std::find_if(all.begin(), all.end(), is_of_row);
  const auto last = std::find_if_not(first, all.end(), is_of_row);
  return {static_cast<std::size_t>(first - all.begin()), static_cast<std::size_t>(last - all.begin())};
}

}  // namespace

std::string_view name_of(GateOutcome outcome) {
  switch (outcome) {
    case GateOutcome::pass:
      return "pass";
    case GateOutcome::regression:
      return "regression";
    case GateOutcome::inconclusive:
      return "inconclusive";
    case GateOutcome::outputs_differ:
      return "outputs_differ";
  }
  REPRISE_CHECK(false);
}

void adjust_for_family(std::span<Comparison> comparisons, double confidence) {
  std::vector<double> p_values;
  p_values.reserve(comparisons.size());
  for (const Comparison& comparison : comparisons) {
    p_values.push_back(comparison.p_value.value_or(1));
  }
  const std::vector<double> adjusted = holm(p_values);
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    comparisons[i].adjusted_p_value = adjusted[i];
    if (is_alarm(comparisons[i].verdict) && !(adjusted[i] < 1 - confidence)) {
      comparisons[i].verdict = ComparisonVerdict::inconclusive;
    }
  }
}

double confidence_of_each(double confidence, std::size_t n_metrics) {
  return 1 - (1 - confidence) / static_cast<double>(std::max<std::size_t>(n_metrics, 1));
}

bool is_too_noisy(const GateRow& row, const GateOptions& options) {
  return row.noise_floor > options.max_noise;
}

std::span<const Comparison> comparisons_of(const Report& report, const GateRow& row) {
  const auto [first, last] = range_of(report, row);
  return std::span(report.comparisons).subspan(first, last - first);
}

std::span<Comparison> comparisons_of(Report& report, const GateRow& row) {
  const auto [first, last] = range_of(report, row);
  return std::span(report.comparisons).subspan(first, last - first);
}

bool needs_confirmation(const Gate& gate, const GateRow& row) {
  const std::span<const Comparison> comparisons = comparisons_of(gate.report, row);
  return !is_too_noisy(row, gate.options) &&
         std::any_of(comparisons.begin(), comparisons.end(), [](const Comparison& comparison) {
           return comparison.verdict == ComparisonVerdict::regression;
         });
}

Gate judge(Gate gate, std::span<const Acknowledgement> acknowledgements, std::string_view today) {
  Judge(gate, acknowledgements, today).run();
  return gate;
}

}  // namespace reprise::harness
