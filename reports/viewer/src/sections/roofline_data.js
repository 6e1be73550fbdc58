// Arithmetic intensity and ceilings: pure functions of what the report measured.
import {formatPercent, formatRate, formatNumber, formatSeconds} from '../text/format.js';

/** Flops for each byte that must move; null where either is unknown or nothing moves. */
export const intensityOf = ({flops, bytes}) => (Number.isFinite(flops) && bytes > 0 ? flops / bytes : null);

const NAMES = {f32_fma: 'f32 multiply-adds', bf16_dot: 'bf16 dot products', int8_dot: 'int8 dot products'};

/**
 * Ceilings for a row: {read, peaks: [{limit, name, value}], threads}. Those measured with one thread for a placement with
 * one, of all threads otherwise, as roofline_fraction has them. Null without a measured roofline, and for GPUs, whose
 * ceilings nobody measured.
 */
export function ceilingsFor({placement}, roofline) {
  if (!roofline || placement.backend === 'hip') return null;
  const single = placement.threads === 1 ? roofline.points.filter(({threads}) => threads === 1) : [];
  const best = (limit, otherwise) => {
    const values = single.filter((point) => point.limit === limit && point.per_second > 0).map(({per_second: rate}) => rate);
    return values.length ? Math.max(...values) : otherwise;
  };
  const read = best('read', roofline.read);
  const peaks = Object.entries(NAMES).map(([limit, name]) => ({limit, name, value: best(limit, roofline[limit])})).filter(({value}) => value > 0);
  if (!(read > 0) && peaks.length === 0) return null;
  return {read: read > 0 ? read : null, peaks, threads: single.length ? 'one thread' : 'all threads'};
}

/** Centres that can stand on two logarithmic axes; the others are counted, so that none disappears unsaid. */
export function rooflinePoints(row, colours) {
  const points = row.centres.map((centre) => ({centre, intensity: intensityOf(centre)}))
    .filter(({centre, intensity}) => intensity > 0 && centre.flops_per_second > 0)
    .map(({centre, intensity}) => ({
      intensity, achieved: centre.flops_per_second, share: centre.roofline_fraction, seconds: centre.seconds, colour: colours.colour(centre.name), shape: centre.phase === 'prefill' ? 'square' : 'circle',
      tip: [[`${centre.name}, ${centre.phase ?? 'no phase'}`], ['achieved', formatRate(centre.flops_per_second, 'flop/s')], ['intensity', `${formatNumber(intensity, 3)} flop/byte`],
        ['bandwidth', formatRate(centre.bytes_per_second, 'B/s')], ['of roofline', formatPercent(centre.roofline_fraction)], ['time', formatSeconds(centre.seconds)]],
    }));
  return {points, left: row.centres.length - points.length};
}

/** Segments of the roofs over [low, high]: the slope of memory up to each peak, then flat. */
export function roofLines({read, peaks}, low, high) {
  const lines = [];
  const highest = Math.max(...peaks.map(({value}) => value), 0);
  if (read) {
    const end = highest > 0 ? Math.min(high, highest / read) : high;
    if (end > low) lines.push({kind: 'read', x: low, y: low * read, x2: end, y2: end * read});
  }
  for (const {limit, name, value} of peaks) {
    const start = read ? Math.max(low, value / read) : low;
    if (start < high) lines.push({kind: limit, name, x: start, y: value, x2: high, y2: value});
  }
  return lines;
}
