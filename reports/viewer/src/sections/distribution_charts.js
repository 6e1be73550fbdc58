// The three pictures of samples. All are made of a few hundred marks, whatever the number of runs.
import {rowAxis, rowsHeight} from '../chart/config.js';
import {TIP, chart} from '../chart/vega_chart.js';
import {binned, density, paddedExtent} from '../stats/density.js';
import {extent, median, quantileOfSorted, sorted} from '../stats/quantile.js';
import {beyondFences, evenly, inGroups, jitter} from '../stats/spread.js';
import {formatSeconds, formatSignedPercent, secondUnit} from '../text/format.js';

export const MOST_STRIPS = 40;
const BINS = 80;
const MOST_MARKS = 700;

/** Bins of (sample / median - 1), darker where more runs are; the tails beyond 1 % and 99 % of all rows at the edges. */
export function spreadCells(rows, labels) {
  const deviations = rows.map((row) => {
    const middle = median(row.samples.total);
    return {row, values: row.samples.total.map((value) => (middle > 0 ? value / middle - 1 : 0))};
  });
  const pooled = sorted(deviations.flatMap(({values}) => evenly(values, 400)));
  const low = Math.min(-0.005, quantileOfSorted(pooled, 0.01));
  const high = Math.max(0.005, quantileOfSorted(pooled, 0.99));
  return deviations.flatMap(({row, values}) => {
    const cells = binned(values, low, high, BINS);
    const most = Math.max(...cells.map(({count}) => count));
    return cells.filter(({count}) => count > 0).map((cell, i, kept) => ({
      label: labels[row.index], low: cell.low, high: cell.high, share: 0.18 + 0.82 * (cell.count / most),
      tip: [[labels[row.index]], ['from its median', `${formatSignedPercent(cell.low)} to ${formatSignedPercent(cell.high)}`],
        ['runs', `${cell.count} of ${values.length}`],
        ...(i === kept.length - 1 && cell.high >= high ? [['slowest', formatSignedPercent(extent(values)[1])]] : [])],
    }));
  });
}

export function spreadChart(rows, labels) {
  const cells = spreadCells(rows, labels);
  return chart(`How the runs of ${rows.length} rows are spread about their medians.`, (size) => ({
    data: {rows: cells},
    height: rowsHeight(rows.length, size, 20),
    layer: [
      {
        mark: {type: 'bar', height: {band: 0.72}},
        encoding: {
          y: {field: 'label', type: 'nominal', sort: null, axis: rowAxis(size)},
          x: {field: 'low', type: 'quantitative', title: 'run against the median of its row', axis: {format: '+.1%', tickCount: size.isNarrow ? 4 : 8}, scale: {nice: false, zero: false}},
          x2: {field: 'high'}, fill: {value: 'var(--on)'}, opacity: {field: 'share', type: 'quantitative', scale: null}, tooltip: TIP,
        },
      },
      {mark: {type: 'rule', strokeDash: [3, 3]}, encoding: {x: {datum: 0}, stroke: {value: 'var(--muted)'}}},
    ],
  }));
}

const secondsAxis = (values) => {
  const {unit, scale} = secondUnit(median(values));
  return {unit, scale, title: `total time, ${unit}`};
};

function medianBand(row, scale) {
  const total = row.metrics.get('total_seconds');
  return total ? [{middle: total.value * scale, low: (total.ci?.[0] ?? total.value) * scale, high: (total.ci?.[1] ?? total.value) * scale}] : [];
}

/** Outliers are always marks of their own; ordinary runs are thinned evenly when there are too many. */
export function stripPoints(row, scale) {
  const {total} = row.samples;
  const outliers = new Set(beyondFences(total, row.outliers?.fences));
  const ordinary = evenly(total.map((_, i) => i).filter((i) => !outliers.has(i)), MOST_MARKS);
  return [...ordinary, ...evenly([...outliers], MOST_MARKS)].map((i) => ({
    x: total[i] * scale, level: -0.08 - 0.34 * jitter(i), isOutlier: outliers.has(i),
    tip: [[`run ${i + 1}${outliers.has(i) ? ', an outlier' : ''}`], ['total', formatSeconds(total[i])]],
  }));
}

