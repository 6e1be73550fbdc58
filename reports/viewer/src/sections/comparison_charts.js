// Ratios with their intervals over the band that does not matter, and the waterfall of one comparison's cost centres.
import {toneColour} from '../chart/colours.js';
import {rowAxis, rowsHeight} from '../chart/config.js';
import {TIP, chart} from '../chart/vega_chart.js';
import {extent} from '../stats/quantile.js';
import {formatInterval, formatNumber, formatPercent, formatSeconds, formatSignedPercent, secondUnit} from '../text/format.js';

export const MOST_RATIOS = 40;

const SHAPES = {regression: 'triangle-up', improvement: 'triangle-down', equivalent: 'circle', inconclusive: 'diamond'};
const shapeOf = (verdict) => (verdict !== null && Object.hasOwn(SHAPES, verdict) ? SHAPES[verdict] : 'square');

/** comparisons: [{...comparison, label, judgement}]. */
export function ratioChart(comparisons) {
  const data = comparisons.filter(({median_ratio: ratio}) => ratio > 0).map(({label, median_ratio: ratio, ci, band, judgement, pairs}) => ({
    label, ratio, low: ci?.[0] ?? ratio, high: ci?.[1] ?? ratio, from: 1 - (band ?? 0), to: 1 + (band ?? 0),
    colour: toneColour(judgement.tone), shape: shapeOf(judgement.verdict), fill: ci ? toneColour(judgement.tone) : 'var(--panel)',
    tip: [[label], ['verdict', judgement.text], ['ratio b over a', formatNumber(ratio)], ['change', formatSignedPercent(ratio - 1)], ['interval', formatInterval(ci, '')],
      ['band', band === null ? '–' : `±${formatPercent(band)}`], ['pairs', String(pairs ?? '–')]],
  }));
  if (data.length === 0) return null;
  const range = extent(data.flatMap(({low, high, from, to}) => [low, high, from, to]));
  const isLog = range[0] > 0 && range[1] / range[0] > 4;
  const room = (range[1] - range[0]) * 0.06 || 0.01;
  const x = {type: 'quantitative', title: `ratio of b over a${isLog ? ' (log scale)' : ''}`, axis: {tickCount: 6, format: '~r'},
    scale: isLog ? {type: 'log', nice: true} : {domain: [range[0] - room, range[1] + room], nice: false, zero: false}};
  const colour = {field: 'colour', type: 'nominal', scale: null};
  return chart(`Ratios of ${data.length} comparisons with their intervals and bands; the figures are in the table below.`, (size) => ({
    data: {rows: data},
    height: rowsHeight(data.length, size, 26),
    encoding: {y: {field: 'label', type: 'nominal', sort: null, scale: {type: 'band'}, axis: rowAxis(size)}},
    layer: [
      {mark: {type: 'bar', height: {band: 0.9}, opacity: 1}, encoding: {x: {field: 'from', ...x}, x2: {field: 'to'}, fill: {value: 'var(--band)'}}},
      {mark: {type: 'rule', strokeDash: [3, 3]}, encoding: {y: null, x: {datum: 1, ...x}, stroke: {value: 'var(--line)'}}},
      {mark: {type: 'rule', strokeWidth: 3, opacity: 0.6}, encoding: {x: {field: 'low', ...x}, x2: {field: 'high'}, stroke: colour}},
      {mark: {type: 'point', size: 90, strokeWidth: 2, opacity: 1}, encoding: {x: {field: 'ratio', ...x}, stroke: colour, fill: {field: 'fill', type: 'nominal', scale: null}, shape: {field: 'shape', type: 'nominal', scale: null}, tooltip: TIP}},
    ],
  }));
}

/** steps of waterfallSteps(); pale where the change may be chance. */
export function waterfallChart(steps, label) {
  const range = extent(steps.flatMap(({start, end}) => [start, end, 0]));
  const {unit, scale} = secondUnit(Math.max(Math.abs(range[0]), Math.abs(range[1])));
  const data = steps.map(({label: name, change, start, end, centre, isTotal}) => ({
    label: name, low: Math.min(start, end) * scale, high: Math.max(start, end) * scale, text: formatSeconds(change).replace(/^(?=[^−0])/, '+'),
    colour: isTotal ? 'var(--muted)' : change > 0 ? 'var(--bad)' : 'var(--good)', opacity: isTotal || centre === null || centre.p_value === null || centre.p_value <= 0.05 ? 1 : 0.4,
    tip: [[name], ['change', formatSeconds(change)], ...(centre ? [['a', formatSeconds(centre.a_seconds)], ['b', formatSeconds(centre.b_seconds)], ['of the change', formatPercent(centre.fraction)], ['p, adjusted', formatNumber(centre.p_value, 2)]] : [])],
  }));
  const x = {type: 'quantitative', title: `seconds of b less those of a, added up, ${unit}`, axis: {tickCount: 6}, scale: {zero: true, padding: 4}};
  return chart(`${label}: how each cost centre changed, added up; the figures are in the table below.`, (size) => ({
    data: {rows: data},
    height: rowsHeight(data.length, size, 26),
    encoding: {y: {field: 'label', type: 'nominal', sort: null, scale: {type: 'band'}, axis: rowAxis(size)}},
    layer: [
      {mark: {type: 'bar', height: {band: 0.72}, minBandSize: 2}, encoding: {x: {field: 'low', ...x}, x2: {field: 'high'}, fill: {field: 'colour', type: 'nominal', scale: null}, opacity: {field: 'opacity', type: 'quantitative', scale: null}, tooltip: TIP}},
      {mark: {type: 'rule'}, encoding: {y: null, x: {datum: 0, ...x}, stroke: {value: 'var(--line)'}}},
      {mark: {type: 'text', align: 'left', dx: 5, fontSize: 11}, encoding: {x: {field: 'high', ...x}, text: {field: 'text'}, fill: {value: 'var(--text)'}}},
    ],
  }));
}
