// Each cost centre against what the machine can do: arithmetic intensity and achieved flops under the measured ceilings.
import {TIP, chart} from '../chart/vega_chart.js';
import {element, legend, replace} from '../dom/element.js';
import {extent} from '../stats/quantile.js';
import {formatRate, plural} from '../text/format.js';
import {ceilingsFor, roofLines, rooflinePoints} from './roofline_data.js';
import {rowChoice} from './row_choice.js';

const GIGA = 1e9;

function domains(points, ceilings) {
  const x = extent(points.map(({intensity}) => intensity));
  // The ridge, where memory stops to be the limit, belongs into the picture.
  const ridge = ceilings?.read && ceilings.peaks.length ? Math.max(...ceilings.peaks.map(({value}) => value)) / ceilings.read : x[1];
  const low = x[0] / 2;
  const high = Math.max(x[1], ridge) * 4;
  const lines = ceilings ? roofLines(ceilings, low, high) : [];
  const y = extent([...points.map(({achieved}) => achieved), ...lines.flatMap((line) => [line.y, line.y2])]);
  return {x: [low, high], y: [y[0] / 1.6, y[1] * 1.8], lines};
}

function rooflineChart(points, ceilings, label) {
  const {x: xs, y: ys, lines} = domains(points, ceilings);
  const scaled = points.map((point) => ({...point, achieved: point.achieved / GIGA}));
  const roofs = lines.map((line) => ({...line, y: line.y / GIGA, y2: line.y2 / GIGA}));
  const names = roofs.filter(({name}) => name).map((line) => ({x: line.x2, y: line.y, text: `${line.name}, ${formatRate(line.y * GIGA, 'flop/s')}`}));
  const slope = roofs.find(({kind}) => kind === 'read');
  // Written along the roof's middle, below it, for the top is where the peaks are.
  const along = slope ? [{x: Math.sqrt(slope.x * slope.x2), y: Math.sqrt(slope.y * slope.y2), text: `read, ${formatRate(ceilings.read, 'B/s')}`}] : [];
  const x = {type: 'quantitative', title: 'arithmetic intensity, flop/byte (log scale)', scale: {type: 'log', domain: xs, nice: false}, axis: {tickCount: 6, format: '~g'}};
  const y = {type: 'quantitative', title: 'achieved, Gflop/s (log scale)', scale: {type: 'log', domain: ys.map((value) => value / GIGA), nice: false}, axis: {tickCount: 6, format: '~g'}};
  return chart(`${label}: cost centres on a roofline plot; the figures are in the table of cost centres.`, () => ({
    data: {rows: scaled, roofs, names, along},
    height: 380,
    layer: [
      {data: {name: 'roofs'}, mark: {type: 'rule', strokeWidth: 2}, encoding: {x: {field: 'x', ...x}, x2: {field: 'x2'}, y: {field: 'y', ...y}, y2: {field: 'y2'}, stroke: {value: 'var(--line)'}}},
      {data: {name: 'names'}, mark: {type: 'text', align: 'right', baseline: 'bottom', dy: -4}, encoding: {x: {field: 'x', ...x}, y: {field: 'y', ...y}, text: {field: 'text'}, fill: {value: 'var(--muted)'}}},
      {data: {name: 'along'}, mark: {type: 'text', align: 'left', baseline: 'top', dx: 8, dy: 4}, encoding: {x: {field: 'x', ...x}, y: {field: 'y', ...y}, text: {field: 'text'}, fill: {value: 'var(--muted)'}}},
      {
        mark: {type: 'point', filled: true, opacity: 0.85, stroke: 'var(--panel)', strokeWidth: 1},
        encoding: {x: {field: 'intensity', ...x}, y: {field: 'achieved', ...y}, fill: {field: 'colour', type: 'nominal', scale: null}, tooltip: TIP,
          shape: {field: 'shape', type: 'nominal', scale: null}, size: {field: 'seconds', type: 'quantitative', scale: {range: [40, 900], zero: true}}},
      },
    ],
  }));
}

function view(row, label, roofline, colours) {
  const {points, left} = rooflinePoints(row, colours);
  if (points.length === 0) return element('p', {class: 'muted'}, 'No cost centre of this row has both arithmetic and bytes.');
  const ceilings = ceilingsFor(row, roofline);
  const above = points.filter(({share}) => share > 1).length;
  return [
    rooflineChart(points, ceilings, label),
    element('p', {class: 'muted'}, [
      ceilings ? `Ceilings as measured on this machine with ${ceilings.threads}.` : roofline ? 'The ceilings measured are the processor’s; this row ran on a GPU.' : 'No roofline was measured, so there are no ceilings.',
      above ? `${plural(above, 'centre')} above a ceiling: the data was in a cache, which is faster than memory.` : '',
      left ? `${plural(left, 'centre')} without arithmetic, bytes or time cannot be drawn here.` : '',
    ].filter(Boolean).join(' ')),
  ];
}

export function renderRoofline({rows, machine}, {labels, colours}) {
  const profiled = rows.filter(({centres}) => centres.length > 0);
  if (profiled.length === 0) return element('p', {class: 'muted'}, 'No row was profiled, so there is nothing to hold against the roofline.');
  const host = element('div');
  const show = (row) => replace(host, view(row, labels[row.index], machine.roofline, colours),
    legend(colours.ranked.filter((name) => !colours.isOther(name) && row.centres.some((centre) => centre.name === name && centre.flops > 0))
      .map((name) => ({text: name, swatch: colours.swatch(name)}))));
  show(profiled[0]);
  return [
    element('p', {class: 'muted'}, 'Larger marks took more time. Circles are decode, squares prefill.'),
    element('div', {class: 'controls'}, rowChoice('row', profiled, labels, show)), host,
  ];
}