export function stripChart(row, label) {
  const {total} = row.samples;
  const {scale, title} = secondsAxis(total);
  const [low, high] = paddedExtent(total);
  const smooth = density(total, low, high) ?? [];
  const tallest = Math.max(...smooth.map((point) => point.density), 0);
  const curve = smooth.map((point) => ({x: point.x * scale, level: point.density / tallest}));
  const x = {type: 'quantitative', title, scale: {zero: false, nice: false, domain: [low * scale, high * scale]}, axis: {tickCount: 5}};
  const y = {type: 'quantitative', axis: null, scale: {domain: [-0.46, 1.05]}};
  return chart(`${label}: ${total.length} runs as a strip, and their density.`, () => ({
    data: {rows: stripPoints(row, scale), curve, middle: medianBand(row, scale)},
    height: 210,
    layer: [
      {data: {name: 'curve'}, mark: {type: 'area'}, encoding: {x: {field: 'x', ...x}, y: {field: 'level', ...y}, fill: {value: 'var(--on)'}, fillOpacity: {value: 0.22}, stroke: {value: 'var(--on)'}}},
      {data: {name: 'middle'}, mark: {type: 'rect', opacity: 0.25}, encoding: {x: {field: 'low', ...x}, x2: {field: 'high'}, fill: {value: 'var(--text)'}}},
      {data: {name: 'middle'}, mark: {type: 'rule', strokeWidth: 1.5}, encoding: {x: {field: 'middle', ...x}, stroke: {value: 'var(--text)'}}},
      {
        mark: {type: 'point', filled: true, size: 22, opacity: 0.65},
        encoding: {
          x: {field: 'x', ...x}, y: {field: 'level', ...y}, tooltip: TIP,
          fill: {condition: {test: 'datum.isOutlier', value: 'var(--bad)'}, value: 'var(--on)'},
        },
      },
    ],
  }));
}

/** Warm-up first, then the runs; long sequences in groups of neighbours with their range. */
export function sequenceMarks(row, scale) {
  const {total, warmup} = row.samples;
  const outliers = evenly(beyondFences(total, row.outliers?.fences), MOST_MARKS);
  const groups = inGroups(total, MOST_MARKS);
  const runs = groups.map(({first, last, low, middle, high}) => ({
    x: warmup.length + (first + last) / 2 + 1, y: middle * scale, low: low * scale, high: high * scale, kind: 'run',
    tip: first === last ? [[`run ${first + 1}`], ['total', formatSeconds(middle)]]
      : [[`runs ${first + 1} to ${last + 1}`], ['median', formatSeconds(middle)], ['range', `${formatSeconds(low)} to ${formatSeconds(high)}`]],
  }));
  const dropped = warmup.map((seconds, i) => ({
    x: i + 1, y: seconds * scale, low: seconds * scale, high: seconds * scale, kind: 'warmup',
    tip: [[i === 0 ? 'the cold run' : `warm-up run ${i + 1}`], ['total', formatSeconds(seconds)], ['', 'dropped']],
  }));
  const apart = outliers.map((i) => ({
    x: warmup.length + i + 1, y: total[i] * scale, low: total[i] * scale, high: total[i] * scale, kind: 'outlier',
    tip: [[`run ${i + 1}, an outlier`], ['total', formatSeconds(total[i])]],
  }));
  return [...evenly(dropped, MOST_MARKS), ...runs, ...apart];
}

export function sequenceChart(row, label) {
  const {total, warmup} = row.samples;
  const {scale, title} = secondsAxis(total);
  const marks = sequenceMarks(row, scale);
  const colour = {condition: [{test: "datum.kind === 'outlier'", value: 'var(--bad)'}, {test: "datum.kind === 'warmup'", value: 'var(--other)'}], value: 'var(--on)'};
  const x = {type: 'quantitative', title: 'run, warm-up included', scale: {nice: false, domain: [0.5, warmup.length + total.length + 0.5]}, axis: {tickMinStep: 1, format: 'd', tickCount: 6, grid: false}};
  const y = {type: 'quantitative', title, scale: {zero: false}, axis: {tickCount: 5}};
  return chart(`${label}: ${total.length} runs in order after ${warmup.length} of warm-up.`, () => ({
    data: {rows: marks, cut: warmup.length ? [{x: warmup.length + 0.5}] : [], middle: medianBand(row, scale)},
    height: 210,
    layer: [
      {data: {name: 'middle'}, mark: {type: 'rule', strokeWidth: 1.5}, encoding: {y: {field: 'middle', ...y}, stroke: {value: 'var(--text)'}}},
      {data: {name: 'cut'}, mark: {type: 'rule', strokeDash: [4, 3]}, encoding: {x: {field: 'x', ...x}, stroke: {value: 'var(--text)'}}},
      {mark: {type: 'rule', opacity: 0.5}, encoding: {x: {field: 'x', ...x}, y: {field: 'low', ...y}, y2: {field: 'high'}, stroke: colour}},
      {
        mark: {type: 'point', filled: true, opacity: 0.85},
        encoding: {size: {condition: {test: "datum.kind === 'warmup'", value: 70}, value: 24}, x: {field: 'x', ...x}, y: {field: 'y', ...y}, fill: colour, tooltip: TIP,
          shape: {condition: {test: "datum.kind === 'warmup'", value: 'cross'}, value: 'circle'}},
      },
    ],
  }));
}
