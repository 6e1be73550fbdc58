// Samples of a row as a few hundred marks, however many samples there are.
import {quantileOfSorted, sorted} from './quantile.js';

/** Runs beyond the report's fences; empty where the report has none. Indices into the samples. */
export function beyondFences(samples, fences) {
  if (!fences) return [];
  return samples.reduce((found, value, i) => {
    if (value < fences[0] || value > fences[1]) found.push(i);
    return found;
  }, []);
}

/** Runs in order, in at most `most` groups of neighbours: {first, last, low, middle, high}. */
export function inGroups(samples, most) {
  const size = Math.max(1, Math.ceil(samples.length / most));
  const groups = [];
  for (let first = 0; first < samples.length; first += size) {
    const order = sorted(samples.slice(first, first + size));
    groups.push({
      first, last: first + order.length - 1, low: order[0], high: order[order.length - 1], middle: quantileOfSorted(order, 0.5),
    });
  }
  return groups;
}

/** At most `most` items, evenly chosen, so that a picture of 10,000 marks does not become one of ink. */
export function evenly(items, most) {
  if (items.length <= most) return items;
  const step = items.length / most;
  return Array.from({length: most}, (_, i) => items[Math.floor(i * step)]);
}

/** A height in [0, 1) for sample i that neither repeats nor depends on chance: the golden ratio's multiples. */
export const jitter = (i) => (i * 0.6180339887498949) % 1;
