// Figures as text: the same digits and units as the program's own tables, so that both can be compared by eye.
// An absent value is a dash, never a zero.

export const DASH = '–';

export const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

const decimalsAt = (magnitude, digits) => Math.max(0, digits - 1 - Math.floor(Math.log10(magnitude)));

const grouped = (text) => {
  const [whole, rest] = text.split('.');
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return rest === undefined ? spaced : `${spaced}.${rest}`;
};

/** Four significant digits; whole numbers of more digits keep all of them. */
export function formatNumber(value, digits = 4) {
  if (!isNumber(value)) return DASH;
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude < 1e-6 || magnitude >= 1e15) return value.toExponential(digits - 1);
  let decimals = Math.min(decimalsAt(magnitude, digits), 20);
  // 9.9996 rounds to 10.000: a digit too many.
  decimals = Math.min(decimals, decimalsAt(Number(magnitude.toFixed(decimals)), digits));
  return (value < 0 ? '−' : '') + grouped(magnitude.toFixed(decimals));
}

export const formatCount = (value) =>
  isNumber(value) ? (value < 0 ? '−' : '') + grouped(String(Math.abs(value))) : DASH;

const SECOND_UNITS = [
  {unit: 's', scale: 1},
  {unit: 'ms', scale: 1e3},
  {unit: 'µs', scale: 1e6},
  {unit: 'ns', scale: 1e9},
];

/** The unit that shows a duration with at least one digit before the point. */
export function secondUnit(seconds) {
  const magnitude = Math.abs(seconds);
  // 0.99995 rounds to 1.000 and belongs to the larger unit.
  return SECOND_UNITS.find(({scale}) => magnitude * scale >= 0.99995) ?? (magnitude > 0 ? SECOND_UNITS[3] : SECOND_UNITS[0]);
}

export function formatSeconds(seconds, {unit, scale} = secondUnit(seconds)) {
  return isNumber(seconds) ? `${formatNumber(seconds * scale)} ${unit}` : DASH;
}

function formatScaled(value, unit, prefixes) {
  if (!isNumber(value)) return DASH;
  let scaled = value;
  let step = 0;
  while (Math.abs(scaled) >= 999.95 && step + 1 < prefixes.length) {
    scaled /= 1000;
    step += 1;
  }
  return `${formatNumber(scaled)} ${prefixes[step]}${unit}`;
}

export const formatBytes = (value) => formatScaled(value, 'B', ['', 'k', 'M', 'G', 'T', 'P']);
export const formatRate = (value, unit) => formatScaled(value, unit, ['', 'k', 'M', 'G', 'T', 'P']);

export const formatPercent = (fraction, decimals = 1) =>
  isNumber(fraction) ? `${(100 * fraction).toFixed(decimals).replace('-', '−')} %` : DASH;

export const formatSignedPercent = (fraction, decimals = 1) =>
  isNumber(fraction) ? (fraction > 0 ? '+' : '') + formatPercent(fraction, decimals) : DASH;

export const formatRatio = (ratio) => (isNumber(ratio) ? `${formatNumber(ratio, ratio < 0.1 ? 2 : 3)}×` : DASH);

/** A figure in the unit that its metric names. */
export function formatFigure(value, unit) {
  if (!isNumber(value)) return DASH;
  return unit === 's' ? formatSeconds(value) : `${formatNumber(value)}${unit ? ` ${unit}` : ''}`;
}

/** Both ends in one unit: "4.233 to 4.311 ms". */
export function formatInterval(interval, unit) {
  if (!interval) return DASH;
  const [low, high] = interval;
  if (unit !== 's') return `${formatNumber(low)} to ${formatNumber(high)}${unit ? ` ${unit}` : ''}`;
  const shared = secondUnit(high || low);
  return `${formatNumber(low * shared.scale)} to ${formatNumber(high * shared.scale)} ${shared.unit}`;
}

/** Half the width of the interval, the larger side, as a share of the value: "±0.9 %". */
export function formatHalfWidth(value, interval) {
  if (!isNumber(value) || !interval || value <= 0) return DASH;
  return `±${formatPercent(Math.max(interval[1] - value, value - interval[0]) / value)}`;
}

export const plural = (count, one, many = `${one}s`) => `${formatCount(count)} ${count === 1 ? one : many}`;

/** "a", "a and b", "a, b and c". */
export function listed(words) {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}
