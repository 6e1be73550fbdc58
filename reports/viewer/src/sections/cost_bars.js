// Stacked bars: where the profiled run of each placement went, by kernel and phase, up to the wall time.
import {OTHER_KERNELS} from '../chart/colours.js';
import {rowAxis, rowsHeight} from '../chart/config.js';
import {TIP, chart} from '../chart/vega_chart.js';
import {sum} from '../stats/quantile.js';
import {formatPercent, formatSeconds, secondUnit} from '../text/format.js';
import {barPieces, wallSeconds} from './cost_data.js';

export const MOST_BARS = 40;

export function costBars(rows, labels, colours, measure) {
  const isShare = measure === 'share';
  const walls = rows.map((row) => wallSeconds(row) ?? sum(row.centres.map(({seconds}) => seconds)));
  const {unit, scale} = secondUnit(Math.max(...walls));
  const data = rows.flatMap((row, i) => {
    const factor = isShare ? 1 / walls[i] : scale;
    return barPieces(row, colours).map(({phase, name, seconds, start}) => ({
      label: labels[row.index], low: start * factor, high: (start + seconds) * factor,
      colour: name === OTHER_KERNELS ? 'var(--other)' : colours.colour(name), opacity: phase === 'prefill' ? 0.6 : 1,
      tip: [[`${name}${phase ? `, ${phase}` : ''}`], ['of', labels[row.index]], ['seconds', formatSeconds(seconds)], ['of the wall time', formatPercent(seconds / walls[i])]],
    }));
  });
  const x = {type: 'quantitative', title: isShare ? 'share of the profiled run’s wall time' : `profiled run, ${unit}`,
    axis: {tickCount: 6, ...(isShare ? {format: '.0%'} : {})}, scale: isShare ? {domain: [0, 1], clamp: true} : {nice: true}};
  return chart(`Cost centres of ${rows.length} rows as stacked bars; the figures of one row are in the table below.`, (size) => ({
    data: {rows: data},
    height: rowsHeight(rows.length, size, 26),
    mark: {type: 'bar', height: {band: 0.78}, stroke: 'var(--panel)', strokeWidth: 0.75},
    encoding: {
      y: {field: 'label', type: 'nominal', sort: null, axis: rowAxis(size)}, x: {field: 'low', ...x}, x2: {field: 'high'},
      fill: {field: 'colour', type: 'nominal', scale: null}, opacity: {field: 'opacity', type: 'quantitative', scale: null}, tooltip: TIP,
    },
  }));
}
