// One metric over the rows: median and interval, with the verdict as colour and shape, hollow when not converged.
import {verdictColour, verdictShape} from '../chart/colours.js';
import {rowAxis, rowsHeight} from '../chart/config.js';
import {TIP, chart} from '../chart/vega_chart.js';
import {formatFigure, formatInterval, secondUnit} from '../text/format.js';
import {metricName, verdictText} from '../text/labels.js';
import {extent} from '../stats/quantile.js';

export const MOST_ROWS = 40;

/** Values in the unit of the axis, and the axis' title. */
function axisUnit(values, unit) {
  if (unit !== 's') return {scale: 1, title: unit ?? ''};
  const {unit: name, scale} = secondUnit(values[1]);
  return {scale, title: name};
}

export function metricPoints(rows, labels, metric) {
  return rows.filter((row) => row.metrics.has(metric)).map((row) => ({row, label: labels[row.index], ...row.metrics.get(metric)}));
}

const tip = ({row, label, value, ci, unit, n}, metric) => [
  [label],
  [metricName(metric), formatFigure(value, unit)],
  ['interval', formatInterval(ci, unit)],
  ['samples', String(n ?? '–')],
  ['outputs', verdictText(row.verification.verdict)],
  ['stopped', (row.stop.reason ?? '–').replaceAll('_', ' ')],
];

export function metricChart(rows, labels, metric) {
  const points = metricPoints(rows, labels, metric).slice(0, MOST_ROWS);
  if (points.length === 0) return null;
  const range = extent(points.flatMap(({value, ci}) => [value, ...(ci ?? [])]));
  // Beyond a factor of 20 a linear axis leaves the small values without a visible length.
  const isLog = range[0] > 0 && range[1] / range[0] > 20;
  const {scale, title} = axisUnit(range, points[0].unit);
  const data = points.map((point) => ({
    label: point.label, value: point.value * scale, low: (point.ci?.[0] ?? point.value) * scale, high: (point.ci?.[1] ?? point.value) * scale,
    colour: verdictColour(point.row.verification.verdict), shape: verdictShape(point.row.verification.verdict),
    fill: point.row.stop.converged === false ? 'var(--panel)' : verdictColour(point.row.verification.verdict), tip: tip(point, metric),
  }));
  const x = {
    type: 'quantitative', title: `${metricName(metric)}, ${title}${isLog ? ' (log scale)' : ''}`,
    scale: isLog ? {type: 'log', nice: true} : {zero: true, nice: true}, axis: {tickCount: 6, labelOverlap: true},
  };
  const colour = {field: 'colour', type: 'nominal', scale: null};
  return chart(`${metricName(metric)} of ${points.length} rows with intervals; the figures are in the table below.`, (size) => ({
    data: {rows: data},
    height: rowsHeight(data.length, size),
    encoding: {y: {field: 'label', type: 'nominal', sort: null, axis: rowAxis(size, {grid: true})}},
    layer: [
      {mark: {type: 'rule', strokeWidth: 3, opacity: 0.55}, encoding: {x: {field: 'low', ...x}, x2: {field: 'high'}, stroke: colour}},
      {
        mark: {type: 'point', size: 75, strokeWidth: 2, opacity: 1},
        encoding: {x: {field: 'value', ...x}, shape: {field: 'shape', type: 'nominal', scale: null}, stroke: colour,
          fill: {field: 'fill', type: 'nominal', scale: null}, tooltip: TIP},
      },
    ],
  }));
}
