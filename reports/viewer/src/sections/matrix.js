// Backends x precisions x KV cache on and off: one sortable, filterable table, with what the outputs are beside every
// speed. A speed-up with other bits is labelled as such in its own cell, and a row that failed has dashes.
import {verdictClass} from '../chart/colours.js';
import {choice, element, legend, replace} from '../dom/element.js';
import {facetValues, filterRows, searchRows} from '../table/table_model.js';
import {TableView} from '../table/table_view.js';
import {DASH, formatCount, formatFigure, formatInterval, formatNumber, formatRatio} from '../text/format.js';
import {STANDARD_METRICS, metricName, verdictText} from '../text/labels.js';
import {MOST_ROWS, metricChart} from './matrix_chart.js';
import {referenceFor, speedOf} from '../stats/equal_work.js';

const FACETS = {
  capture: ({capture}) => capture.name ?? DASH,
  backend: ({placement}) => [placement.backend, placement.isa].filter(Boolean).join(' ') || DASH,
  precision: ({placement}) => placement.precision ?? DASH,
  'KV cache': ({placement}) => onOff(placement.kv_cache),
  outputs: ({verification}) => verdictText(verification.verdict),
};

const onOff = (flag) => (flag === null ? DASH : flag ? 'on' : 'off');

function figure(metric) {
  if (!metric) return DASH;
  return [formatFigure(metric.value, metric.unit), element('small', {}, metric.ci ? formatInterval(metric.ci, metric.unit) : 'no interval')];
}

const metricColumn = (name, title) => ({
  title, number: true, hint: metricName(name), first: name.endsWith('per_second') ? 'descending' : 'ascending',
  value: ({metrics}) => metrics.get(name)?.value ?? null,
  cell: ({metrics}) => figure(metrics.get(name)),
});

const badge = ({verification}) => element('span', {class: `badge ${verdictClass(verification.verdict)}`}, verdictText(verification.verdict));

function speedCell(row, reference) {
  const speed = speedOf(row, reference);
  if (!speed) return DASH;
  return [element('span', {class: speed.isEqualWork ? (speed.ratio > 1 ? 'good-text' : null) : 'warn-text'}, formatRatio(speed.ratio)),
    element('small', {}, row === reference ? 'the reference' : speed.note)];
}

function stopCell({stop, samples, failed}) {
  if (failed) return element('span', {class: 'badge bad'}, stop.reason === 'failed' ? 'failed' : 'no figures');
  const text = (stop.reason ?? DASH).replaceAll('_', ' ');
  return [stop.converged ? text : element('span', {class: 'badge warn'}, text), element('small', {}, `${formatCount(samples.total.length)} runs`)];
}

function columns(rows, reference) {
  const many = (value) => new Set(rows.map(value)).size > 1;
  const has = (value) => rows.some((row) => value(row) !== null);
  const text = (title, value) => ({title, value, cell: (row) => value(row) ?? DASH});
  return [
    text('backend', FACETS.backend),
    many(FACETS.capture) && text('capture', FACETS.capture),
    text('precision', ({placement}) => placement.precision),
    {title: 'KV cache', value: FACETS['KV cache'], cell: ({placement}) => onOff(placement.kv_cache) + (placement.kv_cache && placement.kv_precision ? ` ${placement.kv_precision}` : '')},
    {title: 'threads', number: true, value: ({placement}) => placement.threads, cell: ({placement}) => formatCount(placement.threads)},
    many(({placement}) => placement.numerics) && text('numerics', ({placement}) => placement.numerics),
    {title: 'speed', number: true, first: 'descending', hint: 'Total time of the reference over that of this row: ratio of medians', value: (row) => speedOf(row, reference(row))?.ratio ?? null, cell: (row) => speedCell(row, reference(row))},
    {title: 'outputs', value: ({verification}) => ['identical', 'same_tokens', 'within_tolerance', 'differs'].indexOf(verification.verdict), cell: badge},
    {title: 'first divergence', number: true, hint: 'Index of the first generated token that differs, or that this placement would have drawn otherwise', value: ({verification}) => verification.first_divergence, cell: ({verification}) => formatCount(verification.first_divergence)},
    has(({verification}) => verification.max_abs_logit_error) && {title: 'logit error', number: true, hint: 'Largest absolute difference of a logit', value: ({verification}) => verification.max_abs_logit_error, cell: ({verification}) => formatNumber(verification.max_abs_logit_error, 3)},
    has(({verification}) => verification.mean_kl_divergence) && {title: 'mean KL', number: true, hint: 'Mean KL divergence, nats', value: ({verification}) => verification.mean_kl_divergence, cell: ({verification}) => formatNumber(verification.mean_kl_divergence, 3)},
    metricColumn('total_seconds', 'total'),
    metricColumn('time_to_first_token_seconds', 'first token'),
    metricColumn('prefill_tokens_per_second', 'prefill'),
    metricColumn('decode_tokens_per_second', 'decode'),
    metricColumn('inter_token_latency_p50_seconds', 'latency p50'),
    metricColumn('inter_token_latency_p99_seconds', 'latency p99'),
    {title: 'stopped', value: ({stop}) => stop.reason, cell: stopCell},
  ].filter(Boolean);
}

