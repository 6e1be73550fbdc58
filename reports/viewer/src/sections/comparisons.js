// Row b against row a: verdicts with ratio, interval and band, then one comparison in detail, by tokens and by kernel.
import {verdictClass} from '../chart/colours.js';
import {choice, element, legend, replace} from '../dom/element.js';
import {facetValues, filterRows, searchRows} from '../table/table_model.js';
import {TableView, plainTable} from '../table/table_view.js';
import {DASH, formatCount, formatInterval, formatNumber, formatPercent, formatSeconds, formatSignedPercent} from '../text/format.js';
import {metricName, verdictText} from '../text/labels.js';
import {MOST_RATIOS, ratioChart, waterfallChart} from './comparison_charts.js';
import {judged} from '../stats/equal_work.js';
import {comparisonLabels, inOrderOfConcern, waterfallSteps} from './comparison_data.js';

const FACETS = {verdict: ({judgement}) => judgement.text, metric: ({metric}) => metricName(metric)};

function verdictCell({judgement, confirmed, paired}) {
  const notes = [confirmed === true ? 'seen again' : confirmed === false ? 'not seen again' : null, paired === false ? 'not paired' : null].filter(Boolean);
  return [element('span', {class: `badge ${judgement.tone}`}, judgement.text), notes.length ? element('small', {}, notes.join(', ')) : null];
}

/** Outputs of both rows: faster with other bits is not simply faster. */
const outputs = (rows) => ({a, b}) => [rows[a], rows[b]].map(({verification}, i) =>
  element('div', {}, `${'ab'[i]} `, element('span', {class: `badge ${verdictClass(verification.verdict)}`}, verdictText(verification.verdict))));

const columns = (rows) => [
  {title: 'comparison', value: ({label}) => label, cell: ({label}) => label},
  {title: 'metric', value: FACETS.metric, cell: FACETS.metric},
  {title: 'verdict', value: ({judgement}) => judgement.text, cell: verdictCell},
  {title: 'change', number: true, first: 'descending', value: ({median_ratio: ratio}) => ratio, hint: 'Median of b over a, less 1',
    cell: ({median_ratio: ratio}) => formatSignedPercent(ratio === null ? null : ratio - 1, 2)},
  {title: 'ratio b/a', number: true, value: ({median_ratio: ratio}) => ratio, cell: ({median_ratio: ratio, ci, confidence}) => [formatNumber(ratio),
    element('small', {}, ci ? `${formatInterval(ci, '')}${confidence === null ? '' : ` (${formatPercent(confidence, 0)})`}` : 'no interval')]},
  {title: 'outputs', cell: outputs(rows)},
  {title: 'band', number: true, hint: 'The relative change that does not matter', value: ({band}) => band, cell: ({band}) => (band === null ? DASH : `±${formatPercent(band, 2)}`)},
  {title: 'could have seen', number: true, hint: 'Minimum detectable effect: the slow-down that such pairs show four times in five', value: ({minimum_detectable_effect: effect}) => effect, cell: ({minimum_detectable_effect: effect}) => formatPercent(effect, 2)},
  {title: 'pairs', number: true, value: ({pairs}) => pairs, cell: ({pairs, processes}) => [formatCount(pairs), processes > 1 ? element('small', {}, `${processes} process pairs`) : null]},
];

const TOKENS = [['prefill', 'time to first token'], ['per_token', 'each later token'], ['per_position', 'each later token, for each position before it']];

function tokenTable({tokens}) {
  if (!tokens) return element('p', {class: 'muted'}, 'Which part of the call changed was not looked at.');
  return [
    plainTable('Change by tokens', ['part of the call', '#seconds of b less a', '#interval'],
      TOKENS.map(([key, text]) => [text, formatSeconds(tokens[key].seconds), formatInterval(tokens[key].ci, 's')])),
    element('p', {class: 'muted'}, `Medians over pairs; ${formatCount(tokens.n_later_tokens)} tokens follow the first.`),
  ];
}

