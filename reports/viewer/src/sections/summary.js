// The answer first: what ran, whether outputs agree, what is fastest and by how much, and what to be careful about.
import {element} from '../dom/element.js';
import {DASH, formatFigure, formatHalfWidth, formatRatio, formatSeconds, plural} from '../text/format.js';
import {inOrderOfConcern} from './comparison_data.js';
import {wallSeconds} from './cost_data.js';
import {judged} from '../stats/equal_work.js';
import {agreement, cautions, comparisonText, extremes, isProfiledOnly, rowsByCapture, speedText, verdictCounts, whatRan} from '../text/summary.js';

const MOST_LISTED = 6;
const MARKS = ['regression', 'improvement', 'inconclusive', 'equivalent'];

const tile = (state, name, value, ...rest) =>
  element('div', {class: `tile ${state}`}, element('span', {class: 'tile-name'}, name), element('strong', {}, value),
    element('span', {class: 'tile-rest'}, ...rest));

function speedTiles(rows, labels) {
  const found = extremes(rows);
  if (!found && rows.some(isProfiledOnly)) return [tile('none', 'Profiled run', formatSeconds(wallSeconds(rows.find(isProfiledOnly))), 'with every kernel timed')];
  if (!found) return [tile('none', 'Fastest', DASH, 'no row has figures')];
  const total = (row) => row.metrics.get('total_seconds');
  const rest = (row) => `${labels[row.index]} · ${formatHalfWidth(total(row).value, total(row).ci)}`;
  const isExact = found.fastest.verification.verdict === 'identical';
  const tiles = [tile(isExact ? 'good' : 'warn', isExact ? 'Fastest' : 'Fastest, with other bits',
    formatFigure(total(found.fastest).value, total(found.fastest).unit), rest(found.fastest))];
  if (!isExact && found.exact) {
    tiles.push(tile('good', 'Fastest with the captured bits', formatFigure(total(found.exact).value, total(found.exact).unit), rest(found.exact)));
  }
  if (found.timed > 1) {
    tiles.push(tile('none', 'Slowest over fastest', formatRatio(total(found.slowest).value / total(found.fastest).value),
      `${labels[found.slowest.index]} · ratio of medians`));
  }
  return tiles;
}

function more(items, render) {
  const list = element('ul', {class: 'sentences'}, items.slice(0, MOST_LISTED).map(render));
  if (items.length <= MOST_LISTED) return list;
  const rest = items.slice(MOST_LISTED);
  return [list, element('details', {}, element('summary', {}, `${rest.length} more`),
    element('ul', {class: 'sentences'}, rest.map(render)))];
}

function comparisonWords({comparisons, rows}, labels) {
  if (comparisons.length === 0) return null;
  return more(inOrderOfConcern(comparisons), (comparison) =>
    element('li', {class: `mark ${judged(comparison, rows).tone} ${MARKS.includes(comparison.verdict) ? comparison.verdict : ''}`}, comparisonText(comparison, rows, labels)));
}

export function renderSummary(report, {labels}) {
  const {rows, comparisons} = report;
  const groups = rowsByCapture(rows);
  const agree = agreement(rows, labels);
  const verdicts = verdictCounts(comparisons, rows);
  const notes = cautions(report);
  const tiles = [
    tile(agree.state, 'Outputs', agree.short, `${plural(rows.length, 'row')} verified against the capture`),
    ...(groups.length === 1 ? speedTiles(rows, labels) : []),
    ...(comparisons.length ? [tile(verdicts[0].tone, 'Comparisons', `${verdicts[0].count} × ${verdicts[0].text}`,
      [...verdicts.slice(1).map(({text, count}) => `${count} × ${text}`), `${comparisons.length} in all`].join(' · '))] : []),
  ];
  return [
    element('p', {class: 'lead'}, whatRan(report)),
    element('div', {class: 'tiles'}, tiles),
    element('p', {}, agree.text),
    groups.length === 1 ? element('p', {}, speedText(rows, labels))
      : more(groups, (group) => element('li', {}, element('b', {}, `${group[0].capture.name ?? 'unnamed'}: `), speedText(group, labels))),
    comparisonWords(report, labels),
    notes.length ? element('ul', {class: 'cautions', 'aria-label': 'Be careful'}, notes.map((note) => element('li', {}, note))) : null,
  ];
}
