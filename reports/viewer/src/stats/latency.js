// Inter-token latency over position: for each position the median and quartiles over runs, and the fitted line.
import {quantileOfSorted, sorted} from './quantile.js';
import {theilSen} from './theil_sen.js';

/**
 * Points of one row: `position` counts the tokens before the generated one. The first generated token is left out:
 * its time is the time to first token, which holds the whole prompt.
 */
export function latencyByPosition(row) {
  const runs = row.samples.tokens;
  const first = row.capture.n_prompt ?? 0;
  const longest = runs.reduce((most, run) => Math.max(most, run.length), 0);
  const points = [];
  for (let token = 1; token < longest; token += 1) {
    const seconds = sorted(runs.filter((run) => token < run.length).map((run) => run[token]));
    if (seconds.length === 0) continue;
    points.push({
      token,
      position: first + token,
      seconds: quantileOfSorted(seconds, 0.5),
      low: quantileOfSorted(seconds, 0.25),
      high: quantileOfSorted(seconds, 0.75),
      runs: seconds.length,
    });
  }
  return points;
}

export function latencyLine(points) {
  return theilSen(points.map(({position, seconds}) => ({x: position, y: seconds})));
}

const pairKey = ({capture, placement}) =>
  JSON.stringify([capture.id ?? capture.name, placement.backend, placement.isa, placement.precision, placement.kv_precision,
    placement.threads, placement.numerics]);

/** Rows that differ in the KV cache alone, side by side: [{on, off}], either may be null. */
export function cachePairs(rows) {
  const pairs = new Map();
  for (const row of rows) {
    const key = pairKey(row);
    const side = row.placement.kv_cache === false ? 'off' : 'on';
    let pair = pairs.get(key);
    // The same placement twice, as two builds in one report: a pair of its own.
    if (pair && pair[side]) pair = undefined;
    if (!pair) {
      pair = {on: null, off: null};
      pairs.set(pairs.has(key) ? `${key}#${row.index}` : key, pair);
    }
    pair[side] = row;
  }
  return [...pairs.values()];
}
