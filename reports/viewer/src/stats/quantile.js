// Order statistics over plain arrays. Definitions are those of the report: medians, linear between neighbours.

const ascending = (a, b) => a - b;

export const sorted = (values) => Float64Array.from(values).sort(ascending);

/** Of sorted values; between neighbours linear. Null of none. */
export function quantileOfSorted(values, probability) {
  if (values.length === 0) return null;
  const at = probability * (values.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, values.length - 1);
  return values[below] + (at - below) * (values[above] - values[below]);
}

export const median = (values) => quantileOfSorted(sorted(values), 0.5);

/** Smallest and largest without spreading into arguments, which overflows the stack for 100,000 values. */
export function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