const SHAPES = [
  {text: 'captured bits', swatch: 'dot-good'},
  {text: 'other bits, same tokens or in tolerance', swatch: 'dot-warn'},
  {text: 'hollow: not converged', swatch: 'dot-hollow'},
];

export function renderMatrix({rows}, {labels}) {
  const state = {query: '', chosen: new Map(), reference: 'first'};
  const metrics = [...new Set([...STANDARD_METRICS, ...rows.flatMap(({metrics: each}) => [...each.keys()])])]
    .filter((name) => rows.some(({metrics: each}) => each.has(name)));
  state.metric = metrics.includes('decode_tokens_per_second') ? 'decode_tokens_per_second' : metrics[0] ?? null;
  const shown = element('p', {class: 'count', 'aria-live': 'polite'});
  const picture = element('div');
  const tableHost = element('div');
  let order = rows;

  const drawPicture = () => {
    const drawn = state.metric === null ? null : metricChart(order, labels, state.metric);
    const without = state.metric === null ? 0 : order.filter(({metrics: each}) => !each.has(state.metric)).length;
    replace(picture, drawn ?? element('p', {class: 'muted'}, 'None of these rows has this figure.'),
      drawn && without ? element('p', {class: 'muted'}, `${without} of these rows have no such figure and are not drawn.`) : null,
      order.length - without > MOST_ROWS ? element('p', {class: 'muted'}, `Drawn: the first ${MOST_ROWS}, in the table's order.`) : null);
  };
  let table;
  const update = () => {
    const found = searchRows(filterRows(rows, FACETS, state.chosen), state.query, (row) =>
      [labels[row.index], ...Object.values(FACETS).map((facet) => facet(row)), row.placement.numerics, row.stop.reason].join(' '));
    shown.textContent = `${found.length} of ${rows.length} rows`;
    table.setRows(found);
  };
  const makeTable = () => {
    const reference = referenceFor(rows, state.reference);
    table = new TableView({
      caption: 'Rows with figures and outputs', columns: columns(rows, reference),
      rowClass: ({failed}) => (failed ? 'failed' : null),
      onOrder: (next) => {
        order = next;
        drawPicture();
      },
    });
    replace(tableHost, table.node);
    update();
  };

  const filters = Object.entries(FACETS).map(([name, facet]) => {
    const values = facetValues(rows, facet);
    if (values.length < 2) return null;
    return choice(name, [{value: '', text: 'all'}, ...values.map((value) => ({value, text: value}))], '', (value) => {
      state.chosen.set(name, value);
      update();
    });
  });
  const search = element('input', {type: 'search', placeholder: 'e.g. bf16 off', oninput: ({target}) => {
    state.query = target.value;
    update();
  }});
  const references = [{value: 'first', text: 'the first row of each capture'}, ...rows.map((row) => ({value: String(row.index), text: labels[row.index]}))];
  makeTable();
  return [
    element('div', {class: 'controls'},
      choice('chart', metrics.map((name) => ({value: name, text: metricName(name)})), state.metric, (value) => {
        state.metric = value;
        drawPicture();
      }),
      element('label', {class: 'control'}, element('span', {}, 'search'), search), filters,
      choice('speed against', references, 'first', (value) => {
        state.reference = value;
        makeTable();
      })),
    shown, legend(SHAPES), picture, tableHost,
    element('p', {class: 'muted'}, 'Medians, with their intervals beneath. Speed is the ratio of median total times, not a paired comparison; for that see Comparisons.'),
  ];
}
