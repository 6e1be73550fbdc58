// Names and steps for comparisons: pure functions of the report.
import {metricName, numbered} from '../text/labels.js';

/** The parts of one label that the other has not: "f32" of "cpu, f32, KV on" against "cpu, bf16, KV on". */
function differing(label, other) {
  const shared = new Set(other.split(', '));
  return label.split(', ').filter((part) => !shared.has(part)).join(', ') || label;
}

/** A short name for each comparison: only what differs between them. plain: labels of rows without numbers. */
export function comparisonLabels(comparisons, plain) {
  const pairs = new Set(comparisons.map(({a, b}) => `${a} ${b}`));
  const metrics = new Set(comparisons.map(({metric}) => metric));
  const one = ({a, b, metric}) => {
    const who = plain[a] === plain[b] ? plain[b] : `${plain[b]} against ${differing(plain[a], plain[b])}`;
    if (pairs.size === 1) return metricName(metric);
    return metrics.size > 1 ? `${who}: ${metricName(metric)}` : who;
  };
  return numbered(comparisons.map(one));
}

const MOST_STEPS = 12;

/** Steps of the waterfall: each change stands where the one before ended; the last step is their sum. */
export function waterfallSteps(centres) {
  const known = centres.filter(({a_seconds: a, b_seconds: b}) => a !== null && b !== null);
  const named = known.slice(0, MOST_STEPS).map((centre) => ({
    label: [centre.name ?? 'unnamed', centre.phase].filter(Boolean).join(', '), change: centre.b_seconds - centre.a_seconds, centre,
  }));
  const others = known.slice(MOST_STEPS);
  const add = (list) => list.reduce((total, {b_seconds: b, a_seconds: a}) => total + b - a, 0);
  if (others.length > 0) named.push({label: `${others.length} others`, change: add(others), centre: null});
  let at = 0;
  const steps = named.map((step) => {
    const start = at;
    at += step.change;
    return {...step, start, end: at, isTotal: false};
  });
  const labels = numbered(steps.map(({label}) => label));
  return [...steps.map((step, i) => ({...step, label: labels[i]})), {label: 'all together', change: at, start: 0, end: at, centre: null, isTotal: true}];
}

const RANK = ['regression', 'inconclusive', 'improvement', 'equivalent'];

/** What needs a look first: regressions, then what could not be decided. */
export function inOrderOfConcern(comparisons) {
  const rank = ({verdict}) => (RANK.includes(verdict) ? RANK.indexOf(verdict) : RANK.length);
  return [...comparisons].sort((a, b) => rank(a) - rank(b) || a.index - b.index);
}
