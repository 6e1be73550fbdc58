// Segments of a track between its changes, with their level and noise: pure functions.
import {quantileOfSorted, sorted} from '../stats/quantile.js';

export const MOST_POINTS = 400;

/**
 * [{first, last, level, low, high}] in indices of the track's points. The level is the document's own where a change
 * states it, else the median; low and high hold the middle nine tenths of the segment's figures.
 */
export function segments({points, changes}) {
  const cuts = changes.filter(({index}) => index > 0 && index < points.length);
  const starts = [0, ...cuts.map(({index}) => index)];
  return starts.map((first, i) => {
    const last = (starts[i + 1] ?? points.length) - 1;
    const order = sorted(points.slice(first, last + 1).map(({value}) => value));
    const stated = i > 0 ? cuts[i - 1].after : cuts[0]?.before;
    return {first, last, level: stated ?? quantileOfSorted(order, 0.5), low: quantileOfSorted(order, 0.05), high: quantileOfSorted(order, 0.95)};
  });
}

/** Tracks that need a look first: those that are worse now, then those that ever changed. */
export function inOrderOfConcern(tracks) {
  const rank = ({newest_is_regression: worse, changes}) => (worse ? 0 : changes.length > 0 ? 1 : 2);
  return [...tracks].sort((a, b) => rank(a) - rank(b) || a.index - b.index);
}

export const shortCommit = (commit) => (commit !== null && /^[0-9a-f]{12,}$/i.test(commit) ? commit.slice(0, 10) : commit ?? '–');
