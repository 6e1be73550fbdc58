// Latency over position, as lines: all placements on one logarithmic axis, and one pair in detail.
import {TIP, chart} from '../chart/vega_chart.js';
import {extent} from '../stats/quantile.js';
import {evenly} from '../stats/spread.js';
import {formatSeconds, secondUnit} from '../text/format.js';

export const MOST_PAIRS = 8;
const MOST_POINTS = 220;
export const SIDES = ['on', 'off'];

const scaleFor = (series) => {
  const values = series.flatMap(({points}) => points.map(({seconds}) => seconds));
  return {range: extent(values), ...secondUnit(extent(values)[1])};
};

const position = {field: 'position', type: 'quantitative', title: 'position (tokens before the generated one)', scale: {zero: false, nice: false}, axis: {grid: false, tickMinStep: 1, format: 'd', tickCount: 6}};

const tip = (label, side, {position: at, seconds, low, high, runs}) => [
  [`${label}, KV ${side}`], ['position', String(at)], ['median', formatSeconds(seconds)],
  ['quartiles', `${formatSeconds(low)} to ${formatSeconds(high)}`], ['runs', String(runs)],
];

/** pairs: [{label, colour, on: series | null, off: series | null}] with series {points, line}. */
export function overviewChart(pairs) {
  const series = pairs.flatMap((pair) => SIDES.filter((side) => pair[side]).map((side) => ({...pair[side], pair, side})));
  const {range, unit, scale} = scaleFor(series);
  const isLog = range[0] > 0 && range[1] / range[0] > 8;
  const data = series.flatMap(({points, pair, side}, i) => evenly(points, MOST_POINTS).map((point) => ({
    series: i, position: point.position, seconds: point.seconds * scale, colour: pair.colour, dash: side === 'on' ? [1, 0] : [6, 4],
    tip: tip(pair.label, side, point),
  })));
  const y = {field: 'seconds', type: 'quantitative', title: `inter-token latency, ${unit}${isLog ? ' (log scale)' : ''}`, scale: isLog ? {type: 'log', nice: true} : {zero: true}, axis: {tickCount: 5}};
  const encoding = {x: position, y, detail: {field: 'series', type: 'nominal'}, stroke: {field: 'colour', type: 'nominal', scale: null}};
  return chart('Median inter-token latency over position for each placement, with the KV cache on and off; slopes are in the table below.', () => ({
    data: {rows: data},
    height: 300,
    layer: [
      {mark: {type: 'line', strokeWidth: 2}, encoding: {...encoding, strokeDash: {field: 'dash', type: 'nominal', scale: null}}},
      // An invisible target that is easier to hit than a line.
      {mark: {type: 'point', size: 60, opacity: 0, filled: true}, encoding: {x: position, y, tooltip: TIP}},
    ],
  }));
}

/** One placement with and without the cache: medians, quartiles over runs, and the fitted line. */
export function pairChart(pair) {
  const sides = SIDES.filter((side) => pair[side]);
  const {unit, scale} = scaleFor(sides.map((side) => pair[side]));
  const colour = (side) => `var(--${side})`;
  const rows = sides.flatMap((side) => evenly(pair[side].points, MOST_POINTS).map((point) => ({
    side, colour: colour(side), position: point.position, seconds: point.seconds * scale, low: point.low * scale, high: point.high * scale,
    tip: tip(pair.label, side, point),
  })));
  const lines = sides.filter((side) => pair[side].line).flatMap((side) => {
    const {points, line} = pair[side];
    return [points[0].position, points[points.length - 1].position].map((at) => ({
      side, colour: colour(side), position: at, seconds: Math.max(0, (line.intercept + line.slope * at) * scale),
    }));
  });
  const title = `inter-token latency, ${unit}`;
  const y = {field: 'seconds', type: 'quantitative', title, scale: {zero: true}, axis: {tickCount: 5}};
  const detail = {field: 'side', type: 'nominal'};
  const fill = {field: 'colour', type: 'nominal', scale: null};
  return chart(`${pair.label}: inter-token latency over position with the KV cache on and off, and fitted lines.`, () => ({
    data: {rows, lines},
    height: 260,
    layer: [
      {mark: {type: 'area'}, encoding: {x: position, y: {...y, field: 'low'}, y2: {field: 'high'}, detail, fill, fillOpacity: {value: 0.18}}},
      {mark: {type: 'point', filled: true, size: 20}, encoding: {x: position, y, fill, tooltip: TIP}},
      {data: {name: 'lines'}, mark: {type: 'line', strokeWidth: 1.5, strokeDash: [5, 3]}, encoding: {x: position, y, detail, stroke: {field: 'colour', type: 'nominal', scale: null}}},
    ],
  }));
}
