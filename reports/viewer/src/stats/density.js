// How samples are spread: counts in bins, and a smooth density over a grid.
import {extent, quantileOfSorted, sorted} from './quantile.js';

/** Counts in n equal bins over [low, high]; what lies outside falls into the end bins. */
export function binned(values, low, high, n) {
  const counts = new Array(n).fill(0);
  const width = (high - low) / n;
  for (const value of values) {
    const bin = width > 0 ? Math.floor((value - low) / width) : 0;
    counts[Math.min(Math.max(bin, 0), n - 1)] += 1;
  }
  return counts.map((count, i) => ({low: low + i * width, high: low + (i + 1) * width, count}));
}

/** Silverman's rule with the robust spread (1986, eq. 3.31): one far outlier must not flatten everything. */
export function bandwidth(values) {
  const order = sorted(values);
  const n = order.length;
  if (n < 2) return 0;
  const mean = order.reduce((total, value) => total + value, 0) / n;
  const deviation = Math.sqrt(order.reduce((total, value) => total + (value - mean) ** 2, 0) / (n - 1));
  const quartiles = (quantileOfSorted(order, 0.75) - quantileOfSorted(order, 0.25)) / 1.34;
  const spread = quartiles > 0 ? Math.min(deviation, quartiles) : deviation;
  return 0.9 * spread * n ** -0.2;
}

/** Gaussian density at `size` points over [low, high]. Null where all samples are equal or fewer than five. */
export function density(values, low, high, size = 120) {
  const width = bandwidth(values);
  if (values.length < 5 || !(width > 0) || !(high > low)) return null;
  // Samples are put on a fine grid first: the cost is size x grid, not size x samples.
  const cells = binned(values, low, high, 4 * size).filter(({count}) => count > 0);
  const scale = 1 / (values.length * width * Math.sqrt(2 * Math.PI));
  return Array.from({length: size}, (_, i) => {
    const x = low + ((high - low) * i) / (size - 1);
    const total = cells.reduce((heap, cell) => {
      const z = (x - (cell.low + cell.high) / 2) / width;
      return heap + (Math.abs(z) < 6 ? cell.count * Math.exp(-0.5 * z * z) : 0);
    }, 0);
    return {x, density: total * scale};
  });
}

/** The range of values with some room at both ends. */
export function paddedExtent(values, share = 0.05) {
  const range = extent(values);
  if (!range) return null;
  const room = (range[1] - range[0]) * share || Math.abs(range[0]) * share || 1;
  return [range[0] - room, range[1] + room];
}
