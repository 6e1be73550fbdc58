// What the KV cache is worth: inter-token latency over position, with it and without, at every placement.
import {choice, element, legend, replace} from '../dom/element.js';
import {TableView} from '../table/table_view.js';
import {cachePairs, latencyByPosition, latencyLine} from '../stats/latency.js';
import {median} from '../stats/quantile.js';
import {DASH, formatRatio, formatSeconds, plural} from '../text/format.js';
import {rowLabels} from '../text/labels.js';
import {MOST_PAIRS, SIDES, overviewChart, pairChart} from './latency_charts.js';

function series(row) {
  if (!row) return null;
  const points = latencyByPosition(row);
  if (points.length === 0) return null;
  return {row, points, line: latencyLine(points), typical: median(points.map(({seconds}) => seconds))};
}

/** Off over on at the last position that both have: there the cache saves most. */
export function benefit({on, off}) {
  if (!on || !off) return null;
  const last = new Map(on.points.map((point) => [point.position, point.seconds]));
  const shared = off.points.filter(({position}) => last.get(position) > 0);
  if (shared.length === 0) return null;
  const {position, seconds} = shared[shared.length - 1];
  return {position, ratio: seconds / last.get(position)};
}

/** Whether both computed the same logits, where the report tells. */
function sameBits({on, off}) {
  const digests = [on, off].map((side) => side?.row.verification.logits_digest ?? null);
  if (digests.includes(null)) return null;
  return digests[0] === digests[1];
}

export function latencyPairs(rows) {
  const pairs = cachePairs(rows).map(({on, off}) => ({on: series(on), off: series(off), row: on ?? off}));
  const labels = rowLabels(pairs.map(({row}) => ({...row, placement: {...row.placement, kv_cache: null}})));
  return pairs.map((pair, i) => ({...pair, label: labels[i], colour: `var(--k${i % 10})`, swatch: `swatch-k${i % 10}`, benefit: benefit(pair), sameBits: sameBits(pair)}))
    .filter(({on, off}) => on || off);
}

const slope = (side) => (side?.line ? side.line.slope : null);

function table(pairs) {
  const columns = [
    {title: 'placement', value: ({label}) => label, cell: ({label}) => label},
    ...SIDES.flatMap((side) => [
      {title: `KV ${side}: median`, number: true, value: (pair) => pair[side]?.typical ?? null, cell: (pair) => (pair[side] ? formatSeconds(pair[side].typical) : DASH)},
      {title: `KV ${side}: slope`, number: true, hint: 'Theil-Sen slope: seconds more for each position before the token', value: (pair) => slope(pair[side]),
        cell: (pair) => (slope(pair[side]) === null ? DASH : `${formatSeconds(slope(pair[side]))}/position`)},
    ]),
    {title: 'cache saves', number: true, first: 'descending', hint: 'Latency without the cache over latency with it, at the last position', value: (pair) => pair.benefit?.ratio ?? null,
      cell: (pair) => (pair.benefit ? [element('b', {class: pair.benefit.ratio > 1 && pair.sameBits !== false ? 'good-text' : null}, formatRatio(pair.benefit.ratio)), element('small', {}, `at position ${pair.benefit.position}`)] : DASH)},
    {title: 'on against off', value: ({sameBits: same}) => (same === null ? null : Number(same)), cell: ({sameBits: same}) => (same === null ? DASH : element('span', {class: `badge ${same ? 'good' : 'warn'}`}, same ? 'same bits' : 'other bits'))},
  ];
  const view = new TableView({caption: 'Latency with and without the KV cache', columns});
  view.setRows(pairs);
  return view.node;
}

function sentence(pairs) {
  const known = pairs.filter((pair) => pair.benefit).sort((a, b) => b.benefit.ratio - a.benefit.ratio);
  if (known.length === 0) return 'No placement was measured both with and without the KV cache.';
  const [most] = known;
  const least = known[known.length - 1];
  const text = (pair) => `${formatRatio(pair.benefit.ratio)} (${pair.label}, position ${pair.benefit.position})`;
  const range = known.length === 1 ? text(most) : `from ${text(least)} to ${text(most)}`;
  return `At the last position, a token is ${range} as fast with the KV cache as without it.`;
}

export function renderLatency({rows}) {
  const pairs = latencyPairs(rows);
  if (pairs.length === 0) return element('p', {class: 'muted'}, 'No row has samples of more than one generated token.');
  const host = element('div');
  const drawn = pairs.slice(0, MOST_PAIRS);
  const show = (pair) => replace(host, pairChart(pair));
  show(pairs[0]);
  return [
    element('p', {}, sentence(pairs)),
    legend([...drawn.map(({label, swatch}) => ({text: label, swatch})), {text: 'solid: KV on, dashed: KV off', swatch: 'swatch-line'}]),
    overviewChart(drawn),
    pairs.length > MOST_PAIRS ? element('p', {class: 'muted'}, `Drawn: the first ${MOST_PAIRS} of ${plural(pairs.length, 'placement')}; the table has all.`) : null,
    table(pairs),
    element('h3', {}, 'One placement in detail'),
    element('div', {class: 'controls'}, choice('placement', pairs.map(({label}, i) => ({value: String(i), text: label})), '0', (value) => show(pairs[Number(value)]))),
    legend([{text: 'KV cache on', swatch: 'swatch-on'}, {text: 'KV cache off', swatch: 'swatch-off'}, {text: 'dashed: fitted line (Theil–Sen); pale: quartiles over runs', swatch: 'swatch-line'}]),
    host,
    element('p', {class: 'muted'}, 'Medians over runs at each position. The first generated token is left out: its time is the time to first token. Slopes are fitted here, from the report’s token_seconds.'),
  ];
}