function centreTable({centres}) {
  const table = new TableView({caption: 'Change by cost centre', columns: [
    {title: 'kernel', value: ({name}) => name, cell: ({name}) => name ?? DASH},
    {title: 'phase', value: ({phase}) => phase || null, cell: ({phase}) => phase || DASH},
    {title: 'a', number: true, first: 'descending', value: ({a_seconds: a}) => a, cell: ({a_seconds: a}) => formatSeconds(a)},
    {title: 'b', number: true, first: 'descending', value: ({b_seconds: b}) => b, cell: ({b_seconds: b}) => formatSeconds(b)},
    {title: 'b less a', number: true, first: 'descending', value: ({a_seconds: a, b_seconds: b}) => (a === null || b === null ? null : b - a), cell: ({a_seconds: a, b_seconds: b}) => (a === null || b === null ? DASH : formatSeconds(b - a))},
    {title: 'of the change', number: true, first: 'descending', value: ({fraction}) => fraction, cell: ({fraction}) => formatPercent(fraction)},
    {title: 'p, adjusted', number: true, hint: 'That it did not change, adjusted for the number of centres', value: ({p_value: p}) => p, cell: ({p_value: p}) => formatNumber(p, 2)},
  ]});
  table.setRows(centres);
  return table.node;
}

function detail(comparison) {
  const byKernel = comparison.centres.length === 0 ? element('p', {class: 'muted'}, 'Nothing was profiled, so the change is not split by kernel.')
    : [waterfallChart(waterfallSteps(comparison.centres), comparison.label),
      legend([{text: 'slower', swatch: 'swatch-bad'}, {text: 'faster', swatch: 'swatch-good'}, {text: 'sum', swatch: 'swatch-none'}, {text: 'pale: may be chance (p over 5 %)', swatch: 'swatch-band'}]), centreTable(comparison)];
  return [element('h3', {}, 'By tokens of the call'), tokenTable(comparison), element('h3', {}, 'By cost centre'), byKernel];
}

export function renderComparisons({comparisons, rows}, {labels, plain}) {
  const names = comparisonLabels(comparisons, plain);
  const all = inOrderOfConcern(comparisons.map((comparison, i) => ({...comparison, label: names[i], judgement: judged(comparison, rows)})));
  const state = {query: '', chosen: new Map()};
  const picture = element('div');
  const count = element('p', {class: 'count', 'aria-live': 'polite'});
  const host = element('div');
  const table = new TableView({caption: 'Verdicts of all comparisons', columns: columns(rows), onOrder: (order) => replace(picture, ratioChart(order.slice(0, MOST_RATIOS)),
    order.length > MOST_RATIOS ? element('p', {class: 'muted'}, `Drawn: the first ${MOST_RATIOS}, in the table's order.`) : null)});
  const update = () => {
    const found = searchRows(filterRows(all, FACETS, state.chosen), state.query, ({label, a, b}) => `${label} ${labels[a]} ${labels[b]}`);
    count.textContent = `${found.length} of ${all.length} comparisons`;
    table.setRows(found);
  };
  update();
  const filters = Object.entries(FACETS).filter(([, facet]) => facetValues(all, facet).length > 1).map(([name, facet]) =>
    choice(name, [{value: '', text: 'all'}, ...facetValues(all, facet).map((value) => ({value, text: value}))], '', (value) => {
      state.chosen.set(name, value);
      update();
    }));
  const search = element('input', {type: 'search', oninput: ({target}) => {
    state.query = target.value;
    update();
  }});
  replace(host, detail(all[0]));
  return [
    all.length > 3 ? element('div', {class: 'controls'}, filters, element('label', {class: 'control'}, element('span', {}, 'search'), search)) : null,
    all.length > 3 ? count : null,
    legend([{text: 'regression', swatch: 'swatch-bad'}, {text: 'improvement', swatch: 'swatch-good'}, {text: 'inconclusive, or faster with other bits', swatch: 'swatch-warn'}, {text: 'equivalent', swatch: 'swatch-none'}, {text: 'band that does not matter', swatch: 'swatch-band'}]),
    picture, table.node,
    element('h3', {}, 'One comparison in detail'),
    element('div', {class: 'controls'}, choice('comparison', all.map(({label, index}) => ({value: String(index), text: label})), String(all[0].index),
      (value) => replace(host, detail(all.find(({index}) => String(index) === value))))),
    host,
  ];
}
