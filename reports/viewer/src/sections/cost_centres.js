// Where the time goes: bars of all placements, then one of them as a flame chart and a table. The unattributed rest is
// always there, because cost centres without it would claim to explain the whole run.
import {OTHER_KERNELS, UNATTRIBUTED} from '../chart/colours.js';
import {choice, element, legend, replace} from '../dom/element.js';
import {flameView} from '../flame/flame_view.js';
import {sortRows} from '../table/table_model.js';
import {TableView} from '../table/table_view.js';
import {DASH, formatBytes, formatCount, formatNumber, formatPercent, formatRate, formatSeconds} from '../text/format.js';
import {MOST_BARS, costBars} from './cost_bars.js';
import {wallSeconds} from './cost_data.js';
import {intensityOf} from './roofline_data.js';
import {rowChoice} from './row_choice.js';

const LIMITS = {read: 'read', f32_fma: 'f32', bf16_dot: 'bf16 dot', int8_dot: 'int8 dot'};
const limitText = (limit) => (limit !== null && Object.hasOwn(LIMITS, limit) ? LIMITS[limit] : DASH);

const swatch = (colours, name) => element('span', {class: `swatch ${colours.swatch(name)}`, 'aria-hidden': 'true'});

function centreTable(row, label, colours) {
  const figure = (title, key, format, hint) => ({title, number: true, hint, first: 'descending', value: (centre) => centre[key] ?? null, cell: (centre) => format(centre[key])});
  const table = new TableView({
    caption: `Cost centres of ${label}`,
    columns: [
      {title: 'kernel', value: ({name}) => name, cell: (centre) => [swatch(colours, centre.name), centre.name ?? DASH]},
      {title: 'phase', value: ({phase}) => phase, cell: ({phase}) => phase ?? DASH},
      figure('calls', 'calls', formatCount),
      figure('time', 'seconds', (value) => formatSeconds(value)),
      figure('share', 'fraction', (value) => formatPercent(value), 'Of the wall time of the profiled run'),
      figure('bytes', 'bytes', formatBytes),
      figure('flops', 'flops', (value) => formatRate(value, 'flop')),
      {title: 'flops/byte', number: true, first: 'descending', value: intensityOf, cell: (centre) => formatNumber(intensityOf(centre), 3)},
      figure('bandwidth', 'bytes_per_second', (value) => formatRate(value, 'B/s')),
      figure('arithmetic', 'flops_per_second', (value) => formatRate(value, 'flop/s')),
      {title: 'of roofline', number: true, first: 'descending', hint: 'Share of the measured ceiling; above 100 % the data was in a cache', value: ({roofline_fraction: share}) => share ?? null,
        cell: ({roofline_fraction: share, roofline_limit: limit}) => [formatPercent(share), limit ? element('small', {}, limitText(limit)) : null]},
    ],
    rowClass: ({name, phase}) => (name === UNATTRIBUTED && phase === null ? 'rest' : null),
  });
  // What has no kernel stands among the kernels by its time, and takes part in the sorting like any other line.
  const wall = wallSeconds(row);
  const rest = {name: UNATTRIBUTED, phase: null, seconds: row.unattributed, fraction: wall > 0 ? row.unattributed / wall : null};
  table.setRows(sortRows([...row.centres, rest], ({seconds}) => seconds, 'descending'));
  return table.node;
}

function restText(row) {
  const wall = wallSeconds(row);
  if (wall === null) return 'This report does not say how much time is in no cost centre.';
  const negative = row.unattributed < 0 ? ' It is negative because records overlap.' : '';
  return `Profiled run: ${formatSeconds(wall)}, of which ${formatSeconds(row.unattributed)} (${formatPercent(row.unattributed / wall)}) in no cost centre.${negative} Profiled runs are not among the samples.`;
}

export function renderCostCentres({rows}, {labels, colours}) {
  const profiled = rows.filter(({centres}) => centres.length > 0);
  if (profiled.length === 0) return element('p', {class: 'muted'}, 'No row was profiled. reprise replay --profile and reprise profile add cost centres.');
  const bars = element('div');
  const drawBars = (measure) => replace(bars, costBars(profiled.slice(0, MOST_BARS), labels, colours, measure));
  drawBars('share');
  const host = element('div');
  const show = (row) => replace(host, element('p', {}, restText(row)),
    flameView(row, labels[row.index], colours), centreTable(row, labels[row.index], colours));
  show(profiled[0]);
  const shown = colours.ranked.filter((name) => !colours.isOther(name));
  return [
    element('div', {class: 'controls'}, choice('bars show', [{value: 'share', text: 'share of the wall time'}, {value: 'seconds', text: 'seconds'}], 'share', drawBars)),
    legend([...shown.map((name) => ({text: name, swatch: colours.swatch(name)})),
      colours.ranked.length > shown.length ? {text: OTHER_KERNELS, swatch: 'swatch-other'} : null,
      {text: UNATTRIBUTED, swatch: 'swatch-gap'}, {text: 'pale: prefill, full: decode', swatch: 'swatch-band'}].filter(Boolean)),
    bars,
    profiled.length > MOST_BARS ? element('p', {class: 'muted'}, `Drawn: the first ${MOST_BARS} of ${profiled.length} profiled rows.`) : null,
    element('h3', {}, 'One row in detail'),
    element('div', {class: 'controls'}, rowChoice('row', profiled, labels, show)),
    host,
  ];
}
